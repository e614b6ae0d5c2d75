"""The peers in turns on the same CPUs: hashes a second, times, memory."""

import json
import math
import signal
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.latency import bare_ms
from bench.noise import Round, rounds
from bench.peers import client, john
from bench.peers.services import (
    APPS,
    KINDS,
    Bcryptd,
    Peer,
    Service,
    cpu_seconds,
    memory_mib,
    php_fpm,
)
from bench.report import spread
from bench.tools import (
    PASSWORD_PATH,
    WORKER_NICE,
    WRK_SCRIPT,
    AccessLog,
    Bench,
    first_line,
    package,
    rate,
    result,
    say,
    started,
)
from support.waiting import eventually

COSTS = (10, 12)
BARE = "crypt_r, no service"
JOHN = "John the Ripper"
ENGINES = ("libxcrypt", "lanes")
IDLE_S = 0.1


class Log(AccessLog):
    """nginx's log, wherever it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.read()


def versions() -> dict[str, str]:
    node = json.loads((APPS / "node" / "package.json").read_text())
    return {
        "Python": f"{first_line('/usr/bin/python3', '--version').split()[-1]}, Flask"
        f" {package('python3-flask')}, gunicorn {package('gunicorn')},"
        f" bcrypt {package('python3-bcrypt')}",
        "PHP": first_line(php_fpm(), "-v").split()[1],
        "Go": f"{first_line('/usr/bin/go', 'version').split()[2].removeprefix('go')},"
        f" x/crypto {package('golang-golang-x-crypto-dev')}",
        "Node": f"{first_line('/usr/bin/node', '--version').removeprefix('v')},"
        f" bcrypt {node['dependencies']['bcrypt']}",
        "john": package("john"),
    }


def percentile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else math.nan


def wait_idle(service: Service) -> None:
    """wrk leaves in the middle of its last requests, which most services compute to the end."""

    def idle() -> bool:
        before = cpu_seconds(service)
        time.sleep(IDLE_S)
        return cpu_seconds(service) - before <= IDLE_S / 10

    eventually(f"{service.name} idle", idle)


def wrk(service: Service, connections: int, seconds: float) -> dict[str, Any]:
    url = f"https://127.0.0.1:{service.port}{PASSWORD_PATH}"
    command = ["wrk", "-t", 1, "-c", connections, "-d", f"{seconds:.0f}s", "--timeout", "20s"]
    with started(*command, "-s", WRK_SCRIPT, url, "--", "GET") as process:
        return result(process)


class Contest:
    """All services at one cost."""

    def __init__(self, bench: Bench, cost: int) -> None:
        self.bench = bench
        self.cost = cost
        self.services: dict[str, Service] = {}
        self.connections: dict[str, int] = {}

    def start(self, running: ExitStack) -> None:
        own = [running.enter_context(Bcryptd(engine, self.cost)) for engine in ENGINES]
        most = max(daemon.cap() for daemon in own)
        for kind in KINDS:
            peer = running.enter_context(Peer(kind, self.bench.build, self.cost))
            self.services[peer.name] = peer
            self.connections[peer.name] = most
        for daemon in own:
            self.services[daemon.name] = daemon
            self.connections[daemon.name] = daemon.cap()
        command = [self.bench.build / "bare", "--cost", self.cost, "--step", "--nice", WORKER_NICE]
        self.stepper = running.enter_context(
            subprocess.Popen(
                [str(x) for x in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        for service in self.services.values():
            client.verify(service.port, self.cost)
            wrk(service, self.connections[service.name], 1)
            wait_idle(service)

    def serve(self, service: Service, seconds: float, times: int) -> dict[str, Any]:
        connections = self.connections[service.name]
        log = Log(service.access_log)
        seen = wrk(service, connections, seconds)
        wait_idle(service)
        good = [line for line in log.read() if line["http.response.status_code"] == 200]
        return {
            "per_s": rate([line["bcryptd.time"] for line in good], connections),
            "times_ms": [line["http.server.request.duration"] * 1000 for line in good],
            "lone_ms": client.lone_ms(service.port, times),
            "bad": seen["bad_status"] + seen["broken"],
            "wrk": seen,
        }

    def round(self) -> dict[str, Any]:
        quick = self.bench.quick
        seconds = self.bench.pick(8, 3) if self.cost <= 10 else self.bench.pick(16, 8)
        times = 5 if quick else 15
        values: dict[str, Any] = {
            BARE: {
                "per_s": self.bench.bare(self.cost, seconds),
                "lone_ms": [bare_ms(self.stepper) for _ in range(times)],
            }
        }
        for name, service in self.services.items():
            values[name] = self.serve(service, seconds, times)
        values[JOHN] = {"per_s": john.per_s(self.cost, self.bench.pick(5, 2))}
        return values

    def row(self, name: str, done: list[Round]) -> dict[str, Any]:
        """All rounds of one, summed up."""
        values = [r.values[name] for r in done]
        rates = [v["per_s"] for v in values]
        ratios = [v["per_s"] / r.values[BARE]["per_s"] for v, r in zip(values, done)]
        row: dict[str, Any] = {
            "name": name,
            "cost": self.cost,
            "per_s": [min(rates), statistics.median(rates), max(rates)],
            "ratio": [min(ratios), statistics.median(ratios), max(ratios)],
        }
        if name != JOHN:
            row["lone_ms"] = statistics.median(x for v in values for x in v["lone_ms"])
        if name in self.services:
            times = [x for v in values for x in v["times_ms"]]
            row["connections"] = self.connections[name]
            row["p50_ms"] = percentile(times, 0.5)
            row["p99_ms"] = percentile(times, 0.99)
            row["memory_mib"] = memory_mib(self.services[name])
            row["answers"] = len(times)
            row["bad"] = sum(v["bad"] for v in values)
        self.report(row, rates, ratios)
        return row

    def report(self, row: dict[str, Any], rates: list[float], ratios: list[float]) -> None:
        parts = [f"{spread(rates, 1)} hashes/s"]
        if row["name"] != BARE:
            parts.append(f"÷ bare {spread(ratios, 2)}")
        if "p50_ms" in row:
            parts.append(f"p50 {row['p50_ms']:.0f} ms, p99 {row['p99_ms']:.0f} ms")
        if "lone_ms" in row:
            parts.append(f"one client p50 {row['lone_ms']:.1f} ms")
        if row.get("memory_mib") is not None:
            parts.append(f"memory {row['memory_mib']:.1f} MiB")
        what = f"{row['name']}, cost {self.cost}"
        if "connections" in row:
            what += f" ({row['connections']} connections)"
        self.bench.report.add("peers", what, "", "; ".join(parts))

    def report_bad(self, served: list[dict[str, Any]]) -> None:
        bad = [f"{row['name']}: {row['bad']}" for row in served if row["bad"]]
        self.bench.report.add(
            "peers",
            f"cost {self.cost}, {sum(row['answers'] for row in served)} answers: refusals and"
            " broken connections",
            "0",
            "; ".join(bad) or "0",
            not bad and all(row["answers"] > 0 for row in served),
        )

    def run(self) -> list[dict[str, Any]]:
        with ExitStack() as running:
            self.start(running)
            done = rounds(self.bench.rounds(3), self.round, not self.bench.quick)
            rows = [self.row(name, done) for name in done[0].values]
        self.report_bad([row for row in rows if "bad" in row])
        say(
            f"peers, cost {self.cost}: others took {[round(r.others, 3) for r in done]} of the CPUs"
        )
        self.bench.report.data[f"rounds, cost {self.cost}"] = [vars(r) for r in done]
        return rows


def leave(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


def run(bench: Bench) -> None:
    # So that what was started is ended, as it is after Ctrl-C.
    signal.signal(signal.SIGTERM, leave)
    rows: list[dict[str, Any]] = []
    for cost in COSTS:
        rows += Contest(bench, cost).run()
    bench.report.data["peers"] = rows
    bench.report.data["quick"] = bench.quick
