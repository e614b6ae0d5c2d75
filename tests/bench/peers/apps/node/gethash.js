// The same endpoint on Node's http and the package bcrypt, which hashes in libuv's threads.
'use strict';

const http = require('node:http');
const bcrypt = require('bcrypt');

const COST = Number(process.env.COST);
const SETTING_LENGTH = 29; // $2b$, the cost, $, and 22 characters of salt

const hex = (text) => Buffer.from(text).toString('hex');

async function answer(request, response) {
    const found = /^\/gethash\/([^/?]+)\/?$/.exec(request.url);
    if (!found) {
        response.writeHead(404).end();
        return;
    }
    const hash = await bcrypt.hash(decodeURIComponent(found[1]), COST);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ salt: hex(hash.slice(0, SETTING_LENGTH)), hash: hex(hash) }));
}

http.createServer(answer).listen({ path: process.argv[2], writableAll: true });
