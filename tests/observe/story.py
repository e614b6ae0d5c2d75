"""What went wrong, when, and when people were told of its begin and of its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from observe.receiver import Receiver

GRACE_S = 120.0  # past its promise, so that a late alert is seen as late and not as missing
# Twice the longest window of these alerts: on a busy machine the small load that goes on is refused, too.
CLEAR_S = 600.0


@dataclass
class Case:
    """A cause and the alert that it must raise."""

    alert: str
    labels: dict[str, str]
    promise_s: float
    began: float
    raised: float | None = None
    ended: float | None = None
    cleared: float | None = None

    def took_s(self) -> float:
        assert self.raised is not None, f"{self.alert} {self.labels} was not raised"
        return self.raised - self.began

    def cleared_s(self) -> float:
        assert self.ended is not None
        assert self.cleared is not None, f"{self.alert} {self.labels} was not cleared"
        return self.cleared - self.ended


@dataclass
class Story:
    """All of them, by the name of their alert."""

    receiver: Receiver
    promises: dict[str, float]
    cases: dict[str, Case] = field(default_factory=dict)

    def begin(self, alert: str, **labels: str) -> Case:
        """The cause begins now."""
        assert not self.receiver.is_firing(alert, **labels), f"{alert} fires before its cause"
        case = Case(alert, labels, self.promises[alert], time.monotonic())
        self.cases[alert] = case
        return case

    def wait_raised(self, *cases: Case) -> None:
        """Until each was told, or is far too late."""
        for case in cases:
            limit_s = case.promise_s + GRACE_S
            notice = self.receiver.wait("firing", case.alert, case.began, limit_s, **case.labels)
            case.raised = notice.at if notice else None

    def end(self, *cases: Case) -> None:
        """Their cause has ended."""
        for case in cases:
            case.ended = time.monotonic()

    def wait_cleared(self, *cases: Case) -> None:
        for case in cases:
            # It may have been told between the end of the cause and the return of what ended it.
            since = case.raised or case.began
            limit_s = (case.ended or since) + CLEAR_S - since
            notice = self.receiver.wait("resolved", case.alert, since, limit_s, **case.labels)
            case.cleared = notice.at if notice else None

    def told_in_time(self, alert: str, record: Callable[[str, object], None]) -> bool:
        """Whether its promise was kept; the time is recorded for people to read."""
        case = self.cases[alert]
        if case.raised is None:
            self.wait_raised(case)
        record("measured", f"{alert} raised {case.took_s():.0f} s after its cause began")
        return case.took_s() <= case.promise_s
