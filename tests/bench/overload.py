"""Ten times more than can be served: what is still served, how soon, and what is refused how."""

import json
import os
import re
import signal
import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.noise import Round, rounds
from bench.report import spread
from bench.tools import (
    AccessLog,
    Bench,
    count_statuses,
    cpus,
    errors_of,
    hashes,
    in_flight_cap,
    result,
    say,
    stack_for,
)
from support.stack import Stack
from support.waiting import eventually

TIMES = 10
GOODPUT = 0.95
LIVEZ_MS = 50.0
DEADLINE_MS = 1000.0
WARMUP_S = 1.0
CONNECTIONS = 2000  # an open loop's at most
SLACK_S = 0.005  # nginx's and bcryptd's clocks are compared, both with milliseconds
LIVEZ = {"path": "/livez", "expect": '"live"'}
IMPOLITE = ["--pause-ms", 100]  # half of the clients obey Retry-After, the others do this
CAP = re.compile(r"( max_fails=0) max_conns=\d+")


def lift_cap(stack: Stack) -> None:
    """Takes the in-flight cap out of this stack's own nginx configuration."""
    values = stack.run_dir / "nginx" / "values.conf"
    text, changes = CAP.subn(r"\1", values.read_text())
    assert changes > 0, "no max_conns in nginx's configuration"
    values.write_text(text)
    master = int((stack.run_dir / "nginx.pid").read_text())
    old = children_of(master)
    os.kill(master, signal.SIGHUP)
    eventually("nginx has reloaded", lambda: not set(old) & set(children_of(master)))


def children_of(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


@dataclass
class Phase:
    """A kind of overload on one of the stacks."""

    name: str
    stack: Stack
    closed: bool


def under_load(
    bench: Bench, stack: Stack, seconds: float, *options: object
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the clients of a load saw, and what one saw who asks for /livez every 20 ms."""
    poll = ["--clients", 16, "--rate", 50, "--even"]
    port = stack.internal_port
    with bench.started_load(stack, seconds, "--warmup", WARMUP_S, *options) as load:
        with bench.started_load(stack, seconds, *poll, port=port, **LIVEZ) as livez:
            return result(load), result(livez)


def overload(bench: Bench, phase: Phase, capacity: float, seconds: float) -> dict[str, Any]:
    options: list[object] = ["--clients", CONNECTIONS, "--rate", f"{capacity * TIMES:.1f}"]
    if phase.closed:
        count = TIMES * in_flight_cap(phase.stack)
        options = ["--clients", count, "--obey", 0.5, *IMPOLITE]
    before = hashes(phase.stack)
    load, livez = under_load(bench, phase.stack, seconds, *options)
    load["hashes"] = hashes(phase.stack) - before
    return {"load": load, "livez": livez}


def capacity_of(bench: Bench, stack: Stack, seconds: float) -> float:
    """Answers a second to exactly as many clients as nginx lets in."""
    options = ["--clients", in_flight_cap(stack), "--warmup", WARMUP_S]
    seen = bench.load(stack, seconds, *options)
    refused = sum(count_statuses([seen]).values()) - int(seen["statuses"].get("200", 0))
    bench.report.data.setdefault("capacity phases", []).append(
        {"cost": stack.settings["BCRYPTD_COST"], "sent": seen["sent"], "not 200": refused}
    )
    return float(seen["successes"]["per_s"])


def measure(bench: Bench, phases: list[Phase], seconds: float, count: int) -> list[Round]:
    """Rounds of a capacity phase and each kind of overload, one after the other."""

    def one_round() -> dict[str, Any]:
        capacity = capacity_of(bench, phases[0].stack, seconds)
        return {
            "capacity": capacity,
            **{phase.name: overload(bench, phase, capacity, seconds) for phase in phases},
        }

    return rounds(bench.rounds(count), one_round, not bench.quick)


def report_served(bench: Bench, name: str, cost: int, done: list[Round]) -> None:
    loads = [r.values[name]["load"] for r in done]
    ratios = [r.values[name]["load"]["successes"]["per_s"] / r.values["capacity"] for r in done]
    where = f"{name}, cost {cost}"
    bench.report.add(
        "overload",
        f"{where}: goodput ÷ capacity",
        f"≥ {GOODPUT}",
        f"{spread(ratios)}; {statistics.median(r.values['capacity'] for r in done):.1f} hashes/s",
        statistics.median(ratios) >= GOODPUT,
    )
    service_ms = statistics.median(cpus() * 1000 / r.values["capacity"] for r in done)
    slowest = [x["successes"]["p99_ms"] for x in loads]
    middle = statistics.median(x["successes"]["p50_ms"] for x in loads)
    bench.report.add(
        "overload",
        f"{where}: p99 of the answers",
        f"≤ {DEADLINE_MS + service_ms:.0f} ms",
        f"{spread(slowest, 0, 'ms')}; p50 {middle:.0f} ms, hash {service_ms:.0f} ms",
        max(slowest) <= DEADLINE_MS + service_ms,
    )


def report_refused(bench: Bench, name: str, cost: int, done: list[Round]) -> None:
    loads = [r.values[name]["load"] for r in done]
    statuses = count_statuses(loads)
    others = sum(n for status, n in statuses.items() if status not in ("200", "429", "503"))
    missing = sum(x["missing_retry_after"] for x in loads)
    errors = sum(errors_of(x) for x in loads)
    extra = sum(x["hashes"] for x in loads) - statuses["200"]
    times = [x["refusals"] for x in loads]
    bench.report.add(
        "overload",
        f"{name}, cost {cost}: neither 200 nor 503; 503 without Retry-After; no answer; "
        "hashes without an answer",
        "0; 0; 0; 0",
        f"{others}; {missing}; {errors}; {extra} of {sum(statuses.values())}",
        others == missing == errors == extra == 0,
    )
    bench.report.add(
        "overload",
        f"{name}, cost {cost}: time of a refusal, p50; p99; max",
        "",
        "; ".join(spread([x[key] for x in times], 2, "ms") for key in ("p50_ms", "p99_ms"))
        + f"; {max(x['max_ms'] for x in times):.1f} ms",
    )


def report_livez(bench: Bench, cost: int, names: list[str], done: list[Round]) -> None:
    polls = [r.values[name]["livez"] for r in done for name in names]
    slowest = [x["successes"]["max_ms"] for x in polls]
    p99 = statistics.median(x["successes"]["p99_ms"] for x in polls)
    p50 = statistics.median(x["successes"]["p50_ms"] for x in polls)
    bad = sum(errors_of(x) for x in polls) + sum(
        n for status, n in count_statuses(polls).items() if status != "200"
    )
    bench.report.add(
        "overload",
        f"all of it, cost {cost}: /livez every 20 ms, the slowest",
        f"≤ {LIVEZ_MS:g} ms",
        f"{max(slowest):.1f} ms; p99 {p99:.2f} ms, p50 {p50:.2f} ms; "
        f"{bad} of {sum(x['sent'] for x in polls)} failed",
        max(slowest) <= LIVEZ_MS and bad == 0,
    )


def report_capacity(bench: Bench, cost: int) -> None:
    """Whether as many clients as nginx lets in are all served; of every round, noisy ones too."""
    phases = [x for x in bench.report.data["capacity phases"] if x["cost"] == str(cost)]
    bench.report.add(
        "overload",
        f"capacity phases, cost {cost}, all rounds tried: answers other than 200",
        "",
        f"{sum(x['not 200'] for x in phases)} of {sum(x['sent'] for x in phases)}",
    )


def report_all(bench: Bench, cost: int, phases: list[Phase], done: list[Round]) -> None:
    names = [phase.name for phase in phases]
    bench.report.data[f"overload, cost {cost}"] = [vars(r) for r in done]
    for name in names:
        report_served(bench, name, cost, done)
        report_refused(bench, name, cost, done)
    report_livez(bench, cost, names, done)
    report_capacity(bench, cost)
    say(f"overload, cost {cost}: others took {[round(r.others, 3) for r in done]} of the CPUs")


def storm(bench: Bench, stack: Stack) -> None:
    """Clients that come back at once: their refusals cost as much CPU as they like."""
    count = TIMES * in_flight_cap(stack)

    def one_round() -> dict[str, Any]:
        capacity = capacity_of(bench, stack, bench.pick(5, 2))
        load, livez = under_load(bench, stack, bench.pick(5, 2), "--clients", count)
        return {"capacity": capacity, "load": load, "livez": livez}

    done = rounds(bench.rounds(3), one_round, not bench.quick)
    bench.report.data["storm"] = [vars(r) for r in done]
    ratios = [r.values["load"]["successes"]["per_s"] / r.values["capacity"] for r in done]
    refused = [r.values["load"]["refusals"]["per_s"] for r in done]
    livez_ms = max(r.values["livez"]["successes"]["max_ms"] for r in done)
    bench.report.add(
        "overload",
        f"{count} clients without any pause, their own CPU time included: goodput ÷ capacity",
        "",
        f"{spread(ratios)} beside {spread(refused, 0)} refusals/s; /livez max {livez_ms:.1f} ms",
    )


def count_begun(
    left: list[dict[str, Any]], answered_by_id: dict[str, dict[str, Any]], hash_s: float
) -> tuple[int, int]:
    """Of the requests whose client left: how many were computed, and how many of these a worker
    took up only after that. bcryptd logs both kinds with the same status when they are over; one
    that was computed is over a hash's time after it was taken up."""
    begun, late = 0, 0
    for line in left:
        event = answered_by_id.get(line["bcryptd.request_id"])
        if event is None:
            continue
        taken = (
            line["bcryptd.time"]
            - line["http.server.request.duration"]
            + event["bcryptd.wait_ms"] / 1000
        )
        if datetime.fromisoformat(event["timestamp"]).timestamp() - taken > hash_s / 2:
            begun += 1
            late += taken > line["bcryptd.time"] + SLACK_S
    return begun, late


def answered(stack: Stack) -> dict[str, dict[str, Any]]:
    """bcryptd's own lines on requests, by request id; it writes them at level debug."""
    lines = (stack.run_dir / "bcryptd.log").read_text().splitlines()
    events = (json.loads(line) for line in lines if line.startswith("{"))
    return {
        event["bcryptd.request_id"]: event for event in events if event["event.name"] == "request"
    }


def abandon(bench: Bench) -> None:
    """A third of the clients leave while they wait. bcryptd tells in its log what it took up when,
    nginx when the client left."""
    cost = 10
    with stack_for(cost, BCRYPTD_LOG_LEVEL="debug") as stack:
        lift_cap(stack)
        capacity = capacity_of(bench, stack, 3)
        log = AccessLog(stack)
        before = hashes(stack, "hashes_submitted_total")
        # Not TIMES: of a long queue bcryptd would refuse most before it sees that they have left.
        options = ["--clients", CONNECTIONS, "--rate", f"{capacity * 2:.1f}"]
        leave = ["--leave", 0.33, "--leave-ms", 100]
        seen, _ = under_load(bench, stack, bench.pick(15, 3), *options, *leave)
        eventually("idle", lambda: all(x["lanes_busy"] == 0 for x in stack.status()["workers"]))
        submitted = hashes(stack, "hashes_submitted_total") - before
        gone = int(stack.metrics()['bcryptd_shed_total{reason="client_gone"}'])
        lines = log.read()
        events = answered(stack)
    left = [line for line in lines if line["http.response.status_code"] == 499]
    begun, late = count_begun(left, events, cpus() / capacity)
    # By nginx's count: an answer may cross a client that leaves.
    extra = submitted - begun - sum(line["http.response.status_code"] == 200 for line in lines)
    bench.report.data["abandoned"] = {
        "load": seen,
        "left": len(left),
        "gone": gone,
        "begun": begun,
        "late": late,
        "extra": extra,
    }
    bench.report.add(
        "overload",
        f"clients that leave, cost {cost}: hashes begun after the client had left; "
        "hashes that nobody asked for",
        "0; 0",
        f"{late}; {extra}; {len(left)} left: {gone} dropped unhashed (client_gone), "
        f"{begun} while their hash was computed",
        late == 0 and extra == 0 and gone > 0,
    )


def run(bench: Bench) -> None:
    with ExitStack() as stacks:
        capped = stacks.enter_context(stack_for(10))
        uncapped = stacks.enter_context(stack_for(10))
        lift_cap(uncapped)
        phases = [
            Phase(f"{TIMES} × the rate", capped, False),
            Phase(f"{TIMES} × the clients, half obey Retry-After", capped, True),
            Phase(f"{TIMES} × the rate, no cap in nginx", uncapped, False),
        ]
        report_all(bench, 10, phases, measure(bench, phases, bench.pick(7, 3), 5))
        storm(bench, capped)
    abandon(bench)
    with ExitStack() as stacks:
        capped = stacks.enter_context(stack_for(12))
        uncapped = stacks.enter_context(stack_for(12))
        lift_cap(uncapped)
        phases = [
            Phase(f"{TIMES} × the rate", capped, False),
            Phase(f"{TIMES} × the rate, no cap in nginx", uncapped, False),
        ]
        report_all(bench, 12, phases, measure(bench, phases, bench.pick(13, 4), 3))
