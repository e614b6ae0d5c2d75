"""A booted host of the lab as the one machine of a double."""

from gce.machines import MachineState, Template
from lab.host import Host


class BootedMachine:
    """Machines with a single one, a host that is booted already. It is stopped when the double says so."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.name: str | None = None

    def create(self, name: str, zone: str, template: Template) -> None:
        assert self.name is None, "there is one host"
        self.name = name

    def delete(self, name: str) -> None:
        self.name = None

    def recreate(self, name: str, template: Template | None = None) -> None:
        raise AssertionError("nothing heals a builder")

    def stop(self, name: str) -> None:
        self.host.power_off()

    def start(self, name: str) -> None:
        self.host.boot()

    def state(self, name: str) -> MachineState:
        if name != self.name:
            raise KeyError(name)
        return MachineState("RUNNING", True, True, 0.0, self.host.address)
