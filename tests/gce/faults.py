"""Faults that a test asks for: what Google's servers do on a bad day."""

import re
from collections import Counter
from dataclasses import dataclass, field

from gce.web import Request, Refusal

HTTP = {
    "429": Refusal(429, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits"),
    "500": Refusal(500, "internalError", "Internal Error"),
    "503": Refusal(503, "backendError", "The service is currently unavailable."),
    "403": Refusal(403, "forbidden", "The caller does not have permission"),
    "resource_not_ready": Refusal(400, "resourceNotReady", "The resource is not ready"),
}
# The connection ends before the request is looked at; or after it was carried out.
DROP, LOST_ANSWER = "drop", "lost_answer"
# The answer is good, and the operation that it names ends with an error.
OPERATION_ERROR = "operation_error"
KINDS = (*HTTP, DROP, LOST_ANSWER, OPERATION_ERROR)
WRITES_ONLY = (OPERATION_ERROR, "resource_not_ready")
FAILED = Refusal(503, "resourceOperationRateExceeded", "Operation rate exceeded for the resource.")


@dataclass
class Fault:
    method: re.Pattern[str]
    path: re.Pattern[str]
    kind: str
    times: int  # that it will still come


@dataclass(frozen=True)
class Applied:
    kind: str
    method: str
    path: str


@dataclass
class Faults:
    """Those that are to come, and those that came."""

    planned: list[Fault] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    first_kinds: tuple[str, ...] = ()
    failed: Counter[str] = field(default_factory=Counter)  # first requests, by their kind of call

    def add(self, method: str, path: str, kind: str, times: int = 1) -> None:
        """The next `times` requests whose method and path match these expressions (as a whole, and
        somewhere) fail so. ValueError: no such kind."""
        check_kind(kind)
        self.planned.append(Fault(re.compile(method), re.compile(path), kind, times))

    def fail_first(self, *kinds: str) -> None:
        """The first requests of each kind of call, from now on, fail so, one after the other. ValueError: no such
        kind."""
        for kind in kinds:
            check_kind(kind)
        self.first_kinds = kinds
        self.failed.clear()

    def clear(self) -> None:
        """No more of them; the count of those that came stays."""
        self.planned.clear()
        self.first_kinds = ()

    def take(self, request: Request, route: str | None) -> str | None:
        """The fault of a request, if it is to have one; it counts as come."""
        kind = self.take_planned(request) or self.take_first(request, route)
        if kind is not None:
            self.applied.append(Applied(kind, request.method, request.path))
        return kind

    def take_planned(self, request: Request) -> str | None:
        for fault in self.planned:
            matches = fault.method.fullmatch(request.method) and fault.path.search(request.path)
            if matches and fault.times > 0 and suits(fault.kind, request):
                fault.times -= 1
                return fault.kind
        return None

    def take_first(self, request: Request, route: str | None) -> str | None:
        if route is None:
            return None
        kinds = [kind for kind in self.first_kinds if suits(kind, request)]
        number = self.failed[route]
        if number >= len(kinds):
            return None
        self.failed[route] += 1
        return kinds[number]


def check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"no fault is called '{kind}'; there are: {', '.join(KINDS)}")


def suits(kind: str, request: Request) -> bool:
    return kind not in WRITES_ONLY or request.method != "GET"
