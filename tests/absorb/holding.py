"""holding ADDRESS COUNT: so many requests that announce a body and send a byte of it each second, until it is ended.
Says "held" when all have begun."""

import socket
import ssl
import sys
import time

from lab.playbook import NAME
from support.service import unverified

LONGEST_S = 60
HEAD = f"POST /v1/hash HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"


def begin(address: str, head: str) -> ssl.SSLSocket:
    plain = socket.create_connection((address, 443), timeout=30)
    connection = unverified().wrap_socket(plain, server_hostname=NAME)
    connection.sendall(head.encode())
    return connection


def main() -> None:
    address, count = sys.argv[1], int(sys.argv[2])
    connections = [begin(address, HEAD) for _ in range(count)]
    print("held", flush=True)
    for _ in range(LONGEST_S):
        time.sleep(1)
        for connection in connections:
            connection.sendall(b" ")


if __name__ == "__main__":
    main()
