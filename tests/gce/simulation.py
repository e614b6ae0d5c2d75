"""A day of load on a fleet with one policy: the Fleet and the Autoscaler of the double, by the clock alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gce.autoscaler import Autoscaler
from gce.capacity import Engine
from gce.clock import Clock
from gce.fleet import Fleet
from gce.load import DAY, HOUR, Day, Event
from gce.machines import Phases, SimulatedMachines, Totals

ZONES = ("zone-a", "zone-b", "zone-c")
OCCUPANCY, SHED = (
    "custom.googleapis.com/bcryptd/lane_occupancy",
    "custom.googleapis.com/bcryptd/shed",
)
MINUTE = 60.0
VISIBLE = 0.01  # a minute in which more than this share is refused counts
HEALTH_CHECK = {
    "checkIntervalSec": 30,
    "unhealthyThreshold": 5,
    "healthyThreshold": 1,
    "httpHealthCheck": {"requestPath": "/livez"},
}


@dataclass(frozen=True)
class World:
    """What is the same for all policies that are compared."""

    day: Day
    vcpus: int = 2
    provision: float = 20.0  # seconds until a machine runs
    boot: float = 40.0  # seconds from then until it serves
    boot_utilisation: float = 0.5
    step: float = 10.0  # seconds
    begin: float = 0.0  # of what is measured, in seconds since midnight
    end: float = DAY


@dataclass(frozen=True)
class Setting:
    """One policy. Targets are shares; None leaves the signal out. Times in seconds."""

    name: str
    engine: Engine
    cpu: float | None = None
    occupancy: float | None = None
    shed: float | None = None  # refused requests a second of one machine
    minimum: int = 3
    maximum: int = 100
    initialisation: float = 60.0
    scale_in: int | None = None  # machines at the most in `scale_in_window`
    scale_in_window: float = 600.0
    predictive: bool = False
    fixed: int | None = None  # machines, and no autoscaler
    boot: float | None = None  # instead of the world's
    vcpus: int | None = None  # instead of the world's
    sample: float = 60.0

    def autoscaler(self) -> dict[str, Any]:
        """The REST resource."""
        policy: dict[str, Any] = {
            "minNumReplicas": self.minimum,
            "maxNumReplicas": self.maximum,
            "coolDownPeriodSec": self.initialisation,
            "mode": "ON",
            "customMetricUtilizations": [
                {"metric": name, "utilizationTarget": target, "utilizationTargetType": "GAUGE"}
                for name, target in ((OCCUPANCY, self.occupancy), (SHED, self.shed))
                if target is not None
            ],
        }
        if self.cpu is not None:
            method = "OPTIMIZE_AVAILABILITY" if self.predictive else "NONE"
            policy["cpuUtilization"] = {"utilizationTarget": self.cpu, "predictiveMethod": method}
        if self.scale_in is not None:
            policy["scaleInControl"] = {
                "maxScaledInReplicas": {"fixed": self.scale_in},
                "timeWindowSec": self.scale_in_window,
            }
        return {"name": self.name, "autoscalingPolicy": policy}


@dataclass(frozen=True)
class Minute:
    """One minute. Rates are hashes a second, utilisation and occupancy means over the serving machines."""

    time: float  # seconds since midnight, of its end
    offered: float
    shed: float
    machines: float  # that are paid for
    utilisation: float
    occupancy: float

    @property
    def shed_share(self) -> float:
        return self.shed / self.offered if self.offered else 0.0


@dataclass
class Outcome:
    """What came of a setting."""

    setting: Setting
    vcpus: int
    minutes: list[Minute] = field(default_factory=list)

    @property
    def machine_hours(self) -> float:
        return sum(minute.machines for minute in self.minutes) * MINUTE / HOUR

    @property
    def largest(self) -> int:
        return math.ceil(max((minute.machines for minute in self.minutes), default=0) - 1e-9)

    @property
    def mean_utilisation(self) -> float:
        return sum(minute.utilisation for minute in self.minutes) / len(self.minutes)

    @property
    def p95_utilisation(self) -> float:
        """By nearest rank."""
        ordered = sorted(minute.utilisation for minute in self.minutes)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    @property
    def fullness(self) -> float:
        """Hashes that were served, of those that the machines could have computed in their time."""
        served = sum(minute.offered - minute.shed for minute in self.minutes) * MINUTE
        could = self.machine_hours * HOUR * self.vcpus * self.setting.engine.per_vcpu
        return served / could if could else 0.0

    @property
    def shed_minutes(self) -> int:
        return sum(minute.shed_share > VISIBLE for minute in self.minutes)

    def shed_share(self, event: Event | None = None) -> float:
        """Of all requests, or of those during an event."""
        chosen = [m for m in self.minutes if event is None or event.begin < m.time <= event.end]
        offered = sum(minute.offered for minute in chosen)
        return sum(minute.shed for minute in chosen) / offered if offered else 0.0


class Simulation:
    """One run. The fleet begins an hour before what is measured; a day and an hour when it is to predict."""

    def __init__(self, world: World, setting: Setting) -> None:
        self.world = world
        self.setting = setting
        lead = HOUR + (DAY if setting.predictive else 0.0)
        self.clock = Clock(world.begin - lead)
        boot = world.boot if setting.boot is None else setting.boot
        vcpus = setting.vcpus or world.vcpus
        self.machines = SimulatedMachines(
            self.clock,
            Phases(provision=world.provision, boot=boot),
            setting.engine,
            world.day.rate,
            boot_utilisation=world.boot_utilisation,
            period=world.step,
        )
        self.fleet = Fleet(
            self.clock,
            self.machines,
            manager(setting.fixed or setting.minimum, world.provision + boot),
            lambda _: {"properties": {"machineType": f"example-standard-{vcpus}"}},
            lambda _: HEALTH_CHECK,
            period=world.step,
        )
        if setting.fixed is None:
            Autoscaler(
                self.clock, self.fleet, setting.autoscaler(), self.metric, period=setting.sample
            )
        self.outcome = Outcome(setting, vcpus)
        self._last = Totals()

    def metric(self, name: str) -> Mapping[str, float]:
        """What an agent on each serving machine would write."""
        work = {one: self.machines.work(one) for one in self.machines.serving()}
        if name == OCCUPANCY:
            return {one: found.occupancy for one, found in work.items()}
        return {one: found.shed for one, found in work.items()}

    def run(self) -> Outcome:
        self._advance_to(self.world.begin)
        self._last = self.machines.totals.copy()
        self.clock.every(MINUTE, self._note)
        loss = self.world.day.zone_loss
        if self.world.begin <= loss.begin < self.world.end:
            self._advance_to(loss.begin)
            self.machines.lose_zone(ZONES[0])
            self._advance_to(min(loss.end, self.world.end))
            self.machines.restore_zone(ZONES[0])
        self._advance_to(self.world.end)
        return self.outcome

    def _advance_to(self, time: float) -> None:
        self.clock.advance(time - self.clock.now())

    def _note(self) -> None:
        totals, last = self.machines.totals, self._last
        work = [self.machines.work(one) for one in self.machines.serving()]
        count = max(len(work), 1)
        self.outcome.minutes.append(
            Minute(
                self.clock.now(),
                (totals.offered - last.offered) / MINUTE,
                (totals.shed - last.shed) / MINUTE,
                (totals.machine_seconds - last.machine_seconds) / MINUTE,
                sum(found.utilisation for found in work) / count,
                sum(found.occupancy for found in work) / count,
            )
        )
        self._last = totals.copy()


def manager(size: int, until_ready: float) -> dict[str, Any]:
    """The group, as the role gce_fleet makes it."""
    return {
        "name": "bcryptd",
        "targetSize": size,
        "versions": [{"instanceTemplate": "template"}],
        "distributionPolicy": {"zones": [{"zone": zone} for zone in ZONES]},
        "updatePolicy": {
            "type": "PROACTIVE",
            "maxSurge": {"fixed": len(ZONES)},
            "maxUnavailable": {"fixed": 0},
        },
        "autoHealingPolicies": [
            {"healthCheck": "livez", "initialDelaySec": max(300, 2 * until_ready)}
        ],
    }


def simulate(world: World, setting: Setting) -> Outcome:
    """The day of a world with a setting. The same arguments give the same outcome."""
    return Simulation(world, setting).run()
