"""The programs that a benchmark runs: bare, load, wrk; and the settings they share."""

import json
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Report
from support.daemon import ROOT
from support.stack import Stack

PASSWORD_PATH = "/gethash/correct%20horse%20battery/"
PASSWORD_BODY = '{"password": "correct horse battery"}'
WORKER_NICE = 5  # bcryptd's default for its workers
WRK_SCRIPT = ROOT / "tests" / "bench" / "wrk.lua"


@dataclass
class Bench:
    build: Path
    quick: bool
    report: Report
    wanted_rounds: int | None = None
    wanted_seconds: float | None = None
    wanted_cost: int | None = None

    def pick(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    def rounds(self, full: int) -> int:
        return self.wanted_rounds or (1 if self.quick else full)

    def bare(self, cost: int, seconds: float) -> float:
        """Hashes a second of all CPUs without a service."""
        arguments = ["--cost", cost, "--seconds", seconds, "--nice", WORKER_NICE]
        return float(run_json(self.build / "bare", *arguments)["per_s"])

    def load(self, stack: Stack, seconds: float, *options: object) -> dict[str, Any]:
        with self.started_load(stack, seconds, *options) as process:
            return result(process)

    @contextmanager
    def started_load(
        self,
        stack: Stack,
        seconds: float,
        *options: object,
        port: int = 0,
        path: str = PASSWORD_PATH,
        expect: str = '"hash"',
    ) -> Iterator[subprocess.Popen[str]]:
        """A running load; result() waits for its end."""
        command = [self.build / "load", "--port", port or stack.http_port, "--path", path]
        command += ["--expect", expect, "--seconds", seconds, "--lanes", cpus(), *options]
        with started(*command) as process:
            yield process

    def wrk(self, stack: Stack, connections: int, seconds: float, *request: str) -> dict[str, Any]:
        path = PASSWORD_PATH if request[0] == "GET" else "/v1/hash"
        url = f"https://localhost:{stack.https_port}{path}"
        command = ["wrk", "-t", 1, "-c", connections, "-d", f"{seconds:.0f}s", "--timeout", "20s"]
        command += ["-s", WRK_SCRIPT, url, "--", *request]
        with started(*command) as process:
            return result(process)

    def served(
        self, stack: Stack, log: "AccessLog", connections: int, seconds: float
    ) -> tuple[float, float]:
        """Hashes a second of a service that refuses nobody, and wrk's p50 in ms."""
        log.read()
        seen = self.wrk(stack, connections, seconds, "GET")
        if seen["bad_status"] or seen["broken"]:
            raise RuntimeError(f"not all were answered: {seen}")
        moments = [
            line["bcryptd.time"] for line in log.read() if line["http.response.status_code"] == 200
        ]
        return rate(moments, connections), seen["p50_ms"]


def cpus() -> int:
    """CPUs this process may use: as many workers there are."""
    return len(os.sched_getaffinity(0))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def started(*command: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([str(x) for x in command], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a program printed last, as JSON; wrk prints its own report above."""
    assert process.stdout is not None
    output = process.stdout.read()
    if process.wait() != 0:
        raise RuntimeError(f"{process.args!r} failed")
    lines = [line for line in output.splitlines() if line.startswith("{")]
    return dict(json.loads(lines[-1]))


def run_json(*command: object) -> dict[str, Any]:
    with started(*command) as process:
        return result(process)


def stack_for(cost: int, **settings: str) -> Stack:
    """The service with a worker for each CPU and without limits of a client."""
    return Stack(BCRYPTD_COST=str(cost), BCRYPTD_WORKERS="auto", **settings)


def in_flight_cap(stack: Stack) -> int:
    """The requests that its nginx lets in at once."""
    values = (stack.run_dir / "nginx" / "values.conf").read_text()
    _, _, pool = values.partition("upstream bcryptd_pool {")
    return sum(int(share) for share in re.findall(r"max_conns=(\d+)", pool.partition("}")[0]))


def rate(moments: list[float], under_way: int) -> float:
    """Completions a second. All that is under way at once may end at the same time: the time before
    the first of them is not known, so that many are left out."""
    moments.sort()
    if len(moments) <= under_way:
        return 0.0
    return (len(moments) - under_way) / (moments[-1] - moments[under_way - 1])


def hashes(stack: Stack, kind: str = "hashes_total") -> int:
    found = stack.metrics().items()
    return int(sum(value for name, value in found if name.startswith(f"bcryptd_{kind}{{")))


class AccessLog:
    """What nginx has logged since it was last read."""

    def __init__(self, stack: Stack) -> None:
        self.path = stack.run_dir / "access.log"
        self.offset = 0
        self.read()

    def read(self) -> list[dict[str, Any]]:
        with self.path.open("rb") as log:
            log.seek(self.offset)
            content = log.read()
        content = content[: content.rfind(b"\n") + 1]
        self.offset += len(content)
        return [json.loads(line) for line in content.splitlines()]


def errors_of(seen: dict[str, Any]) -> int:
    """Requests of a load that had no answer, or a broken one."""
    return sum(int(number) for number in seen["errors"].values())


def count_statuses(loads: list[dict[str, Any]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for seen in loads:
        total.update({status: int(number) for status, number in seen["statuses"].items()})
    return total


def first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ((done.stdout + done.stderr).splitlines() or ["?"])[0].strip()


def package(name: str) -> str:
    return first_line("dpkg-query", "-W", "-f", "${Version}", name)


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def describe_machine() -> dict[str, str]:
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    virtual = first_line("systemd-detect-virt")
    return {
        "CPU": f"{cpus()} × {cpu_model()}" + ("" if virtual == "none" else f" ({virtual})"),
        "memory": f"{memory_kib / 1048576:.1f} GiB",
        "system": "Debian " + Path("/etc/debian_version").read_text().strip(),
        "kernel": platform.release().partition("-")[0],
        "nginx": package("nginx"),
        "libxcrypt": package("libcrypt1"),
        "OpenSSL": package("libssl3"),
        "wrk": package("wrk"),
    }
