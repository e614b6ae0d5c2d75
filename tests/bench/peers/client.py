"""A client that asks one thing at a time, and looks at the answer."""

import http.client
import json
import time

import bcrypt

from bench.tools import PASSWORD_PATH
from support.service import unverified

PASSWORD = b"correct horse battery"
SETTING_LENGTH = 29  # of the salt as crypt(5) writes it, with method and cost


def connect(port: int) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=unverified())


def get(connection: http.client.HTTPSConnection) -> bytes:
    """One answer on a connection that stays open."""
    connection.request("GET", PASSWORD_PATH)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise ConnectionError(f"status {response.status}")
    return body


def answers(port: int) -> bool:
    connection = connect(port)
    try:
        return bool(get(connection))
    except OSError:
        return False
    finally:
        connection.close()


def verify(port: int, cost: int) -> None:
    """That an answer is the right hash, made at this cost."""
    connection = connect(port)
    try:
        answer = json.loads(get(connection))
    finally:
        connection.close()
    salt, hashed = (bytes.fromhex(answer[name]) for name in ("salt", "hash"))
    right = (
        set(answer) == {"salt", "hash"}
        and salt == hashed[:SETTING_LENGTH]
        and hashed.split(b"$")[2] == b"%02d" % cost
        and bcrypt.checkpw(PASSWORD, hashed)
    )
    if not right:
        raise RuntimeError(f"not the hash that was asked for: {answer}")


def lone_ms(port: int, times: int) -> list[float]:
    """How long each of some answers takes, one after the other."""
    connection = connect(port)
    took = []
    try:
        get(connection)
        for _ in range(times):
            begin = time.perf_counter()
            get(connection)
            took.append((time.perf_counter() - begin) * 1000)
    finally:
        connection.close()
    return took
