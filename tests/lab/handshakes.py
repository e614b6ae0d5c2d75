"""handshakes ADDRESS CLIENTS FILE: so many clients at a time begin a TLS connection and leave it after the handshake,
again and again until the file is there; prints how many succeeded. Run in another host's network."""

import socket
import ssl
import sys
import threading
from collections import Counter
from functools import partial
from pathlib import Path

from lab.playbook import NAME
from support.load import running
from support.service import unverified
from support.waiting import eventually

LIMIT_S = 2.0
LONGEST_S = 120.0


class Outcomes:
    """Of connections, by several threads: done, refused (by TLS), or lost."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()

    def add(self, outcome: str) -> None:
        with self.lock:
            self.counts[outcome] += 1


def connect(
    address: str, port: int, name: str | None, limit_s: float, context: ssl.SSLContext
) -> str:
    """Connects and leaves again, with a name after a handshake for it; how that ended. A client leaves as programs
    usually do, without a reset for what is unread."""
    try:
        with socket.create_connection((address, port), timeout=limit_s) as plain:
            if name is not None:
                context.wrap_socket(plain, server_hostname=name).close()
    except ssl.SSLError:
        return "refused"
    except OSError:
        return "lost"
    return "done"


def again(
    address: str,
    port: int,
    name: str | None,
    limit_s: float,
    outcomes: Outcomes,
    stopping: threading.Event,
) -> None:
    """One after the other, until it is told to stop."""
    context = unverified()
    while not stopping.is_set():
        outcomes.add(connect(address, port, name, limit_s, context))


def main() -> None:
    address, clients, stop = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    outcomes, stopping = Outcomes(), threading.Event()
    body = partial(again, address, 443, NAME, LIMIT_S, outcomes, stopping)
    with running([body] * clients, stopping):
        eventually("told to stop", stop.exists, LONGEST_S)
    print(outcomes.counts["done"])


if __name__ == "__main__":
    main()
