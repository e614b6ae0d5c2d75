"""A host that attacks, from one address after the other: those before may be banned."""

from lab.attack import module
from lab.host import Host
from lab.lab import Lab

FIRST, LAST = 100, 200  # the last part of its addresses


class Attacker:
    """A booted host of a lab."""

    def __init__(self, lab: Lab, host: Host) -> None:
        self.lab = lab
        self.host = host
        self.number = FIRST

    @property
    def address(self) -> str:
        return str(self.lab.network[self.number])

    def move(self) -> "Attacker":
        """From now on its connections come from a further address."""
        self.number += 1
        assert self.number <= LAST
        own = f"{self.address}/{self.lab.network.prefixlen}"
        route = f"{self.lab.network} dev host0 scope link src {self.address}"
        self.host.shell(f"ip address add {own} dev host0 && ip route replace {route}")
        return self

    def module(self, name: str, *arguments: object, package: str = "lab") -> list[str]:
        """A program of the tests, in its network."""
        return module(self.host, name, *arguments, package=package)
