"""The lab itself: what can be done to its hosts, and that nothing of it stays, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import cleanup, network
from lab.command import run
from lab.host import Host
from lab.lab import TESTS, Lab
from support.waiting import eventually

# Makes a lab with a host, tells its id, and waits to be ended.
MAKER = """
import signal
from lab.lab import Lab
with Lab() as lab:
    lab.boot("host")
    print(lab.id, flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def host(lab: Lab) -> Iterator[Host]:
    yield lab.boot("spare")[0]


def left_of(lab_id: str) -> list[str]:
    """What there still is of a lab: processes, mounts, network, files."""
    own = cleanup.STATE / lab_id
    listings = {
        "processes": run("ps", "-eo", "args").stdout,
        "mounts": Path("/proc/self/mounts").read_text(),
        "links": run("ip", "-brief", "link").stdout,
        "tables": run("nft", "list", "tables").stdout,
        "groups": " ".join(
            path.name
            for tree in (cleanup.CGROUPS, *cleanup.UNIT_TREES)
            for path in tree.glob("bcryptd-lab-*")
        ),
    }
    names = (
        str(own),
        f"{network.bridge_name(lab_id)} ",
        network.table_name(lab_id),
        f"vb-{lab_id}-",
        f"bcryptd-lab-{lab_id}-",
        f"lab.watch {lab_id}",
    )
    left = [what for what, text in listings.items() if any(name in text for name in names)]
    return left + (["files"] if own.exists() else [])


@pytest.fixture
def maker() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that has made a lab, and that lab's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKER],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    lab_id = process.stdout.readline().strip()
    try:
        assert set(left_of(lab_id)) >= {"processes", "mounts", "links", "tables", "files"}
        yield process, lab_id
    finally:
        process.kill()
        process.wait(timeout=60)
        cleanup.sweep(lab_id)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_when_its_maker_ends(
    lab: Lab, maker: tuple[subprocess.Popen[str], str], how: signal.Signals
) -> None:
    process, lab_id = maker
    process.send_signal(how)
    process.wait(timeout=60)
    eventually("nothing is left", lambda: left_of(lab_id) == [])


def test_the_next_lab_takes_away_what_nobody_else_could(
    lab: Lab, maker: tuple[subprocess.Popen[str], str]
) -> None:
    """Also the process that waits for the maker's end was killed."""
    process, lab_id = maker
    for pid in cleanup.children(process.pid):
        if b"lab.watch" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait(timeout=60)
    assert "mounts" in left_of(lab_id)
    assert lab_id in cleanup.stale() and lab.id not in cleanup.stale()
    Lab()
    eventually("nothing is left", lambda: left_of(lab_id) == [])


def test_a_partition_cuts_a_host_off_and_heals(host: Host) -> None:
    assert host.answers(22)
    host.partition(cut=True)
    assert not host.answers(22)
    # It runs on meanwhile.
    assert host.shell("systemctl is-active ssh.service") == "active\n"
    host.partition(cut=False)
    eventually("reachable again", lambda: host.answers(22))


def test_a_host_shuts_down_and_boots_with_its_files(host: Host) -> None:
    host.shell("echo kept >/root/note")
    host.power_off()
    assert host.leader() is None
    host.boot()
    assert host.shell("cat /root/note") == "kept\n"


def test_a_limited_host_is_slowed_down(lab: Lab, host: Host) -> None:
    """Counted by the kernel, not by a clock."""
    statistics = cleanup.cgroup(lab.id, host.name) / "cpu.stat"

    def throttled() -> int:
        return int(statistics.read_text().split()[3])

    host.limit_cpus(0.2)
    try:
        before = throttled()
        host.shell("head -c 100000000 /dev/zero | sha256sum")
        assert throttled() > before
        host.limit_cpus(None)
        before = throttled()
        host.shell("head -c 100000000 /dev/zero | sha256sum")
        assert throttled() == before
    finally:
        host.limit_cpus(None)


def test_a_host_has_a_group_of_its_own_for_its_units(lab: Lab, host: Host) -> None:
    """In a common one, hosts remove the groups of each other's units."""
    groups = cleanup.unit_groups(lab.id, host.name)
    if not groups:
        pytest.skip("no tree of control groups for systemd alone")
    for group in groups:
        assert str(host.leader()) in group_members(group)


def group_members(group: Path) -> set[str]:
    """The processes of a group, and of those in it."""
    return {pid for file in group.rglob("cgroup.procs") for pid in file.read_text().split()}
