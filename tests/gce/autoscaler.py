"""The autoscaler of a managed instance group.

Google describes how it decides, and publishes no formula ("Understanding autoscaler decisions" in Compute
Engine's documentation). The formula here is this project's, and agrees with what is described there. How
often it samples and with what tolerance is not described: both are parameters.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gce.clock import Clock
from gce.fleet import Fleet, Reading
from gce.policy import Resource, fixed_or_percent

STABILISATION = 600.0  # seconds
DAY = 86_400.0
Metric = Callable[[str], Mapping[str, float]]


def no_metric(_: str) -> Mapping[str, float]:
    """A project in which no custom metric was ever written."""
    return {}


@dataclass(frozen=True)
class Policy:
    """autoscalingPolicy with Google's defaults; times in seconds, utilisations as shares."""

    minimum: int
    maximum: int
    initialisation: float
    stabilisation: float
    cpu_target: float | None
    predictive: bool
    metrics: tuple[Resource, ...]
    max_scaled_in: Resource | None
    scale_in_window: float
    mode: str

    @classmethod
    def of(cls, resource: Resource) -> "Policy":
        policy = resource.get("autoscalingPolicy", {})
        cpu = policy.get("cpuUtilization")
        metrics = tuple(policy.get("customMetricUtilizations", ()))
        if cpu is None and not metrics:
            cpu = {}
        initialisation = float(policy.get("coolDownPeriodSec", 60))
        scale_in = policy.get("scaleInControl", {})
        return cls(
            minimum=int(policy.get("minNumReplicas", 2)),
            maximum=int(policy["maxNumReplicas"]),
            initialisation=initialisation,
            stabilisation=max(
                float(policy.get("stabilizationPeriodSec", STABILISATION)), initialisation
            ),
            cpu_target=None if cpu is None else float(cpu.get("utilizationTarget", 0.6)),
            predictive=(cpu or {}).get("predictiveMethod", "NONE") == "OPTIMIZE_AVAILABILITY",
            metrics=metrics,
            max_scaled_in=scale_in.get("maxScaledInReplicas"),
            scale_in_window=float(scale_in.get("timeWindowSec", 600)),
            mode=policy.get("mode", "ON"),
        )


@dataclass(frozen=True)
class Sample:
    time: float
    value: int


class Autoscaler:
    """Sets the size of a fleet by its load.

    `autoscaler` is the REST resource regionAutoscalers. `metric` gives a custom metric's present values, one
    for each instance by name (for DELTA_PER_SECOND and DELTA_PER_MINUTE already as a rate in that unit).
    It decides each `period` seconds.
    """

    def __init__(
        self,
        clock: Clock,
        fleet: Fleet,
        autoscaler: Resource,
        metric: Metric = no_metric,
        period: float = 60.0,
        tolerance: float = 0.0,
    ) -> None:
        self.clock = clock
        self.fleet = fleet
        self.metric = metric
        self.period = period
        self.tolerance = tolerance  # in instances
        self.recommended_size = fleet.target_size
        self.status_details: list[dict[str, str]] = []
        self._needs: list[Sample] = []
        self._sizes: list[Sample] = []
        self._days: list[Sample] = []  # what CPU alone asked for, for predictions
        self.configure(autoscaler)
        self._timer = clock.every(period, self.decide)

    def configure(self, autoscaler: Resource) -> None:
        """Takes a new policy. Its bounds hold at once, as far as its mode lets it act."""
        self.policy = Policy.of(autoscaler)
        self.fleet.autoscaler = autoscaler.get("selfLink") or autoscaler.get("name")
        self._apply(self._within_bounds(self.fleet.target_size))

    def stop(self) -> None:
        """It is deleted: the fleet keeps its size."""
        self._timer.cancel()
        self.fleet.autoscaler = None

    def decide(self) -> None:
        """Looks at the fleet, and sets its size."""
        now = self.clock.now()
        readings = self.fleet.readings()
        need = max(self._signals(readings), default=self.fleet.target_size)
        self._needs = recent(self._needs, now - self.policy.stabilisation)
        self._needs.append(Sample(now, need))
        self._sizes = recent(self._sizes, now - self.policy.scale_in_window)
        self._sizes.append(Sample(now, self.fleet.target_size))
        size = max(sample.value for sample in self._needs)
        if self.policy.max_scaled_in is not None:
            peak = max(sample.value for sample in self._sizes)
            size = max(size, peak - fixed_or_percent(self.policy.max_scaled_in, peak, peak))
        self._explain(size, readings)
        self._apply(self._within_bounds(size))

    def _signals(self, readings: list[Reading]) -> list[int]:
        """How many instances each signal asks for; the largest counts."""
        found = []
        if self.policy.cpu_target is not None:
            values = {reading.name: reading.utilisation for reading in readings}
            found.append(self._need(readings, values, self.policy.cpu_target))
            if self.policy.predictive:
                found.append(self._forecast(found[0]))
        for entry in self.policy.metrics:
            values = dict(self.metric(entry["metric"]))
            if "singleInstanceAssignment" in entry:
                total = sum(values.values())
                found.append(self._ceiling(total / float(entry["singleInstanceAssignment"])))
            elif values:
                found.append(self._need(readings, values, float(entry["utilizationTarget"])))
        return found

    def _need(self, readings: list[Reading], values: Mapping[str, float], target: float) -> int:
        """ceil(mean x number / target). To grow, instances that initialise do not count; to shrink, they
        do. One that should run and says nothing counts as the others' mean: they have its load."""
        current = self.fleet.target_size
        running = [r for r in readings if r.running_for is not None and not r.lost]
        lost = sum(reading.lost for reading in readings)
        old = [r for r in running if (r.running_for or 0.0) >= self.policy.initialisation]
        growing = self._ceiling(mean(old, values) * (len(old) + lost) / target)
        if growing > current:
            return growing
        shrinking = self._ceiling(mean(running, values) * (len(running) + lost) / target)
        return min(shrinking, current) if running else current

    def _ceiling(self, exact: float) -> int:
        return max(math.ceil(exact - self.tolerance - 1e-9), 0)

    def _forecast(self, need: int) -> int:
        """A stand-in of this project for Google's prediction, which is not published: the largest need of
        a day ago between this time of day and the end of an initialisation that would begin now."""
        now = self.clock.now()
        self._days = recent(self._days, now - DAY - self.period)
        self._days.append(Sample(now, need))
        end = now - DAY + self.policy.initialisation + 2 * self.period
        return max((s.value for s in self._days if now - DAY <= s.time <= end), default=0)

    def _within_bounds(self, size: int) -> int:
        return min(max(size, self.policy.minimum), self.policy.maximum)

    def _apply(self, size: int) -> None:
        self.recommended_size = size
        current = self.fleet.target_size
        if self.policy.mode == "OFF" or size == current:
            return
        if self.policy.mode in ("ONLY_UP", "ONLY_SCALE_OUT") and size < current:
            return
        self.fleet.resize(size)

    def _explain(self, size: int, readings: list[Reading]) -> None:
        found = []
        if size > self.policy.maximum:
            found.append(
                ("CAPPED_AT_MAX_NUM_REPLICAS", "the load asks for more than maxNumReplicas")
            )
        if self.policy.minimum == self.policy.maximum:
            found.append(("MIN_EQUALS_MAX", "minNumReplicas is equal to maxNumReplicas"))
        if readings and all(reading.running_for is None for reading in readings):
            found.append(("ALL_INSTANCES_UNHEALTHY", "no instance is RUNNING"))
        for entry in self.policy.metrics:
            if not self.metric(entry["metric"]):
                found.append(("MISSING_CUSTOM_METRIC_DATA_POINTS", entry["metric"]))
        modes = {
            "OFF": "MODE_OFF",
            "ONLY_UP": "MODE_ONLY_UP",
            "ONLY_SCALE_OUT": "MODE_ONLY_SCALE_OUT",
        }
        if self.policy.mode in modes:
            found.append((modes[self.policy.mode], f"the mode is {self.policy.mode}"))
        self.status_details = [{"type": kind, "message": text} for kind, text in found]


def recent(samples: list[Sample], since: float) -> list[Sample]:
    return [sample for sample in samples if sample.time > since]


def mean(readings: list[Reading], values: Mapping[str, float]) -> float:
    """Over the instances that have a value; 0 when none has."""
    found = [values[reading.name] for reading in readings if reading.name in values]
    return sum(found) / len(found) if found else 0.0
