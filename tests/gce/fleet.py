"""A regional managed instance group."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gce import policy, rollout
from gce.clock import Clock
from gce.healer import HealthCheck
from gce.machines import Machines, ZoneError
from gce.members import Member, managed_instance, name_of
from gce.policy import Resource, UpdatePolicy, Version

RETRY = 30.0  # seconds between attempts to create an instance in a zone that refused it
TRUST = 600.0  # seconds after which such a zone is worth to move instances to
ACTIONS = (
    "none creating creatingWithoutRetries recreating deleting abandoning restarting refreshing"
    " verifying suspending stopping starting resuming"
).split()


@dataclass(frozen=True)
class Step:
    """The group at one moment. `healthy` serve as far as the group knows, `ready` in truth."""

    time: float
    target: int
    healthy: int
    ready: int
    members: int


@dataclass(frozen=True)
class Reading:
    """What the autoscaler sees of one instance. `running_for` is in seconds."""

    name: str
    running_for: float | None  # None while it does not run
    utilisation: float
    lost: bool  # it should run and does not


class Fleet:
    """Keeps so many instances of the wanted versions, spread evenly over the zones, and heals them.

    `manager` is the REST resource regionInstanceGroupManagers, with Google's defaults or without.
    `template_of` and `health_check_of` give the resource behind a URL. It moves by the clock alone, a step
    each `period` seconds; calls come from one thread at a time.
    """

    def __init__(
        self,
        clock: Clock,
        machines: Machines,
        manager: Resource,
        template_of: Callable[[str], Resource],
        health_check_of: Callable[[str], Resource] = lambda _: {},
        period: float = 1.0,
    ) -> None:
        self.clock = clock
        self.machines = machines
        self.template_of = template_of
        self.health_check_of = health_check_of
        self.autoscaler: str | None = None  # the URL of the one that drives it
        self.history: list[Step] = []
        self._members: list[Member] = []
        self._names = 0
        self._refused: dict[str, float] = {}  # zone, and when it said so
        self._moving: list[Member] = []  # from a zone that has too many
        self._ordered: dict[str, Version] = {}  # updates that somebody asked for by name
        self._deleted = False
        self._target = 0
        self._manager: Resource = {}
        self.configure(manager)
        self._timer = clock.every(period, self.step)

    # What the API asks of it.

    def configure(self, manager: Resource) -> None:
        """Takes new settings; what has to change, changes as time passes.

        A targetSize in it is the new target: leave it out, or fill in target_size, to keep the present one.
        """
        self._manager = manager
        if "targetSize" in manager:
            self._target = int(manager["targetSize"])
        healing = (manager.get("autoHealingPolicies") or [{}])[0]
        self._health_check: str | None = healing.get("healthCheck")
        self._initial_delay = float(healing.get("initialDelaySec", 0))
        self._check = (
            HealthCheck.of(self.health_check_of(self._health_check)) if self._health_check else None
        )
        self._zones = policy.zones_of(manager)

    def resize(self, size: int) -> None:
        """Raises ValueError for a size below 0."""
        if size < 0:
            raise ValueError(f"a group cannot have {size} instances")
        self._target = size

    @property
    def target_size(self) -> int:
        return self._target

    def members(self) -> list[str]:
        """The names of its instances, those that leave included."""
        return [member.name for member in self._members]

    def managed_instances(self) -> list[dict[str, Any]]:
        """As listManagedInstances gives them."""
        project = self._project()
        return [managed_instance(m, project, self._health_check) for m in self._members]

    def current_actions(self) -> dict[str, int]:
        """As the resource's currentActions."""
        found = Counter(member.action.lower() for member in self._members)
        return {action: found[action] for action in ACTIONS}

    def status(self) -> dict[str, Any]:
        """As the resource's status."""
        found: dict[str, Any] = {
            "isStable": self.stable,
            "versionTarget": {"isReached": self.version_reached},
            "allInstancesConfig": {"effective": True},
            "stateful": {"hasStatefulConfig": False},
        }
        if self.autoscaler is not None:
            found["autoscaler"] = self.autoscaler
        return found

    @property
    def stable(self) -> bool:
        """Nothing is being done to any instance, and there are as many as there are to be."""
        idle = all(member.action == "NONE" for member in self._members)
        return idle and len(self._members) == self._target

    @property
    def version_reached(self) -> bool:
        """Each version has as many instances as it is to have, and all are done."""
        have = Counter(member.version for member in rollout.kept(self._members))
        verified = all(member.action == "NONE" for member in self._members)
        wanted = {version: goal for version, goal in self._goals().items() if goal}
        return verified and dict(have) == wanted

    def apply_updates(self, names: list[str]) -> None:
        """applyUpdatesToInstances: brings these to the group's version now. Raises KeyError."""
        found = {member.name: member for member in self._members}
        chosen = [found[name] for name in names]
        lacking = rollout.missing(
            [m for m in rollout.kept(self._members) if m not in chosen], self._goals()
        )
        for member, version in zip(chosen, lacking):
            if member.version != version:
                self._ordered[member.name] = version

    def recreate_instances(self, names: list[str]) -> None:
        """recreateInstances: these get a new disk of the version they have. Raises KeyError."""
        found = {member.name: member for member in self._members}
        for member in [found[name] for name in names]:
            self._recreate(member, member.version)

    def delete_instances(self, names: list[str]) -> None:
        """deleteInstances: these go, and the target with them. Raises KeyError."""
        found = {member.name: member for member in self._members}
        for member in [found[name] for name in names]:
            if member.action != "DELETING":
                self._delete(member)
                self._target -= 1

    def delete(self) -> None:
        """Deletes all its instances, and then nothing more."""
        self._deleted, self._target = True, 0
        for member in rollout.kept(self._members):
            self._delete(member)

    @property
    def deleted(self) -> bool:
        """It was deleted, and all its instances are gone."""
        return self._deleted and not self._members

    def readings(self) -> list[Reading]:
        """For the autoscaler."""
        return [self._reading(member) for member in rollout.kept(self._members)]

    # What time does to it.

    def step(self) -> None:
        """Looks at each instance, decides, and writes the history."""
        for member in list(self._members):
            self._look(member)
        if self._deleted:
            if not self._members:
                self._timer.cancel()
        else:
            self._carry_out()
        self._note()

    def _look(self, member: Member) -> None:
        try:
            member.machine = self.machines.state(member.name)
        except KeyError:
            member.machine = None
        if member.action == "DELETING":
            if member.machine is None:
                self._members.remove(member)
            return
        if member.machine is None or member.error:
            self._try_again(member)
            return
        if member.machine.status == "TERMINATED":
            self._repair(member)
        if member.machine.status != "RUNNING":
            return
        now = self.clock.now()
        if member.running_since is None:
            member.running_since = now
        if member.action in ("CREATING", "RECREATING"):
            member.action = "VERIFYING" if self._check else "NONE"
            member.verifying_since = now
        if self._check is not None:
            member.probes.look(self._check, member.machine, now)
            self._judge(member, now)

    def _judge(self, member: Member, now: float) -> None:
        """Verifying ends with the first healthy probe or with the initial delay."""
        if member.action == "VERIFYING":
            over = now - member.verifying_since >= self._initial_delay
            if member.healthy:
                member.action = "NONE"
            elif over and member.probes.bad:
                self._repair(member)
        elif member.action == "NONE" and member.probes.bad:
            self._repair(member)

    def _repair(self, member: Member) -> None:
        lifecycle = self._manager.get("instanceLifecyclePolicy", {})
        if lifecycle.get("defaultActionOnFailure", "REPAIR") != "REPAIR":
            return
        version = member.version
        if lifecycle.get("forceUpdateOnRepair", "NO") == "YES":
            others = [m for m in rollout.kept(self._members) if m is not member]
            version = next(iter(rollout.missing(others, self._goals())), version)
        self._recreate(member, version)

    def _recreate(self, member: Member, version: Version) -> None:
        member.begin("RECREATING")
        member.version = version
        member.made += 1
        try:
            self.machines.recreate(member.name, self.template_of(version.template))
        except ZoneError as error:
            self._refuse(member, error)

    def _try_again(self, member: Member) -> None:
        """The zone refused it before."""
        if self._refuses(member.zone, RETRY):
            return
        try:
            template = self.template_of(member.version.template)
            if member.machine is None:
                self.machines.create(member.name, member.zone, template)
            else:
                self.machines.recreate(member.name, template)
        except ZoneError as error:
            self._refuse(member, error)
            return
        member.error = ""

    def _refuse(self, member: Member, error: ZoneError) -> None:
        member.error = str(error)
        self._refused[member.zone] = self.clock.now()

    def _carry_out(self) -> None:
        update = UpdatePolicy.of(self._manager, self._target)
        if update.redistributes and self.stable:
            zones = [zone for zone in self._zones if not self._refuses(zone, TRUST)]
            self._moving = rollout.uneven(self._members, zones)
        moving = [member for member in self._moving if member.action == "NONE"]
        plan = rollout.plan(self._members, self._target, self._goals(), update, moving)
        for member in plan.delete:
            self._delete(member)
        for version in plan.create:
            self._create(version, elsewhere=not moving)
        for member, version in plan.recreate:
            self._recreate(member, version)
        for member in [m for m in rollout.kept(self._members) if m.name in self._ordered]:
            self._recreate(member, self._ordered.pop(member.name))

    def _create(self, version: Version, elsewhere: bool) -> None:
        """In the emptiest zone; when it refuses and `elsewhere`, in another one. When all refuse, it is tried
        again later."""
        filled = Counter(member.zone for member in rollout.kept(self._members))
        order = sorted(self._zones, key=lambda zone: (self._refuses(zone, RETRY), filled[zone]))
        member = Member(self._new_name(), order[0], version)
        self._members.append(member)
        for zone in order:
            member.zone, member.error = zone, ""
            try:
                self.machines.create(member.name, zone, self.template_of(version.template))
                return
            except ZoneError as error:
                self._refuse(member, error)
                if not elsewhere:
                    self._members.remove(member)
                    self._moving = []
                    return
        member.zone = order[0]

    def _delete(self, member: Member) -> None:
        member.begin("DELETING")
        if member.machine is not None or self._exists(member.name):
            self.machines.delete(member.name)

    def _exists(self, name: str) -> bool:
        try:
            self.machines.state(name)
        except KeyError:
            return False
        return True

    def _new_name(self) -> str:
        base = str(self._manager.get("baseInstanceName") or self._manager.get("name", "group"))
        taken = set(self.members())
        while True:
            self._names += 1
            name = name_of(base, self._names)
            if name not in taken:
                return name

    def _goals(self) -> dict[Version, int]:
        return policy.goals(self._manager, self._target)

    def _refuses(self, zone: str, within: float) -> bool:
        """Whether the zone refused an instance in the last seconds."""
        return self.clock.now() - self._refused.get(zone, -math.inf) < within

    def _project(self) -> str:
        link = str(self._manager.get("selfLink", ""))
        default = "https://www.googleapis.com/compute/v1/projects/project"
        return link.split("/regions/")[0] if "/regions/" in link else default

    def _reading(self, member: Member) -> Reading:
        machine = member.machine
        running = machine is not None and machine.status == "RUNNING"
        since = member.running_since
        return Reading(
            member.name,
            self.clock.now() - since if running and since is not None else None,
            machine.utilisation if machine is not None and running else 0.0,
            bool(member.error) or (machine is not None and machine.status == "TERMINATED"),
        )

    def _note(self) -> None:
        seen = [m.machine for m in self._members if m.machine is not None]
        healthy = sum(member.available for member in self._members)
        ready = sum(machine.ready for machine in seen)
        step = Step(self.clock.now(), self._target, healthy, ready, len(self._members))
        last = self.history[-1] if self.history else None
        if last is None or _shape(last) != _shape(step):
            self.history.append(step)


def _shape(step: Step) -> tuple[int, int, int, int]:
    return (step.target, step.healthy, step.ready, step.members)
