"""A client without privilege."""

from lab.command import run
from lab.lab import Lab
from lab.network import bridge_name

STRANGER = 201  # the last part of its address


def stranger(lab: Lab) -> str:
    """An address of this machine whose client is limited as any other."""
    address = str(lab.network[STRANGER])
    device = bridge_name(lab.id)
    if address not in run("ip", "-4", "address", "show", "dev", device).stdout:
        run("ip", "address", "add", f"{address}/{lab.network.prefixlen}", "dev", device)
    return address
