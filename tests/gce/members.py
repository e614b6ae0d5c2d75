"""The instances of a managed instance group."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from gce.healer import HEALTHY, Probes
from gce.machines import MachineState
from gce.policy import Version

LETTERS = "0123456789bcdfghjklmnpqrstvwxz"


@dataclass
class Member:
    """One instance as its group sees it. Times are the clock's seconds."""

    name: str
    zone: str
    version: Version
    action: str = "CREATING"
    probes: Probes = field(default_factory=Probes)
    running_since: float | None = None
    verifying_since: float = 0.0
    error: str = ""  # of the last attempt to create it
    machine: MachineState | None = None  # as it was last seen
    made: int = 1  # how often its instance was made

    @property
    def available(self) -> bool:
        """It is there to serve: nothing is being done to it, and it is not known to be ill."""
        running = self.machine is not None and self.machine.status == "RUNNING"
        return self.action == "NONE" and running and not self.probes.bad

    @property
    def healthy(self) -> bool:
        return self.probes.state == HEALTHY

    def begin(self, action: str) -> None:
        """Something new is done to it, and what was known of it holds no more."""
        self.action = action
        self.probes = Probes()
        self.running_since = None
        self.error = ""


def name_of(base: str, number: int) -> str:
    """The base with four characters that look random and are the same in every run."""
    value = int.from_bytes(hashlib.sha256(f"{base}/{number}".encode()).digest()[:8], "big")
    suffix = ""
    for _ in range(4):
        value, place = divmod(value, len(LETTERS))
        suffix += LETTERS[place]
    return f"{base}-{suffix}"


def managed_instance(member: Member, project: str, health_check: str | None) -> dict[str, Any]:
    """The member in the form of listManagedInstances; `project` is the project's URL."""
    url = f"{project}/zones/{member.zone}/instances/{member.name}"
    found: dict[str, Any] = {
        "instance": url,
        "name": member.name,
        "currentAction": member.action,
        "version": {"instanceTemplate": member.version.template},
        "lastAttempt": {},
    }
    if member.version.name:
        found["version"]["name"] = member.version.name
    if member.machine is not None:
        found["instanceStatus"] = member.machine.status
        found["id"] = str(int(hashlib.sha256(f"{url} {member.made}".encode()).hexdigest()[:15], 16))
        if health_check is not None:
            found["instanceHealth"] = [
                {"healthCheck": health_check, "detailedHealthState": member.probes.state}
            ]
    if member.error:
        message = f"The zone '{member.zone}' cannot take the instance '{member.name}'"
        found["lastAttempt"] = {"errors": {"errors": [{"code": member.error, "message": message}]}}
    return found
