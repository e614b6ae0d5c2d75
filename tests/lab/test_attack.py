"""What others can reach and do; they are hosts of the lab."""

import sys
from collections.abc import Iterator

import pytest

from lab.command import run
from lab.host import Host
from lab.lab import TESTS, Lab
from lab.playbook import NAME, Inventory
from support.waiting import eventually

PORTS = 20_000


@pytest.fixture(scope="module")
def strangers(lab: Lab, deployed: Inventory) -> Iterator[list[Host]]:
    yield lab.boot("bad", "good")


def open_ports(target: Host, seen_from: Host | None) -> list[int]:
    command = [sys.executable, "-m", "lab.scan", target.address, str(PORTS)]
    if seen_from is not None:
        command = seen_from.from_its_network(command)
    output = run("prlimit", "--nofile=8192", *command, env={"PYTHONPATH": str(TESTS)}).stdout
    return [int(port) for port in output.split()]


def curl(host: Host, target: Host, path: str, count: int = 1) -> str:
    """The status of each of so many requests, many of them at a time."""
    url = f"https://{NAME}{path}"
    output = ["--output", "/dev/null"] * count
    return run(
        *host.from_its_network(
            [
                "curl",
                "--silent",
                "--insecure",
                "--parallel",
                "--max-time",
                "20",
                "--resolve",
                f"{NAME}:443:{target.address}",
                "--write-out",
                "%{http_code}\\n",
                *output,
                *[url] * count,
            ]
        ),
        check=False,
    ).stdout


def test_only_the_public_ports_answer_a_stranger(web: list[Host], strangers: list[Host]) -> None:
    assert open_ports(web[0], strangers[0]) == [80, 443]


def test_an_administrator_reaches_ssh_and_the_internal_port(
    deployed: Inventory, web: list[Host]
) -> None:
    assert open_ports(web[0], None) == [22, 80, 443, 9180]


@pytest.mark.parametrize("user", ["debian", "root"])
def test_ssh_without_a_key_fails(lab: Lab, deployed: Inventory, web: list[Host], user: str) -> None:
    options = ["-o", f"UserKnownHostsFile={lab.known_hosts}", "-o", "BatchMode=yes"]
    login = f"{user}@{web[0].address}"
    refused = run("ssh", *options, "-o", "IdentityFile=none", login, "true", check=False)
    assert refused.returncode == 255
    # No other way in is even offered.
    assert "Permission denied (publickey)" in refused.stderr


def test_a_client_far_over_the_limit_is_banned_and_another_is_not(
    web: list[Host], strangers: list[Host]
) -> None:
    bad, good = strangers
    target = web[0]
    statuses = curl(bad, target, "/gethash/hunter2/", 300)
    assert "200" in statuses and "429" in statuses
    eventually("banned", lambda: curl(bad, target, "/gethash/hunter2/") == "000\n")
    assert curl(good, target, "/gethash/hunter2/") == "200\n"
    assert bad.address in target.shell("fail2ban-client status bcryptd-refused")
    assert f"Ban {bad.address}" in target.shell("cat /var/log/fail2ban.log")
    metrics = "/var/lib/prometheus/node-exporter/bcryptd_bans.prom"
    target.shell("systemctl start bcryptd-bans.service")
    assert 'bcryptd_bans{jail="bcryptd-refused"} 1' in target.shell(f"cat {metrics}")
    target.shell("fail2ban-client unban --all")
    assert curl(bad, target, "/gethash/hunter2/") == "200\n"


def test_what_no_client_sends_is_banned_too(web: list[Host], strangers: list[Host]) -> None:
    bad, target = strangers[0], web[1]
    assert set(curl(bad, target, "/wp-login.php", 35).split()) >= {"404"}
    eventually("banned", lambda: curl(bad, target, "/gethash/hunter2/") == "000\n")
    assert bad.address in target.shell("fail2ban-client status bcryptd-malformed")
    target.shell("fail2ban-client unban --all")
