"""site.yml on fresh hosts, and again."""

import re
import subprocess
from subprocess import PIPE, STDOUT

from lab.client import serves, service
from lab.host import Host
from lab.playbook import Inventory
from support.play import Play


def test_the_rehearsal_on_a_fresh_host_tells_what_would_change(
    rehearsal: Play, web: list[Host]
) -> None:
    assert rehearsal.changed() > 20 * len(web)
    for line in ("\\+BCRYPTD_ENGINE='?lanes", "\\+PasswordAuthentication no", "server_name hash"):
        assert re.search(line, rehearsal.output), line


def test_a_fresh_host_serves_after_the_first_run(deployed: Inventory, web: list[Host]) -> None:
    for host in web:
        assert serves(host.address)
        answer = service(host.address).post("/v1/hash", {"password": "hunter2"})
        assert (answer.status, answer.json()["cost"]) == (200, 12)
        assert host.shell("systemctl --failed --no-legend --plain") == ""


def test_a_second_run_changes_nothing(deployed: Inventory) -> None:
    again = deployed.play("site.yml", "--diff")
    assert again.changed() == 0, again.changes()


def test_the_rehearsal_of_a_third_run_tells_nothing(deployed: Inventory) -> None:
    again = deployed.play("site.yml", "--check", "--diff")
    assert again.changed() == 0, again.changes()


def test_what_somebody_changed_by_hand_is_told_and_mended(
    deployed: Inventory, web: list[Host]
) -> None:
    changes = {
        "/etc/default/bcryptd": "BCRYPTD_COST=4",
        "/etc/nginx/bcryptd/limits.conf": "limit_req_status 404;",
        "/etc/ssh/sshd_config.d/10-bcryptd.conf": "PasswordAuthentication yes",
        "/etc/nftables.conf": "# accept",
    }
    before = {path: web[0].shell(f"cat {path}") for path in changes}
    for path, line in changes.items():
        web[0].shell(f"echo '{line}' >>{path}")
    in_kernel = "sysctl --values net.ipv4.tcp_fin_timeout"
    given = web[0].shell(in_kernel)
    web[0].shell("sysctl --write net.ipv4.tcp_fin_timeout=61")
    told = deployed.play("site.yml", "--check", "--diff", "--limit=web1")
    assert told.changed() == len(changes) + 1, told.changes()
    for path, line in changes.items():
        assert f"-{line}" in told.output, path
    deployed.play("site.yml", "--limit=web1")
    assert {path: web[0].shell(f"cat {path}") for path in changes} == before
    assert web[0].shell(in_kernel) == given
    assert serves(web[0].address)


# Holds dpkg's lock as upgrades that come by themselves do, until its input ends.
LOCKED = """
import fcntl, sys
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("locked", flush=True)
sys.stdin.read()
"""


def started(host: Host, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        host.inside(command), stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True, bufsize=1
    )


def test_an_installation_waits_for_another_one(deployed: Inventory, web: list[Host]) -> None:
    host = web[0]
    with started(host, "python3", "-c", LOCKED) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "locked\n"
        with started(host, "apt-get", "install", "--yes", "nano") as waiting:
            assert waiting.stdout is not None
            told = iter(waiting.stdout.readline, "")
            assert any("Waiting for cache lock" in line for line in told)
            holder.stdin.close()
            assert waiting.wait(timeout=120) == 0
