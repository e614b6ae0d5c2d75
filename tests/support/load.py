"""Many clients at once, bounded in number and in requests."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from support.service import Answer
from support.stack import Stack


@dataclass
class Load:
    """What the clients saw. An error without a status (a broken connection) counts as 0."""

    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def statuses(self) -> Counter[int]:
        return Counter([answer.status for answer in self.answers] + [0] * len(self.errors))


@contextmanager
def running(bodies: Sequence[Callable[[], None]], stopping: threading.Event) -> Iterator[None]:
    """Each body in a thread of its own; at the end of the block they are told to stop."""
    threads = [threading.Thread(target=body, daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(timeout=90)


@contextmanager
def clients(
    stack: Stack,
    count: int,
    path: str = "/gethash/hunter2/",
    requests_each: int = 10_000,
    pause_s: float = 0.0,
) -> Iterator[Load]:
    """Clients that ask again and again until the block ends; each waits after a refusal."""
    load = Load()

    def run() -> None:
        for _ in range(requests_each):
            if load.stopping.is_set():
                return
            try:
                answer = stack.get(path, tls=False)
            except OSError as error:
                load.errors.append(repr(error))
                continue
            load.answers.append(answer)
            if answer.status != 200 and pause_s:
                load.stopping.wait(pause_s)

    with running([run] * count, load.stopping):
        yield load
