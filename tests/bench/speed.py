"""Completed hashes a second through HTTPS, against a loop of crypt_rn() on the same CPUs."""

import resource
import statistics
from pathlib import Path
from typing import Any

from bench.noise import TICKS, Round, rounds
from bench.report import spread
from bench.tools import (
    PASSWORD_BODY,
    AccessLog,
    Bench,
    cpus,
    hashes,
    in_flight_cap,
    rate,
    say,
    stack_for,
)
from support.stack import Stack
from support.waiting import eventually

REQUESTS = {"GET /gethash": ("GET",), "POST /v1/hash": ("POST", PASSWORD_BODY)}
TARGETS = {10: 0.97, 4: 0.85}


def cpu_seconds(stack: Stack, program: str) -> float:
    """CPU time that the running processes of a program have taken."""
    total = 0
    for pid in stack.pids():
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        if name.endswith(f"({program}"):
            total += sum(int(x) for x in rest.split()[11:13])
    return total / TICKS


def cpu_all(stack: Stack) -> dict[str, float]:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "nginx": cpu_seconds(stack, "nginx"),
        "bcryptd": cpu_seconds(stack, "bcryptd"),
        "wrk": children.ru_utime + children.ru_stime,
    }


def serve(bench: Bench, stack: Stack, log: AccessLog, seconds: float, *request: str) -> Any:
    connections = in_flight_cap(stack)
    before = hashes(stack)
    log.read()
    cpu = cpu_all(stack)
    seen = bench.wrk(stack, connections, seconds, *request)
    # wrk leaves in the middle of its last requests.
    eventually("idle", lambda: all(x["lanes_busy"] == 0 for x in stack.status()["workers"]))
    after = cpu_all(stack)
    counted = hashes(stack) - before
    logged = [
        line["bcryptd.time"] for line in log.read() if line["http.response.status_code"] == 200
    ]
    good = seen["requests"] - seen["bad_status"]
    return {
        "per_s": rate(logged, cpus()),
        "wrk": seen,
        "cpu_us": {name: (after[name] - cpu[name]) / counted * 1e6 for name in cpu},
        "counted": counted,
        "logged": len(logged),
        "agree": 0 <= counted - good <= connections and 0 <= counted - len(logged) <= connections,
        "bad": seen["bad_status"] + seen["broken"],
    }


def measure(bench: Bench, cost: int) -> None:
    seconds = bench.pick(8 if cost >= 10 else 5, 2)
    with stack_for(cost) as stack:
        log = AccessLog(stack)
        connections = in_flight_cap(stack)

        def one_round() -> dict[str, Any]:
            values: dict[str, Any] = {"bare": bench.bare(cost, seconds)}
            for name, request in REQUESTS.items():
                values[name] = serve(bench, stack, log, seconds, *request)
            return values

        bench.wrk(stack, connections, 1, "GET")
        done = rounds(bench.rounds(6), one_round, not bench.quick)
    bench.report.data[f"speed, cost {cost}"] = [vars(r) for r in done]
    target = TARGETS[cost]
    for name in REQUESTS:
        ratios = [r.values[name]["per_s"] / r.values["bare"] for r in done]
        rates = [r.values[name]["per_s"] for r in done]
        bench.report.add(
            "speed",
            f"{name} over HTTPS, cost {cost}: hashes/s ÷ bare loop's ({connections} connections)",
            f"≥ {target}",
            f"{spread(ratios)}; {spread(rates, 1)} hashes/s",
            sorted(ratios)[len(ratios) // 2] >= target,
        )
    if cost == min(TARGETS):
        # Beside a longer hash it is less than the hashes differ.
        report_cpu(bench, cost, done)
    served = [r.values[name] for r in done for name in REQUESTS]
    bench.report.add(
        "speed",
        f"cost {cost}: requests without a 200; rounds where bcryptd's count, wrk's and nginx's differ",
        "0; 0",
        f"{sum(s['bad'] for s in served)} of {sum(s['wrk']['requests'] for s in served)};"
        f" {sum(not s['agree'] for s in served)} of {len(served)}",
        all(s["bad"] == 0 and s["agree"] for s in served),
    )
    say(f"speed, cost {cost}: others took {[round(r.others, 3) for r in done]} of the CPUs")


def report_cpu(bench: Bench, cost: int, done: list[Round]) -> None:
    """Where the rest goes: the client runs on the same CPUs, and has no part in the service."""
    texts = []
    for name in REQUESTS:
        of = {
            program: statistics.median(r.values[name]["cpu_us"][program] for r in done)
            for program in ("nginx", "bcryptd", "wrk")
        }
        bare_us = statistics.median(cpus() * 1e6 / r.values["bare"] for r in done)
        texts.append(
            f"{name.split()[0]}: nginx {of['nginx']:.0f}, bcryptd {of['bcryptd'] - bare_us:.0f},"
            f" wrk {of['wrk']:.0f} µs"
        )
    bench.report.add(
        "speed", f"cost {cost}: CPU time of a request beside its hash", "", "; ".join(texts)
    )


def run(bench: Bench) -> None:
    for cost in TARGETS:
        measure(bench, cost)
