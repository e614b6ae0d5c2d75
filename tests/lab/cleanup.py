"""Takes away everything that carries a lab's id, whatever state it is in. It needs nothing but what
is on disk, so it also works for a lab whose maker has died."""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import network
from lab.command import run

STATE = Path(os.environ.get("BCRYPTD_LAB_STATE", "/var/lib/bcryptd-lab"))
CGROUPS = Path("/sys/fs/cgroup/cpu")
# Where systemd keeps the groups of its units.
UNIT_TREES = (Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"))
GONE_S = 10.0  # for killed processes


@contextmanager
def alone() -> Iterator[None]:
    """Labs that begin and end at the same time do so one after the other."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_time(pid: int) -> str | None:
    """When a process started, in the kernel's ticks: with the pid, it names one process for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def note_process(path: Path, pid: int) -> None:
    path.write_text(f"{pid} {start_time(pid)}\n")


def noted_process(path: Path) -> int | None:
    """The process that was noted, if that one still runs."""
    try:
        pid, started = path.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if start_time(int(pid)) == started else None


def children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def end_process(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass


def kill_host(pid: int) -> None:
    """Kills a systemd-nspawn and its host's first process, and with that all of the host."""
    for process in [*children(pid), pid]:
        end_process(process, signal.SIGKILL)


def cgroup(lab_id: str, host: str) -> Path:
    return CGROUPS / f"bcryptd-lab-{lab_id}-{host}"


def unit_groups(lab_id: str, host: str) -> list[Path]:
    """What a host's systemd begins in. In one and the same, hosts remove the groups of each other's
    units, and a unit that starts just then fails."""
    trees = [tree for tree in UNIT_TREES if (tree / "cgroup.procs").exists()]
    return [tree / f"bcryptd-lab-{lab_id}-{host}" for tree in trees]


def controller_groups(lab_id: str, host: str) -> list[Path]:
    """Those of the other controllers, for a host that makes groups below them."""
    trees = [path.parent for path in CGROUPS.parent.glob("*/cgroup.procs")]
    others = [tree for tree in trees if tree not in (CGROUPS, *UNIT_TREES)]
    return [tree / f"bcryptd-lab-{lab_id}-{host}" for tree in others]


def unmount(root: Path) -> None:
    """With all that is mounted below; the host's processes may take a moment to be gone."""
    while run("mountpoint", "-q", str(root), check=False).returncode == 0:
        run("umount", "--recursive", "--lazy", str(root))


def remove_group(group: Path) -> None:
    """With those in it, once the last of their processes is gone."""
    end = time.monotonic() + GONE_S
    while group.is_dir() and time.monotonic() < end:
        try:
            for path, _, _ in os.walk(group, topdown=False):
                os.rmdir(path)
        except OSError:
            time.sleep(0.01)


def remove_host(lab_id: str, directory: Path) -> None:
    pid = noted_process(directory / "nspawn.pid")
    if pid is not None:
        kill_host(pid)
    unmount(directory / "root")
    host = directory.name
    others = (*unit_groups(lab_id, host), *controller_groups(lab_id, host))
    for group in (cgroup(lab_id, host), *others):
        remove_group(group)


def sweep(lab_id: str) -> None:
    """Ends a lab. May be called again, and by several at once."""
    directory = STATE / lab_id
    for note in directory.glob("*.pid"):
        pid = noted_process(note)
        if pid is not None:
            end_process(pid, signal.SIGTERM)
    for host in directory.glob("hosts/*"):
        remove_host(lab_id, host)
    network.tear_down(lab_id)
    shutil.rmtree(directory, ignore_errors=True)
    with alone():
        if not any(path.is_dir() for path in STATE.glob("*")):
            network.restore_forwarding(STATE)


def stale() -> list[str]:
    """Labs whose maker is gone, and that were not meant to stay."""
    with alone():
        labs = [path for path in STATE.glob("*") if path.is_dir()]
        return [
            path.name
            for path in labs
            if not (path / "keep").exists() and noted_process(path / "maker") is None
        ]
