"""Clients without privilege."""

from lab.command import run
from lab.lab import Lab
from lab.network import bridge_name

FIRST = 201  # the last part of the first one's address


def strangers(lab: Lab, count: int) -> list[str]:
    """Addresses of this machine whose clients are limited as any other."""
    device = bridge_name(lab.id)
    there = run("ip", "-4", "address", "show", "dev", device).stdout
    addresses = [str(lab.network[FIRST + i]) for i in range(count)]
    for address in addresses:
        if f" {address}/" not in there:
            run("ip", "address", "add", f"{address}/{lab.network.prefixlen}", "dev", device)
    return addresses


def stranger(lab: Lab) -> str:
    return strangers(lab, 1)[0]
