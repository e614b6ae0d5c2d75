"""Workers are killed under load, and clients do not notice."""

import os
import random
import re
import signal
import time

from bench.tools import AccessLog, Bench, count_statuses, cpus, errors_of, result, stack_for
from support.stack import Stack

COST = 10
PERIOD_S = 0.2


def kill_one(stack: Stack, chooser: random.Random) -> bool:
    """Kills a worker that serves; one that only starts would be a failed start."""
    rows = stack.status()["workers"]
    alive = [row["pid"] for row in rows if row["state"] in ("busy", "idle")]
    if not alive:
        return False
    try:
        os.kill(chooser.choice(alive), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def run(bench: Bench) -> None:
    seconds = bench.pick(30, 3)
    chooser = random.Random(1)
    kills = 0
    with stack_for(COST) as stack:
        log = AccessLog(stack)
        with bench.started_load(stack, seconds, "--clients", cpus()) as process:
            begin = time.monotonic()
            for number in range(int(seconds / PERIOD_S) - 2):
                kills += kill_one(stack, chooser)
                time.sleep(max(0.0, begin + (number + 1) * PERIOD_S - time.monotonic()))
            seen = result(process)
        exits = stack.metrics()['bcryptd_worker_exits_total{reason="signal"}']
        lines = log.read()
    tries = [len(re.split("[,:]", line["bcryptd.upstream.status"])) for line in lines]
    repeated = sum(number > 1 for number in tries)
    good = int(seen["statuses"].get("200", 0))
    bad = sum(count_statuses([seen]).values()) - good + errors_of(seen)
    bench.report.data["faults"] = {"kills": kills, "exits": exits, "tries": tries, "load": seen}
    bench.report.add(
        "faults",
        f"a worker killed every {PERIOD_S * 1000:.0f} ms, cost {COST}, {cpus()} clients: "
        "answers other than 200, and broken connections",
        "0",
        f"{bad} of {good + bad}; {kills} kills, {repeated} requests repeated by nginx",
        bad == 0 and good > 0 and kills > 0,
    )
