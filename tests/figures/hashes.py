"""Hashes a second of this machine's CPUs, by engine and cost: what the number of VMs is computed of."""

import re
import statistics
import subprocess
from typing import Any

from bench.noise import rounds
from bench.report import Report
from bench.tools import AccessLog, Bench, in_flight_cap, stack_for
from figures import sheet
from figures.record import Kind
from figures.tables import rounded, table
from support.daemon import BINARY, clean_environment

COSTS = (10, 11, 12, 13)
QUICK_COSTS = (8, 10)
SERVICE_COST = 10  # at which the time beside a hash is measured; it does not depend on the cost
ROUNDS = 3
ALL_AT_ONCE = re.compile(r"^All (\d+) CPUs at once\n.*\n((?:  .*\n)+)", re.M)
ROW = re.compile(r"^  (libxcrypt|\d)(?: lanes?)? +([\d.]+) +([\d.]+)", re.M)
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
    """All CPUs at once: how many they are, how many lanes are best, and for libxcrypt and each number
    of lanes hashes a second and the milliseconds of a hash. Raises ValueError."""
    found, chosen = ALL_AT_ONCE.search(report), CHOSEN.search(report)
    if not found or not chosen:
        raise ValueError(f"not a report of --benchmark: {report}")
    rows = {name: [float(per_s), float(ms)] for name, per_s, ms in ROW.findall(found[2])}
    return {"cpus": int(found[1]), "lanes": int(chosen[1]), "rows": rows}


def served(engine: str, lanes: int, cost: int, quick: bool) -> float:
    """Hashes a second through nginx and HTTPS, as full as nginx lets it be."""
    bench = Bench(BINARY.parent, quick, Report({}))
    with stack_for(cost, BCRYPTD_ENGINE=engine, BCRYPTD_LANES=str(lanes)) as stack:
        log, connections = AccessLog(stack), in_flight_cap(stack)

        def one_round() -> dict[str, Any]:
            return {"per_s": bench.served(stack, log, connections, bench.pick(8, 2))[0]}

        done = rounds(bench.rounds(ROUNDS), one_round, not quick)
    return float(statistics.median(one.values["per_s"] for one in done))


def measure(quick: bool) -> dict[str, Any]:
    costs = QUICK_COSTS if quick else COSTS
    found = {str(cost): parsed(benchmark(cost)) for cost in costs}
    lanes = found[str(SERVICE_COST)]["lanes"]
    per_s = {engine: served(engine, lanes, SERVICE_COST, quick) for engine in ENGINES}
    return {"costs": found, "service": {"cost": SERVICE_COST, "per_s": per_s}}


def rates(data: dict[str, Any]) -> str:
    rows = []
    for cost in data["costs"]:
        engines = [sheet.measured(data, engine, int(cost)) for engine in ENGINES]
        per_cpu = [engine.per_vcpu for engine in engines]
        lanes = str(engines[1].lanes)
        times = [f"{sheet.hash_ms(data, engine, int(cost)):,.0f}" for engine in ENGINES]
        gain = f"{per_cpu[1] / per_cpu[0]:.2f}"
        rows.append([cost, *(rounded(rate) for rate in per_cpu), gain, *times, lanes])
    head = ["cost", "libxcrypt: hashes/s a CPU", "lanes: hashes/s a CPU", "gain"]
    head += ["libxcrypt: ms a hash", "lanes: ms a hash", "lanes a CPU"]
    return table(head, rows)


def tables(data: dict[str, Any]) -> dict[str, str]:
    return {"rates": rates(data), "sheet": sheet.overview(data)}


KIND = Kind("hashes a second of the engines, by cost", measure, tables)
