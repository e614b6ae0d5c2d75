// Reads {name: HCL} as JSON, writes {name: {tree, expressions}} or {name: {error}}.
//
// In the tree a string is a template: "${...}" where the file has an expression. Each of them that is more than
// plain text is among the expressions, with its syntax tree and its way in the tree.
import { readFileSync } from "node:fs";
import hcl2json from "@cdktf/hcl2json";

// In a here-document quotes need no escape.
function template(text) {
    return `<<END_OF_TEMPLATE\n${text}\nEND_OF_TEMPLATE\n`;
}

// Many texts differ in one expression of a hundred.
const trees = new Map();

async function tree(text) {
    if (!trees.has(text)) {
        trees.set(text, await hcl2json.getExpressionAst("template", template(text)));
    }
    return trees.get(text);
}

async function expressions(value, path) {
    if (typeof value === "string") {
        const plain = !/[$%]\{/.test(value);
        return plain ? [] : [{ path, ast: await tree(value) }];
    }
    const found = [];
    for (const [key, inner] of Object.entries(value ?? {})) {
        found.push(...(await expressions(key, [...path, key])));
        found.push(...(await expressions(inner, [...path, key])));
    }
    return found;
}

async function read(name, text) {
    try {
        const body = await hcl2json.parse(name, text);
        return { tree: body, expressions: await expressions(body, []) };
    } catch (error) {
        return { error: error.message };
    }
}

const results = {};
for (const [name, text] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
    results[name] = await read(name, text);
}
// The parser would run on.
process.stdout.write(JSON.stringify(results), () => process.exit(0));
