"""Takes away everything that carries a lab's id, whatever state it is in. It needs nothing but what
is on disk, so it also works for a lab whose maker has died."""

import os
import shutil
import signal
import time
from pathlib import Path

from lab import network
from lab.command import run

STATE = Path(os.environ.get("BCRYPTD_LAB_STATE", "/var/lib/bcryptd-lab"))
CGROUPS = Path("/sys/fs/cgroup/cpu")
GONE_S = 10.0  # for killed processes


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


def unmount(root: Path) -> None:
    """With all that is mounted below; the host's processes may take a moment to be gone."""
    while run("mountpoint", "-q", str(root), check=False).returncode == 0:
        run("umount", "--recursive", "--lazy", str(root))


def remove_group(group: Path) -> None:
    """Once the last of its processes is gone."""
    end = time.monotonic() + GONE_S
    while group.is_dir() and time.monotonic() < end:
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.01)


def remove_host(lab_id: str, directory: Path) -> None:
    pid = noted_process(directory / "nspawn.pid")
    if pid is not None:
        kill_host(pid)
    unmount(directory / "root")
    remove_group(cgroup(lab_id, directory.name))


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
    if not any(path.is_dir() for path in STATE.glob("*")):
        network.restore_forwarding(STATE)


def stale() -> list[str]:
    """Labs whose maker is gone, and that were not meant to stay."""
    return [
        path.name
        for path in STATE.glob("*")
        if path.is_dir() and not (path / "keep").exists() and noted_process(path / "maker") is None
    ]
