"""Auto-healing of one instance: its probes, its initial delay, and when it is recreated."""

from dataclasses import dataclass
from typing import Any

from gce.machines import MachineState

HEALTHY, UNHEALTHY, TIMEOUT, UNKNOWN = "HEALTHY", "UNHEALTHY", "TIMEOUT", "UNKNOWN"


@dataclass(frozen=True)
class HealthCheck:
    """A REST healthCheck with Google's defaults; times in seconds."""

    interval: float
    healthy_after: int
    unhealthy_after: int
    asks_ready: bool

    @classmethod
    def of(cls, resource: dict[str, Any]) -> "HealthCheck":
        """A path that ends in /livez asks whether the service lives; every other, whether it is ready."""
        kinds = [value for key, value in resource.items() if key.endswith("HealthCheck")]
        path = kinds[0].get("requestPath", "/") if kinds and isinstance(kinds[0], dict) else "/"
        return cls(
            interval=float(resource.get("checkIntervalSec", 5)),
            healthy_after=int(resource.get("healthyThreshold", 2)),
            unhealthy_after=int(resource.get("unhealthyThreshold", 2)),
            asks_ready=not str(path).endswith("/livez"),
        )

    def passes(self, state: MachineState) -> bool:
        return state.ready if self.asks_ready else state.live


@dataclass
class Probes:
    """The probes of one instance since it was created or recreated."""

    state: str = UNKNOWN
    passed: int = 0  # in a row
    failed: int = 0  # in a row
    due: float = 0.0  # seconds, of the clock

    def look(self, check: HealthCheck, machine: MachineState, now: float) -> None:
        """Probes it when that is due. The first success counts at once, as the first probe of a backend
        does; later changes need the thresholds."""
        if now < self.due:
            return
        self.due = now + check.interval
        if check.passes(machine):
            self.passed, self.failed = self.passed + 1, 0
            if self.state == UNKNOWN or self.passed >= check.healthy_after:
                self.state = HEALTHY
        else:
            self.passed, self.failed = 0, self.failed + 1
            if self.failed >= check.unhealthy_after:
                self.state = UNHEALTHY if machine.live else TIMEOUT

    @property
    def bad(self) -> bool:
        return self.state in (UNHEALTHY, TIMEOUT)
