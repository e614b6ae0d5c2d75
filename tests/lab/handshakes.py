"""handshakes ADDRESS CLIENTS FILE: so many clients at a time begin a TLS connection and leave it after the handshake,
again and again until the file is there; prints how many succeeded. Run in another host's network."""

import socket
import sys
import threading
from functools import partial
from pathlib import Path

from lab.playbook import NAME
from support.load import running
from support.service import unverified
from support.waiting import eventually

LIMIT_S = 2.0
LONGEST_S = 120.0


class Count:
    """Of handshakes, by several threads."""

    def __init__(self) -> None:
        self.number = 0
        self.lock = threading.Lock()

    def add(self) -> None:
        with self.lock:
            self.number += 1


def shake(address: str, done: Count, stopping: threading.Event) -> None:
    context = unverified()
    while not stopping.is_set():
        try:
            with socket.create_connection((address, 443), timeout=LIMIT_S) as plain:
                with context.wrap_socket(plain, server_hostname=NAME):
                    done.add()
        except OSError:
            pass  # refused, and not answered


def main() -> None:
    address, clients, stop = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    done, stopping = Count(), threading.Event()
    with running([partial(shake, address, done, stopping)] * clients, stopping):
        eventually("told to stop", stop.exists, LONGEST_S)
    print(done.number)


if __name__ == "__main__":
    main()
