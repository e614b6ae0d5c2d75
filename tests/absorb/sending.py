"""What sends: closed loops of a bounded number of clients, outside of the host's own processes."""

import json
import resource
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from absorb.cpu import Meter
from lab.attack import module, resolving
from lab.client import service
from lab.command import run
from lab.host import Host
from lab.lab import TESTS, Lab
from lab.playbook import NAME

CLIENTS = 16
PACKETS = 20_000  # a second of the measurement
SCRIPT = Path(__file__).parent / "statuses.lua"
# Names that the lab's host may ask by; nobody is called so.
STRANGE = "unknown.example"


@dataclass(frozen=True)
class Sent:
    """How many were answered as they should, how many otherwise, in which time, and the sender's CPU time."""

    count: int
    other: int
    seconds: float
    cpu_s: float


@dataclass(frozen=True)
class Field:
    """Where it is measured. bad is a client as any other; this machine is one without limits."""

    lab: Lab
    target: Host
    bad: Host
    seconds: int


Send = Callable[[Field], Sent]


@dataclass(frozen=True)
class Request:
    """What wrk sends; limited: from a client that has limits."""

    status: int
    path: str = "/nothing"
    method: str = "GET"
    body: str = ""
    limited: bool = False
    clients: int = CLIENTS
    scheme: str = "https"

    def __call__(self, field: Field) -> Sent:
        url = f"{self.scheme}://{NAME}{self.path}"
        wrk = [
            "wrk",
            "-t1",
            f"-c{self.clients}",
            f"-d{field.seconds}s",
            "-s",
            str(SCRIPT),
            url,
            "--",
        ]
        wrk += [str(self.status), self.method, self.body]
        command = resolving(field.lab, field.target.address, wrk)
        if self.limited:
            command = field.bad.from_its_network(command)
        before = children_cpu_s()
        told = json.loads(run(*command).stdout.splitlines()[-1])
        return Sent(**told, cpu_s=children_cpu_s() - before)


def children_cpu_s() -> float:
    """Of the programs that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def packets(port: int, field: Field) -> Sent:
    """First packets of connections, none of which is answered."""
    count = PACKETS * field.seconds
    output = run(*module(field.bad, "packets", "syn", field.target.address, port, count)).stdout
    return Sent(**json.loads(output))


def connections(port: int, name: str | None, outcome: str, field: Field) -> Sent:
    """Connections that ask for nothing, from a client without limits, and how they should end."""
    words = [field.target.address, str(port), str(CLIENTS // 2), str(field.seconds), outcome]
    command = ["/usr/bin/python3", "-m", "absorb.connections", *words, *([name] if name else [])]
    return Sent(**json.loads(run(*command, env={"PYTHONPATH": str(TESTS)}).stdout))


@dataclass
class Answers:
    """Of hashes that are asked for at the same time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    good: int = 0

    def ask(self, target: Host, path: str, question: dict[str, object]) -> None:
        status = service(target.address).post(path, question).status
        with self.lock:
            self.good += status == 200


def hashing(path: str, question: dict[str, object], lanes: int, field: Field) -> Sent:
    """As many at a time as there are lanes, each to its end: hashes that are cut off would be paid for, and not
    counted."""
    meter, answers = Meter(field.target), Answers()
    asked = 0
    while meter.seconds() < field.seconds:
        bodies = [partial(answers.ask, field.target, path, question)] * lanes
        threads = [threading.Thread(target=body) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asked += lanes
    return Sent(answers.good, asked - answers.good, meter.seconds(), 0.0)
