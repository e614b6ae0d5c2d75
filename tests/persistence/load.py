"""The same load on whichever store: workers on the simulated VMs, from `go` to `stop`."""

import json
import select
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lab.host import Host
from persistence.hosts import PROGRAM, Site

LIMIT_S = 120.0  # until all workers of a VM are ready, or have told their results


@dataclass
class Load:
    """What the workers saw. Times are those of time.monotonic(), which all hosts share."""

    workers: int
    begun: float = 0.0
    ended: float = 0.0
    reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def duration_s(self) -> float:
        return self.ended - self.begun

    def rows(self) -> list[list[Any]]:
        return [row for report in self.reports for row in report["rows"]]

    def errors(self) -> Counter[str]:
        return sum((Counter(report["errors"]) for report in self.reports), Counter())

    def total(self, name: str) -> float:
        return float(sum(report[name] for report in self.reports))


class Vm:
    """The client program on one host."""

    def __init__(self, site: Site, host: Host, settings: dict[str, Any]) -> None:
        self.name = host.name
        self.errors = site.lab.directory / f"{host.name}.errors"
        command = ["env", f"PYTHONPATH=/{PROGRAM}", "python3", "-m", "persistence.client"]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                host.inside(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.say(json.dumps({**settings, "vm": host.name}))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        told, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        assert told, f"{self.name}: not ready in {LIMIT_S:g} s"
        line = self.process.stdout.readline().strip()
        assert line == "ready", f"{self.name}: {self.errors.read_text()[-2000:]}"

    def reports(self) -> list[dict[str, Any]]:
        output, _ = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0, self.errors.read_text()[-2000:]
        found = [json.loads(line) for line in output.splitlines() if line]
        complaints = self.errors.read_text()
        assert not complaints, f"{self.name}: {complaints[-2000:]}"
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(site: Site, per_vm: int, **settings: Any) -> Iterator[Load]:
    """The workers have tried to connect when the block begins, and work until it ends."""
    load = Load(per_vm * len(site.vms))
    vms = [Vm(site, host, {"workers": per_vm, **settings}) for host in site.vms]
    try:
        for vm in vms:
            vm.wait_ready()
        load.begun = time.monotonic()
        for vm in vms:
            vm.say("go")
        yield load
        load.ended = time.monotonic()
        for vm in vms:
            vm.say("stop")
        for vm in vms:
            load.reports += vm.reports()
    finally:
        for vm in vms:
            vm.end()
