"""Hashes a second of this machine's CPUs, by engine and cost: what the number of VMs is computed of."""

import re
import subprocess
from typing import Any

from figures.record import Kind
from figures.tables import rounded, table
from support.daemon import BINARY, clean_environment

COSTS = (10, 11, 12, 13)
QUICK_COSTS = (4, 5)
ALL_AT_ONCE = re.compile(r"^All (\d+) CPUs at once\n.*\n((?:  .*\n)+)", re.M)
ROW = re.compile(r"^  (libxcrypt|\d lanes?) +([\d.]+) +([\d.]+)", re.M)
CHOSEN = re.compile(r"^lanes: (\d)$", re.M)
ENGINES = ("libxcrypt", "lanes")


def benchmark(cost: int) -> str:
    """What bcryptd measures by itself."""
    settings = {"BCRYPTD_COST": str(cost), "BCRYPTD_MIN_COST": str(min(cost, 10))}
    done = subprocess.run(
        [str(BINARY), "--benchmark"],
        env={**clean_environment(), **settings},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def parsed(report: str) -> dict[str, Any]:
    """All CPUs at once: how many they are, and hashes a second and the time of a hash by engine."""
    found, chosen = ALL_AT_ONCE.search(report), CHOSEN.search(report)
    if not found or not chosen:
        raise ValueError(f"not a report of --benchmark: {report}")
    rows = {name: (float(per_s), float(ms)) for name, per_s, ms in ROW.findall(found[2])}
    lanes = int(chosen[1])
    picked = {"libxcrypt": "libxcrypt", "lanes": f"{lanes} lane" + ("s" if lanes > 1 else "")}
    return {
        "cpus": int(found[1]),
        "lanes": lanes,
        **{
            engine: {"per_s": rows[row][0], "hash_ms": rows[row][1]}
            for engine, row in picked.items()
        },
    }


def measure(quick: bool) -> dict[str, Any]:
    costs = QUICK_COSTS if quick else COSTS
    return {"costs": {str(cost): parsed(benchmark(cost)) for cost in costs}}


def tables(data: dict[str, Any]) -> dict[str, str]:
    head = ["cost", *(f"{engine}: hashes/s a CPU" for engine in ENGINES), "gain"]
    head += [f"{engine}: ms a hash" for engine in ENGINES]
    rows = []
    for cost, one in data["costs"].items():
        per_cpu = [one[engine]["per_s"] / one["cpus"] for engine in ENGINES]
        times = [f"{one[engine]['hash_ms']:.0f}" for engine in ENGINES]
        rates = [rounded(rate) for rate in per_cpu]
        rows.append([cost, *rates, f"{per_cpu[1] / per_cpu[0]:.2f}", *times])
    return {"rates": table(head, rows)}


KIND = Kind("hashes a second of the engines, by cost", measure, tables)
