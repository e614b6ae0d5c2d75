"""The bridge of a lab: hosts reach each other and, by NAT, what this machine reaches."""

import ipaddress
from pathlib import Path

from lab.command import run

NETWORKS = [ipaddress.IPv4Network(f"10.213.{i}.0/24") for i in range(1, 255)]
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
FORWARD_NOTE = "forwarding-was-off"  # in the labs' common directory


def bridge_name(lab_id: str) -> str:
    return f"lab-{lab_id}"


def table_name(lab_id: str) -> str:
    return f"bcryptd_lab_{lab_id}"


def start_forwarding(state: Path) -> None:
    """The last lab's end sets it back."""
    if FORWARD.read_text().strip() == "0":
        (state / FORWARD_NOTE).touch()
        FORWARD.write_text("1\n")


def restore_forwarding(state: Path) -> None:
    note = state / FORWARD_NOTE
    if note.exists():
        FORWARD.write_text("0\n")
        note.unlink()


def make_bridge(bridge: str) -> ipaddress.IPv4Network:
    """A bridge with the first address of a free network. Whoever calls is alone."""
    taken = run("ip", "-4", "-oneline", "address", "show").stdout
    free = (network for network in NETWORKS if f" {network[1]}/" not in taken)
    network = next(free, None)
    if network is None:
        raise RuntimeError("no free network for a bridge")
    run("ip", "link", "add", bridge, "type", "bridge")
    run("ip", "address", "add", f"{network[1]}/{network.prefixlen}", "dev", bridge)
    run("ip", "link", "set", bridge, "up")
    return network


def set_up(lab_id: str, state: Path) -> ipaddress.IPv4Network:
    """Makes the lab's bridge, and NAT for its network."""
    bridge = bridge_name(lab_id)
    network = make_bridge(bridge)
    start_forwarding(state)
    rules = f"""
table ip {table_name(lab_id)} {{
    chain nat {{
        type nat hook postrouting priority srcnat;
        ip saddr {network} ip daddr != {network} masquerade
    }}
    chain forward {{
        type filter hook forward priority filter;
        iifname "{bridge}" oifname "{bridge}" accept
        oifname "{bridge}" ct state established,related accept
        oifname "{bridge}" drop
    }}
}}
"""
    run("nft", "-f", "-", stdin=rules)
    return network


def tear_down(lab_id: str) -> None:
    run("nft", "delete", "table", "ip", table_name(lab_id), check=False)
    run("ip", "link", "delete", bridge_name(lab_id), check=False)
