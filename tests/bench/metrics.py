"""What the gathering of metrics takes from the hashing: a host at its capacity, with and without."""

import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.gather import INTERVAL_S, PROMETHEUS, Gathering
from bench.noise import rounds
from bench.report import spread
from bench.tools import AccessLog, Bench, cpus, in_flight_cap, rate, stack_for
from support.cpu import cpu_seconds
from support.daemon import ROOT
from support.stack import Stack
from support.waiting import eventually

COST = 10
SECONDS = 10
CPU_LIMIT = 0.01
STATUS = "http.response.status_code"
LEFT = 499  # wrk leaves in the middle of its last requests


def not_served(lines: list[dict[str, Any]]) -> Counter[str]:
    """What was answered with anything but 200, by status and whoever refused it."""
    return Counter(
        f"{line[STATUS]} by {line['bcryptd.refused_by'] or 'a worker'}"
        for line in lines
        if line[STATUS] not in (200, LEFT)
    )


def shed_total(stack: Stack) -> Counter[str]:
    """By reason; clients that have left are wrk's at its end."""
    found = stack.metrics().items()
    names = {f'bcryptd_shed_total{{reason="{reason}"}}': reason for reason in ("deadline", "queue")}
    return Counter({names[name]: int(value) for name, value in found if name in names})


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def hashed(bench: Bench, stack: Stack, log: AccessLog, seconds: float) -> dict[str, Any]:
    """A phase at capacity: hashes a second, and the CPU time of bcryptd's processes."""
    workers = stack.worker_pids()
    others = [pid for pid in stack.pids() if pid not in workers and name_of(pid) == "bcryptd"]
    pids = {"workers": workers, "others": others}

    def taken() -> dict[str, float]:
        return {name: sum(map(cpu_seconds, each)) for name, each in pids.items()}

    log.read()
    shed = shed_total(stack)
    before = taken()
    seen = bench.wrk(stack, in_flight_cap(stack), seconds, "GET")
    after = taken()
    eventually("idle", lambda: all(x["lanes_busy"] == 0 for x in stack.status()["workers"]))
    lines = log.read()
    moments = [line["bcryptd.time"] for line in lines if line[STATUS] == 200]
    used = {name: after[name] - before[name] for name in before}
    return {
        "per_s": rate(moments, cpus()),
        "cpu_s": used,
        "requests": len(moments),
        "bad": dict(not_served(lines)),
        "shed": dict(shed_total(stack) - shed),
        "broken": seen["broken"],
    }


def gathered(
    bench: Bench, stack: Stack, log: AccessLog, seconds: float, phases: int
) -> list[dict[str, Any]]:
    """The same while metrics are gathered; what is counted begins when each target was asked once."""
    values = []
    with Gathering(stack) as gathering:
        for _ in range(phases):
            begin, before = time.monotonic(), gathering.cpu()
            phase = hashed(bench, stack, log, seconds)
            end, after = time.monotonic(), gathering.cpu()
            phase["seconds"] = end - begin
            phase["gathering_cpu_s"] = {name: after[name] - before[name] for name in before}
            values.append(phase)
        total = f"[{phases * seconds + INTERVAL_S:.0f}s]"
        phase["failed"] = sum(gathering.ask(f"sum(1 - min_over_time(up{total}))").values())
        phase["series"] = gathering.ask("scrape_samples_scraped")
    return values


def ratio(values: dict[str, Any]) -> float:
    with_it, without = (sum(x["per_s"] for x in values[name]) for name in ("gathered", "alone"))
    return float(with_it / without)


def cpu_shares(values: dict[str, Any]) -> dict[str, float]:
    """CPU time of each gathering process, and of bcryptd's answers, for a second of the workers'."""
    phases = values["gathered"]
    workers = sum(x["cpu_s"]["workers"] for x in phases)
    names = phases[0]["gathering_cpu_s"]
    shares = {name: sum(x["gathering_cpu_s"][name] for x in phases) / workers for name in names}
    shares["bcryptd's master and status process"] = (
        sum(x["cpu_s"]["others"] for x in phases) / workers
    )
    return shares


def milliseconds(values: dict[str, Any]) -> float:
    """CPU time that the gathering processes take in a second, whatever the workers get."""
    phases = values["gathered"]
    total = sum(sum(x["gathering_cpu_s"].values()) for x in phases)
    return float(1000 * total / sum(x["seconds"] for x in phases))


def run(bench: Bench) -> None:
    subprocess.run([ROOT / "script" / "bootstrap", "monitor"], check=True, stdout=sys.stderr)
    cost, seconds = bench.wanted_cost or COST, bench.wanted_seconds or bench.pick(SECONDS, 5)
    with stack_for(cost) as stack:
        log = AccessLog(stack)

        def one_round() -> dict[str, Any]:
            alone = [hashed(bench, stack, log, seconds)]
            with_it = gathered(bench, stack, log, seconds, phases=2)
            alone.append(hashed(bench, stack, log, seconds))
            return {"alone": alone, "gathered": with_it}

        bench.wrk(stack, in_flight_cap(stack), 1, "GET")
        done = rounds(bench.rounds(5), one_round, not bench.quick)
    bench.report.data[f"metrics, cost {cost}"] = [vars(r) for r in done]
    report(bench, cost, [r.values for r in done])


def report(bench: Bench, cost: int, done: list[dict[str, Any]]) -> None:
    what = f"cost {cost}, all metrics of the host gathered each {INTERVAL_S} s"
    rates = [x["per_s"] for values in done for x in values["alone"]]
    bench.report.add(
        "metrics",
        f"{what}: hashes/s ÷ those with nothing gathered",
        "",
        f"{spread([ratio(values) for values in done])}; {spread(rates, 1)} hashes/s with nothing",
    )
    report_failures(bench, cost, done)
    shares = [cpu_shares(values) for values in done]
    every = [sum(x.values()) for x in shares]
    names = {name: statistics.median(x[name] for x in shares) for name in shares[0]}
    texts = [
        spread(every, 4),
        f"{spread([milliseconds(values) for values in done], 1, 'ms')} a second",
        f"without Prometheus {spread([sum(x.values()) - x[PROMETHEUS] for x in shares], 4)}",
        ", ".join(f"{name} {value:.4f}" for name, value in names.items()),
    ]
    bench.report.add(
        "metrics",
        f"{what}: CPU time of all that gathers ÷ workers'",
        f"≤ {CPU_LIMIT:g}",
        "; ".join(texts),
        statistics.median(every) <= CPU_LIMIT,
    )
    series = done[-1]["gathered"][-1]["series"]
    bench.report.add(
        "metrics",
        "series of the host",
        "",
        f"{sum(series.values()):.0f}: {', '.join(f'{job} {n:.0f}' for job, n in series.items())}",
    )


def total(phases: list[dict[str, Any]], kind: str) -> Counter[str]:
    every: Counter[str] = Counter()
    for phase in phases:
        every.update(phase[kind])
    return every


def report_failures(bench: Bench, cost: int, done: list[dict[str, Any]]) -> None:
    phases = [x for values in done for x in values["alone"] + values["gathered"]]
    bad, shed = total(phases, "bad"), total(phases, "shed")
    bad["broken connections"] = sum(x["broken"] for x in phases)
    requests = sum(x["requests"] for x in phases) + bad.total()
    failed = sum(x.get("failed", 0) for x in phases)
    texts = [f"{number} × {kind}" for kind, number in (+bad).items()]
    if texts and shed:
        reasons = (f"{reason} {number}" for reason, number in shed.items())
        texts[-1] += f" (workers shed: {', '.join(reasons)})"
    bench.report.add(
        "metrics",
        f"cost {cost}: requests without a 200; targets that failed to answer Prometheus",
        "0; 0",
        f"{', '.join(texts) or 0} of {requests}; {failed:.0f}",
        not +bad and failed == 0,
    )
