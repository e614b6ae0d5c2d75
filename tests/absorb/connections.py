"""connections ADDRESS PORT CLIENTS SECONDS OUTCOME [NAME]: so many clients at a time connect and leave again; with a
name after a TLS handshake for it. Prints how many ended as they should (done, refused) and how many otherwise, in what
time, and its CPU time, as JSON."""

import json
import sys
import threading
import time
from functools import partial

from lab.handshakes import Outcomes, again
from support.load import running

LIMIT_S = 10.0


def main() -> None:
    address, port, clients, seconds, wanted, *name = sys.argv[1:]
    outcomes, stopping = Outcomes(), threading.Event()
    body = partial(
        again, address, int(port), name[0] if name else None, LIMIT_S, outcomes, stopping
    )
    begun, cpu = time.monotonic(), time.process_time()
    with running([body] * int(clients), stopping):
        stopping.wait(float(seconds))
    told = {
        "count": outcomes.counts[wanted],
        "other": outcomes.counts.total() - outcomes.counts[wanted],
        "seconds": time.monotonic() - begun,
        "cpu_s": time.process_time() - cpu,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
