"""What one host can absorb: the refusals that the CPU time of one hash would pay for, layer by layer."""

from typing import Any

from absorb.layers import HASH, HIGHEST, TRIES, measure
from absorb.picture import bars
from absorb.sending import Field
from figures.record import Kind
from figures.tables import rounded, table
from lab.lab import lab_or_error
from lab.package import build_package
from lab.playbook import staging

SECONDS, QUICK_SECONDS = 5, 1
# What the kernel does for a packet, it does in the time of the sender, so only the sum says something.
BY_SUM = ("nftables", "kernel, nginx")


def measure_host(quick: bool) -> dict[str, Any]:
    """On a host of its own, deployed as staging."""
    with lab_or_error() as lab:
        web, bad = lab.boot("web1", "bad")
        staging(lab, [web], build_package(), []).play("site.yml")
        field = Field(lab, web, bad, QUICK_SECONDS if quick else SECONDS)
        return {"layers": measure(field, 1 if quick else TRIES)}


def cost_us(layer: dict[str, Any]) -> float:
    """CPU time of one: of the host's processes, or at the most."""
    used = total_s(layer) if layer["where"] in BY_SUM else layer["host_s"]
    return float(1e6 * used / layer["count"])


def total_s(layer: dict[str, Any]) -> float:
    """The host's processes, the sender's, and the kernel's own for packets."""
    return float(layer["host_s"] + layer["cpu_s"] + layer["kernel_s"])


def rows(data: dict[str, Any]) -> list[list[str]]:
    a_hash = cost_us(data["layers"][HASH])
    found = []
    for name, layer in data["layers"].items():
        cost, bound = cost_us(layer), "≤ " if layer["where"] in BY_SUM else ""
        # How many hashes a host computes, capacity.md says.
        is_hash = name in (HASH, HIGHEST)
        per_s = "" if is_hash else rounded(layer["count"] / layer["seconds"])
        number = ("≥ " if bound else "") + rounded(a_hash / cost)
        found.append(
            [layer["where"], layer["what"], layer["answer"], per_s, bound + rounded(cost), number]
        )
    return found


def tables(data: dict[str, Any]) -> dict[str, str]:
    head = [
        "refused by",
        "what comes",
        "answer",
        "a second",
        "CPU µs each",
        "for the CPU of one hash",
    ]
    return {"layers": table(head, rows(data), left=3)}


def pictures(data: dict[str, Any]) -> dict[str, str]:
    named = {f"{x['what']} ({x['answer']})": cost_us(x) for x in data["layers"].values()}
    return {"absorb.svg": bars(named)}


KIND = Kind("refusals that a host can bear, and what each costs", measure_host, tables, pictures)
