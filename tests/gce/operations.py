"""Operations: what a write answers at once, and whose effect comes when it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from gce.clock import Clock
from gce.links import full, place_of
from gce.store import Store
from gce.web import Json, Refusal, absent

Effect = Callable[[], None]


@dataclass
class Running:
    link: str
    due: float
    effect: Effect
    undo: Effect
    ready: Callable[[], bool]  # the effect waits for it, however late it is


def nothing() -> None:
    """No effect."""


def at_once() -> bool:
    """It waits for nothing."""
    return True


class Operations:
    """All of a double's operations. An operation takes `seconds` of its clock."""

    def __init__(self, clock: Clock, store: Store, user: str, seconds: float = 3.0) -> None:
        self.clock = clock
        self.store = store
        self.user = user
        self.seconds = seconds
        self.known: dict[str, Json] = {}
        self.running: list[Running] = []
        self.numbers = count(1)

    def start(
        self,
        kind: str,
        target: str,
        effect: Effect,
        undo: Effect = nothing,
        ready: Callable[[], bool] = at_once,
    ) -> Json:
        """Begins one of a kind ("insert") on a resource's link; it belongs to the resource's place.
        At its end comes the effect; when that is refused, or the operation was failed, undo."""
        place = place_of(target)
        name = f"operation-{next(self.numbers):013d}"
        link = place.link("operations", name)
        resource = self.store.resources.get(target, self.store.creating.get(target, {}))
        operation = {
            **self.store.stamped(link, "compute#operation", {}),
            "operationType": kind,
            "targetLink": full(target),
            "targetId": resource.get("id", self.store.new_id()),
            "status": "RUNNING",
            "progress": 0,
            "user": self.user,
            "insertTime": self.store.timestamp(),
            "startTime": self.store.timestamp(),
        }
        operation.pop("creationTimestamp")
        self.known[link] = operation
        due = self.clock.now() + self.seconds
        self.running.append(Running(link, due, effect, undo, ready))
        return operation

    def get(self, link: str) -> Json:
        """Refusal: there is none."""
        if link not in self.known:
            raise absent(link)
        return self.known[link]

    def list(self, prefix: str) -> list[Json]:
        return [item for link, item in self.known.items() if link.rpartition("/")[0] == prefix]

    def settle(self) -> None:
        """Ends those whose time has come, in its order."""
        for running in sorted(self.running, key=lambda each: each.due):
            if running.due <= self.clock.now() and running.ready():
                self.running.remove(running)
                self.end(running)

    def fail(self, name: str, refusal: Refusal) -> None:
        """Makes a running operation, of this name, end with an error."""

        def refuse() -> None:
            raise refusal

        for running in self.running:
            if running.link.endswith(f"/{name}"):
                running.effect, running.ready = refuse, at_once

    def end(self, running: Running) -> None:
        operation = self.known[running.link]
        operation.update(status="DONE", progress=100, endTime=self.store.timestamp())
        try:
            running.effect()
        except Refusal as refusal:
            running.undo()
            operation["error"] = refusal.operation_error()
            operation["httpErrorStatusCode"] = refusal.status
            operation["httpErrorMessage"] = refusal.message
