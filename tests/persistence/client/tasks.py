"""What a worker does until it is told to stop."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from persistence.client.outcome import Unavailable, Unknown
from persistence.client.store import Store, open_store

AGAIN_S = 0.02  # before the next try of what had no answer
SHARED_EACH = 4  # each fourth name is one that all workers want
T = TypeVar("T")


def done(call: Callable[[], None]) -> Callable[[], bool]:
    """The call, with True for its end."""

    def finish() -> bool:
        call()
        return True

    return finish


@dataclass
class Worker:
    """One process of a VM, and what it has seen."""

    name: str
    store: Store
    settings: dict[str, Any]
    stopping: Callable[[], bool]
    rows: list[list[Any]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    unavailable: int = 0

    def attempt(self, call: Callable[[], T]) -> T | None:
        """Its result, or None when there was no answer; which is counted."""
        try:
            return call()
        except Unknown as error:
            self.unknown += 1
            self.errors[str(error)] += 1
        except Unavailable as error:
            self.unavailable += 1
            self.errors[str(error)] += 1
        time.sleep(AGAIN_S)
        return None

    def connect(self) -> None:
        self.attempt(done(self.store.connect))

    def insist(self, call: Callable[[], T]) -> T | None:
        """Tries until there is an answer, or it is told to stop."""
        while True:
            result = self.attempt(call)
            if result is not None or self.stopping():
                return result


def register(worker: Worker) -> None:
    """Registers name after name; the retry of one that had no answer is the same request."""
    run, number = worker.settings["run"], 0
    keyed = int(worker.name.rpartition("-")[2]) % 2 == 0
    while not worker.stopping():
        if number % SHARED_EACH == 0:
            name = f"{run}/shared/{number // SHARED_EACH}"
        else:
            name = f"{run}/{worker.name}/{number}"
        claim = f"{run}/{worker.name}/{number}"
        before, begun = worker.unknown, time.monotonic()
        answer = worker.insist(lambda: worker.store.register(name, claim, keyed))
        ended, unknown = time.monotonic(), worker.unknown - before
        worker.rows.append([name, claim, keyed, begun, ended, answer, unknown])
        number += 1


def count(worker: Worker) -> None:
    """Adds one again and again: to a counter that is everybody's, or to its own."""
    counter = "hot" if worker.settings["hot"] else worker.name
    while not worker.stopping():
        begun = time.monotonic()
        tries = worker.insist(lambda: worker.store.add(counter))
        worker.rows.append([begun, time.monotonic(), tries])


def look(worker: Worker) -> None:
    """Writes, and reads at once elsewhere. A row is whether what was read was old."""
    reader, number = open_store(worker.settings["reader"]), 0
    name = f"{worker.settings['run']}/{worker.name}"
    while not worker.stopping():
        number += 1
        if worker.insist(done(lambda: worker.store.write(name, number))):
            begun = time.monotonic()
            found = worker.insist(lambda: reader.read(name))
            if found is not None:
                worker.rows.append([begun, time.monotonic(), found < number])


TASKS = {"register": register, "count": count, "look": look}
