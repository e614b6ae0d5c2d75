"""connections ADDRESS PORT CLIENTS SECONDS [NAME]: so many clients at a time connect and leave again; with a name
after a TLS handshake for it, which may be refused. Prints how many did, in what time, and its CPU time, as JSON."""

import json
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress

from support.service import unverified


def once(address: str, port: int, name: str | None, context: ssl.SSLContext) -> None:
    with socket.create_connection((address, port), timeout=10) as plain:
        # No reset for what is unread: a client leaves as programs usually do.
        if name is not None:
            with suppress(ssl.SSLError):
                context.wrap_socket(plain, server_hostname=name).close()


def main() -> None:
    address, port, clients, seconds, *name = sys.argv[1:]
    counts: list[int] = []
    begun = time.monotonic()

    def run() -> None:
        context, count = unverified(), 0
        while time.monotonic() < begun + float(seconds):
            once(address, int(port), name[0] if name else None, context)
            count += 1
        counts.append(count)

    cpu = time.process_time()
    threads = [threading.Thread(target=run) for _ in range(int(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    used = time.process_time() - cpu
    print(json.dumps({"count": sum(counts), "other": 0, "seconds": took, "cpu_s": used}))


if __name__ == "__main__":
    main()
