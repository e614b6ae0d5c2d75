"""The access log's rotation: bounded, and no line lost."""

import json
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from lab.client import service
from lab.host import Host
from lab.playbook import Inventory
from support.load import running
from support.play import Play
from support.waiting import eventually

LOG = "/var/log/nginx/bcryptd.log"
KEEP = 6


def configure(deployed: Inventory) -> Play:
    return deployed.play(
        "site.yml",
        "--tags=nginx",
        nginx_log_rotate_mb=1,
        nginx_log_keep=KEEP,
        nginx_log_check="*:*:0/2",
    )


@pytest.fixture(scope="module")
def small(deployed: Inventory, web: list[Host]) -> Iterator[list[Host]]:
    """Hosts that begin a new file at a megabyte, and look each two seconds."""
    configure(deployed)
    again = configure(deployed)
    assert again.changed() == 0, again.changes()
    yield web
    deployed.play("site.yml", "--tags=nginx")


def rotated(host: Host) -> list[str]:
    return host.shell(f"ls -v {LOG}.*", check=False).split()


def grow(host: Host) -> None:
    """A megabyte at once, beside what nginx writes, and until that is rotated."""
    before = host.shell(f"stat -c %i {LOG}")
    # One write, so that it stands in no line of nginx's.
    host.shell(
        f"yes '{{}}' | dd of={LOG} bs=1100001 count=1 iflag=fullblock oflag=append conv=notrunc"
    )
    eventually("rotated", lambda: host.shell(f"stat -c %i {LOG}", check=False) != before)


def ask_until(stopping: threading.Event, host: Host, answered: list[str]) -> None:
    while not stopping.is_set():
        answered.append(service(host.address).get("/nothing").headers["x-request-id"])


def test_rotation_loses_no_line(small: list[Host]) -> None:
    for host in small:
        answered: list[str] = []
        stopping = threading.Event()
        with running([lambda: ask_until(stopping, host, answered)], stopping):
            for _ in range(KEEP - 1):
                seen = len(answered)
                grow(host)
                eventually("answers go on", lambda: len(answered) > seen + 10)
        # nginx logs after it has answered.
        eventually("the last one logged", lambda: answered[-1] in host.shell(f"cat {LOG} {LOG}.1"))
        lines = host.shell(f"zcat -f {LOG}* | grep http.request").splitlines()
        logged = Counter(json.loads(line)["bcryptd.request_id"] for line in lines)
        assert {logged[number] for number in answered} == {1}


def test_the_number_of_old_files_is_bounded(small: list[Host]) -> None:
    for host in small:
        for _ in range(KEEP + 1):
            grow(host)
        eventually("compressed", lambda: len(rotated(host)) == KEEP)
        assert rotated(host) == [f"{LOG}.1", *(f"{LOG}.{n}.gz" for n in range(2, KEEP + 1))]
        # The others' rule has not taken it as well, and nginx writes to the new one.
        assert service(host.address).get("/nothing").status == 404
        eventually("written", lambda: "http.request" in host.shell(f"cat {LOG}"))
        assert host.shell(f"stat -c '%U %G %a' {LOG}") == "www-data adm 640\n"
        told = host.shell("journalctl -u logrotate.service --since -5min --output=cat")
        assert "error" not in told and "Finished" not in told, told
        assert host.shell("systemctl is-failed logrotate.service", check=False) == "inactive\n"
