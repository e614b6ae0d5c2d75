"""Virtual machines: what the rest needs of them, and simulated ones."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Protocol

from gce.capacity import IDLE, Capacity, Fluid, Work
from gce.clock import Clock

Template = dict[str, Any]
EXAMPLE_CAPACITY = Fluid(5.5)


@dataclass(frozen=True)
class MachineState:
    """A machine, seen from outside."""

    status: str  # PROVISIONING, STAGING, RUNNING, STOPPING, TERMINATED
    live: bool  # /livez says 200
    ready: bool  # /readyz says 200
    utilisation: float  # of its CPUs, 0 to 1
    address: str


class ZoneError(RuntimeError):
    """The zone cannot take another machine; the text is Google's code for it."""


class Machines(Protocol):
    """Where machines come from. None of the calls waits for what it starts."""

    def create(self, name: str, zone: str, template: Template) -> None:
        """Starts a new one. Raises ZoneError when the zone has no room, ValueError for a name in use."""

    def delete(self, name: str) -> None:
        """Begins to stop it; when it is gone, state() raises KeyError."""

    def recreate(self, name: str, template: Template | None = None) -> None:
        """The same name and zone with a new disk, of this template if one is given. May raise ZoneError."""

    def state(self, name: str) -> MachineState:
        """Raises KeyError when there is no such machine."""
        ...


class Behaviour(Enum):
    """What an image is good for."""

    GOOD = "good"
    NEVER_LIVE = "never-live"  # it boots, and nothing answers
    NEVER_READY = "never-ready"  # the service runs, and is not ready for work
    DIES = "dies"  # ready at first; ends `Phases.dies` seconds later


@dataclass(frozen=True)
class Phases:
    """Seconds, each counted from the end of the one before."""

    provision: float = 20.0  # until RUNNING
    boot: float = 40.0  # until the service is live
    warm: float = 0.0  # until it is ready; bcryptd needs some milliseconds
    stop: float = 20.0  # from the order to delete it until it is gone
    dies: float = 120.0

    @property
    def until_ready(self) -> float:
        return self.provision + self.boot + self.warm


@dataclass
class Simulated:
    """A simulated machine."""

    name: str
    zone: str
    vcpus: float
    behaviour: Behaviour
    address: str
    born: float
    stopping: float | None = None
    broken: bool = False
    serving: bool = False
    work: Work = IDLE

    def rest(self) -> None:
        self.serving, self.work = False, IDLE


@dataclass
class Totals:
    """What the group did since the begin. The first three are hashes."""

    offered: float = 0.0
    served: float = 0.0
    shed: float = 0.0
    machine_seconds: float = 0.0  # of machines that are paid for, from provisioning to stopping

    def copy(self) -> "Totals":
        return replace(self)


def behaviour_by_label(template: Template) -> Behaviour:
    """The template's label `simulated` names the behaviour; without it, the image is a good one."""
    properties: Mapping[str, Any] = template.get("properties", {})
    return Behaviour(properties.get("labels", {}).get("simulated", Behaviour.GOOD.value))


def vcpus_of(template: Template) -> float:
    """By the machine type's name, which ends in it (e2-standard-4); 2 for shared-core types."""
    machine_type = str(template.get("properties", {}).get("machineType", ""))
    found = re.search(r"-(\d+)$", machine_type)
    return float(found.group(1)) if found else 2.0


@dataclass
class SimulatedMachines:
    """Machines that boot by the clock, and share a load evenly, as a load balancer of layer 4 does.

    `load` gives the hashes a second that clients ask for at a time. It is looked at each `period` seconds.
    A machine that boots uses `boot_utilisation` of its CPUs until it is ready.
    """

    clock: Clock
    phases: Phases = Phases()
    capacity: Capacity = EXAMPLE_CAPACITY
    load: Callable[[float], float] = lambda _: 0.0
    behaviour_of: Callable[[Template], Behaviour] = behaviour_by_label
    boot_utilisation: float = 0.5
    period: float = 1.0
    totals: Totals = field(default_factory=Totals)
    lost_zones: set[str] = field(default_factory=set)
    _machines: dict[str, Simulated] = field(default_factory=dict)
    _addresses: int = 0

    def __post_init__(self) -> None:
        self.clock.every(self.period, self._step)

    def create(self, name: str, zone: str, template: Template) -> None:
        if name in self._machines:
            raise ValueError(f"machine '{name}' exists")
        if zone in self.lost_zones:
            raise ZoneError("ZONE_RESOURCE_POOL_EXHAUSTED")
        self._addresses += 1
        high, low = divmod(self._addresses + 1, 254)
        self._machines[name] = Simulated(
            name,
            zone,
            vcpus_of(template),
            self.behaviour_of(template),
            f"10.0.{high}.{low + 1}",
            self.clock.now(),
        )

    def delete(self, name: str) -> None:
        machine = self._machines[name]
        if machine.stopping is None:
            machine.stopping = self.clock.now()
            machine.rest()

    def recreate(self, name: str, template: Template | None = None) -> None:
        machine = self._machines[name]
        if machine.zone in self.lost_zones:
            raise ZoneError("ZONE_RESOURCE_POOL_EXHAUSTED")
        machine.born = self.clock.now() + self.phases.stop
        machine.stopping, machine.broken = None, False
        machine.rest()
        if template is not None:
            machine.vcpus = vcpus_of(template)
            machine.behaviour = self.behaviour_of(template)

    def state(self, name: str) -> MachineState:
        machine = self._machines[name]
        if self._gone(machine):
            raise KeyError(name)
        return MachineState(
            self._status(machine),
            self._live(machine),
            self._ready(machine),
            self._utilisation(machine),
            machine.address,
        )

    def names(self) -> list[str]:
        """All that are not gone."""
        return [name for name, machine in self._machines.items() if not self._gone(machine)]

    def serving(self) -> list[str]:
        """Those that had a share of the load when it was last looked at."""
        return [name for name, machine in self._machines.items() if machine.serving]

    def work(self, name: str) -> Work:
        """What it did when the load was last looked at."""
        return self._machines[name].work

    def fail(self, name: str) -> None:
        """Its service ends, until it is recreated."""
        self._machines[name].broken = True
        self._machines[name].rest()

    def lose_zone(self, zone: str) -> None:
        """All that is in the zone stands still, and nothing can be created there."""
        self.lost_zones.add(zone)

    def restore_zone(self, zone: str) -> None:
        """The zone is back, and its machines boot again."""
        self.lost_zones.discard(zone)
        for machine in self._machines.values():
            if machine.zone == zone:
                machine.born = self.clock.now()

    def _age(self, machine: Simulated) -> float:
        return self.clock.now() - machine.born

    def _gone(self, machine: Simulated) -> bool:
        return (
            machine.stopping is not None and self.clock.now() - machine.stopping >= self.phases.stop
        )

    def _status(self, machine: Simulated) -> str:
        if machine.stopping is not None:
            return "STOPPING"
        if machine.zone in self.lost_zones:
            return "TERMINATED"
        age = self._age(machine)
        if age < 0:
            return "STOPPING"
        if age < self.phases.provision / 2:
            return "PROVISIONING"
        return "STAGING" if age < self.phases.provision else "RUNNING"

    def _works(self, machine: Simulated) -> bool:
        if machine.broken or machine.stopping is not None or machine.zone in self.lost_zones:
            return False
        if machine.behaviour is Behaviour.DIES:
            return self._age(machine) < self.phases.until_ready + self.phases.dies
        return machine.behaviour is not Behaviour.NEVER_LIVE

    def _live(self, machine: Simulated) -> bool:
        return (
            self._works(machine) and self._age(machine) >= self.phases.provision + self.phases.boot
        )

    def _ready(self, machine: Simulated) -> bool:
        return (
            self._works(machine)
            and machine.behaviour is not Behaviour.NEVER_READY
            and self._age(machine) >= self.phases.until_ready
        )

    def _utilisation(self, machine: Simulated) -> float:
        if self._ready(machine):
            return machine.work.utilisation
        booting = self.phases.provision <= self._age(machine) < self.phases.until_ready
        return self.boot_utilisation if booting and self._status(machine) == "RUNNING" else 0.0

    def _step(self) -> None:
        """Shares the load out, and counts what was done with it since the last step."""
        for name in [name for name, machine in self._machines.items() if self._gone(machine)]:
            del self._machines[name]
        offered = self.load(self.clock.now())
        machines = list(self._machines.values())
        for machine in machines:
            machine.rest()
        paid = sum(self._status(machine) != "TERMINATED" for machine in machines)
        self.totals.machine_seconds += self.period * paid
        self.totals.offered += offered * self.period
        ready = [machine for machine in machines if self._ready(machine)]
        if not ready:
            self.totals.shed += offered * self.period
        for machine in ready:
            machine.serving = True
            machine.work = self.capacity.work(offered / len(ready), machine.vcpus)
            self.totals.served += machine.work.served * self.period
            self.totals.shed += machine.work.shed * self.period
