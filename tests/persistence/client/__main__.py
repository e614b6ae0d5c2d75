"""A simulated VM: a first line on standard input says what to do; `go` and `stop` follow. Each worker's result is a
line of JSON on standard output."""

import json
import mmap
import os
import resource
import sys
import traceback
from typing import Any

from persistence.client.store import open_store
from persistence.client.tasks import TASKS, Worker


class Signals:
    """What the workers look at, in memory that they share."""

    def __init__(self) -> None:
        self.stop = mmap.mmap(-1, 1)
        self.ready = os.pipe()
        self.go = os.pipe()


def work(name: str, settings: dict[str, Any], signals: Signals) -> dict[str, Any]:
    worker = Worker(name, open_store(settings["store"]), settings, lambda: signals.stop[0] != 0)
    worker.connect()
    os.write(signals.ready[1], b".")
    os.close(signals.ready[1])
    os.close(signals.go[1])
    os.read(signals.go[0], 1)
    TASKS[settings["task"]](worker)
    worker.store.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "worker": name,
        "rows": worker.rows,
        "errors": worker.errors,
        "unknown": worker.unknown,
        "unavailable": worker.unavailable,
        "cpu_s": used.ru_utime + used.ru_stime,
    }


def fork_worker(name: str, settings: dict[str, Any], signals: Signals) -> int:
    """Returns where its result will be read."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        try:
            with os.fdopen(writing, "w") as result:
                json.dump(work(name, settings, signals), result)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    return reading


def all_ready(signals: Signals, workers: int) -> bool:
    """False when one has ended before: nobody else holds the other end of the pipe then."""
    os.close(signals.ready[1])
    return all(os.read(signals.ready[0], 1) for _ in range(workers))


def told(reading: int) -> str:
    with os.fdopen(reading) as result:
        return result.read()


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    signals = Signals()
    names = [f"{settings['vm']}-{i}" for i in range(settings["workers"])]
    results = [fork_worker(name, settings, signals) for name in names]
    if not all_ready(signals, len(names)):
        signals.stop[0] = 1
        os.close(signals.go[1])
        for reading in results:
            told(reading)
        sys.exit("a worker ended before it was ready")
    print("ready", flush=True)
    sys.stdin.readline()
    os.close(signals.go[1])
    # The end of the input, when whoever asked is gone, stops it as well.
    sys.stdin.readline()
    signals.stop[0] = 1
    for reading in results:
        print(told(reading), flush=True)


if __name__ == "__main__":
    main()
