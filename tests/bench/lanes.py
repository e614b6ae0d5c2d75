"""What the lanes engine gives through HTTPS: against one hash at a time, and against software that
is made for guessing."""

import os
import statistics
import subprocess
from typing import Any

from bench.latency import bare_ms, connect, request_ms
from bench.noise import rounds
from bench.peers import john
from bench.report import spread
from bench.tools import WORKER_NICE, AccessLog, Bench, cpus, in_flight_cap, stack_for
from support.stack import Stack

COSTS = (10, 12)
RATIO_TO_BARE = 3.3
RATIO_TO_JOHN = 1.25
SLOWDOWN = 1.25
LONE_SLOWDOWN, LONE_MS = 1.05, 2.0
PAIRS = 12


def lanes_of(stack: Stack) -> int:
    return int(sum(row["lanes"] for row in stack.status()["workers"]))


def measure(bench: Bench, cost: int) -> None:
    seconds = bench.pick(8 if cost == min(COSTS) else 12, 2)
    step = [bench.build / "bare", "--cost", cost, "--step", "--nice", WORKER_NICE]
    lanes_wanted = os.environ.get("BCRYPTD_LANES", "auto")
    environment = {"BCRYPTD_ENGINE": "lanes", "BCRYPTD_LANES": lanes_wanted}
    with stack_for(cost, **environment) as stack:
        log = AccessLog(stack)
        lanes, cap = lanes_of(stack), in_flight_cap(stack)

        def one_round() -> dict[str, Any]:
            values: dict[str, Any] = {"bare": bench.bare(cost, seconds)}
            values["john"] = john.per_s(cost, seconds)
            values["per_s"], _ = bench.served(stack, log, cap, seconds)
            _, values["p50_ms"] = bench.served(stack, log, lanes, seconds)
            with subprocess.Popen(
                [str(x) for x in step], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process, connect(stack) as connection:
                both = [(bare_ms(process), request_ms(connection)) for _ in range(PAIRS)]
            values["lone_bare_ms"] = statistics.median(x for x, _ in both)
            values["lone_ms"] = statistics.median(x for _, x in both)
            return values

        bench.wrk(stack, cap, 1, "GET")
        done = rounds(bench.rounds(5), one_round, not bench.quick)
    bench.report.data[f"lanes, cost {cost}"] = [vars(r) for r in done]
    values = [r.values for r in done]
    to_bare = [v["per_s"] / v["bare"] for v in values]
    to_john = [v["per_s"] / v["john"] for v in values]
    slowdown = [v["p50_ms"] / (1000 * cpus() / v["bare"]) for v in values]
    over = [v["lone_ms"] - LONE_SLOWDOWN * v["lone_bare_ms"] for v in values]
    what = f"cost {cost}, {lanes} lanes on {cpus()} CPUs"
    bench.report.add(
        "lanes",
        f"{what}, {cap} connections: hashes/s ÷ bare crypt_rn's",
        f"≥ {RATIO_TO_BARE}",
        f"{spread(to_bare, 2)}; {spread([v['per_s'] for v in values], 1)} hashes/s",
        statistics.median(to_bare) >= RATIO_TO_BARE,
    )
    bench.report.add(
        "lanes",
        f"{what}: hashes/s ÷ John the Ripper's, scaled from cost {john.COST}",
        f"≥ {RATIO_TO_JOHN}",
        f"{spread(to_john, 2)}; John {spread([v['john'] for v in values], 1)} hashes/s",
        statistics.median(to_john) >= RATIO_TO_JOHN,
    )
    bench.report.add(
        "lanes",
        f"{what}, {lanes} connections: p50 of a request ÷ time of a bare hash",
        f"≤ {SLOWDOWN}",
        f"{spread(slowdown, 2)}; p50 {spread([v['p50_ms'] for v in values], 1, 'ms')}",
        statistics.median(slowdown) <= SLOWDOWN,
    )
    bench.report.add(
        "lanes",
        f"{what}, one connection: p50 of a request - {LONE_SLOWDOWN} × the bare hash beside it",
        f"≤ {LONE_MS:g} ms",
        f"{spread(over, 2, 'ms')}; hash {spread([v['lone_bare_ms'] for v in values], 1, 'ms')}",
        statistics.median(over) <= LONE_MS,
    )


def run(bench: Bench) -> None:
    for cost in COSTS:
        measure(bench, cost)
