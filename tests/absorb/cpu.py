"""CPU time of a booted host, of all its processes. The kernel counts what it does for a packet to whoever runs just
then, often to the sender: beside this a sender tells its own."""

import time
from pathlib import Path

from lab.host import Host
from support.cpu import cpu_seconds
from support.stack import children


def used(pid: int) -> float:
    """0 when it has ended."""
    try:
        return cpu_seconds(pid)
    except OSError:
        return 0.0


def of_all(pids: list[int]) -> dict[int, float]:
    return {pid: used(pid) for pid in pids}


def spent(before: dict[int, float], after: dict[int, float]) -> float:
    """What has ended meanwhile is not counted."""
    return sum(max(0.0, now - before.get(pid, 0.0)) for pid, now in after.items())


def of_host(host: Host) -> dict[int, float]:
    leader = host.leader()
    assert leader is not None, f"{host.name} does not run"
    return of_all([leader, *children(leader)])


def of_kernel() -> dict[int, float]:
    """The threads that take over when packets come faster than they can be worked on."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            name = path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if name.startswith("ksoftirqd/"):
            found.append(int(path.parent.name))
    return of_all(found)


class Meter:
    """CPU seconds since it was made."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.begun = time.monotonic()
        self.before, self.kernel = of_host(host), of_kernel()

    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def host_s(self) -> float:
        return spent(self.before, of_host(self.host))

    def kernel_s(self) -> float:
        return spent(self.kernel, of_kernel())
