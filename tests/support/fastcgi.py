"""A FastCGI client, as small as one request needs (the FastCGI 1.0 specification, section 3)."""

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
RESPONDER = 1


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


def record(kind: int, content: bytes, request_id: int = 1) -> bytes:
    return struct.pack(">BBHHBx", 1, kind, request_id, len(content), 0) + content


def stream(kind: int, content: bytes) -> bytes:
    """Content of any length and the empty record that ends it."""
    parts = [content[i : i + 65528] for i in range(0, len(content), 65528)]
    return b"".join(record(kind, part) for part in parts) + record(kind, b"")


def length(number: int) -> bytes:
    return bytes([number]) if number < 128 else struct.pack(">I", number | 0x80000000)


def encode_params(params: Mapping[str, bytes | str]) -> bytes:
    encoded = b""
    for name, value in params.items():
        raw = value.encode() if isinstance(value, str) else value
        encoded += length(len(name)) + length(len(raw)) + name.encode() + raw
    return encoded


def encode_request(params: Mapping[str, bytes | str], body: bytes = b"") -> bytes:
    begin = record(BEGIN_REQUEST, struct.pack(">HB5x", RESPONDER, 0))
    return begin + stream(PARAMS, encode_params(params)) + stream(STDIN, body)


def connect(path: Path, timeout_s: float = 30.0) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    connection.connect(str(path))
    return connection


def read_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError(f"closed after {len(data)} of {count} bytes")
        data += part
    return data


def read_output(connection: socket.socket) -> bytes:
    """What the application sends until it ends the request."""
    output = b""
    while True:
        _, kind, _, size, padding = struct.unpack(">BBHHBx", read_exactly(connection, 8))
        content = read_exactly(connection, size)
        read_exactly(connection, padding)
        if kind == STDOUT:
            output += content
        if kind == END_REQUEST:
            return output


def parse_reply(output: bytes) -> Reply:
    head, _, body = output.partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    return Reply(int(headers.pop("status").split()[0]), headers, body)


def request(path: Path, params: Mapping[str, bytes | str], body: bytes = b"") -> Reply:
    with connect(path) as connection:
        connection.sendall(encode_request(params, body))
        return parse_reply(read_output(connection))


def get(path: Path, uri: bytes | str, **more: bytes | str) -> Reply:
    return request(path, {"REQUEST_METHOD": "GET", "REQUEST_URI": uri, **more})
