"""Means of the tests that attack: what a host of the lab sees and gets of another one."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

from lab.command import run
from lab.host import Host
from lab.lab import TESTS, Lab
from lab.playbook import NAME
from support.waiting import eventually

PORTS = 20_000


def module(host: Host, name: str, *arguments: object, package: str = "lab") -> list[str]:
    """A program of the tests in a host's network."""
    words = [sys.executable, "-m", f"{package}.{name}", *map(str, arguments)]
    return host.from_its_network(["env", f"PYTHONPATH={TESTS}", *words])


def open_ports(address: str, seen_from: Host | None, ports: Sequence[int] = ()) -> list[int]:
    """Of these ports, or of all up to PORTS."""
    wanted = [str(port) for port in ports or range(1, PORTS + 1)]
    command = [sys.executable, "-m", "lab.scan", address, *wanted]
    if seen_from is not None:
        command = seen_from.from_its_network(command)
    output = run("prlimit", "--nofile=8192", *command, env={"PYTHONPATH": str(TESTS)}).stdout
    return [int(port) for port in output.split()]


def reachable(target: Host, seen_from: Host, address: str | None = None) -> list[int]:
    """Of the TCP ports that it listens on, on more than its loopback; at another address of it, if one is given."""
    listening = re.findall(r"(?<!127\.0\.0\.1)(?<!\[::1\]):(\d+) ", target.shell("ss -Htln"))
    ports = sorted({int(port) for port in listening})
    assert 22 in ports
    return open_ports(address or target.address, seen_from, ports)


def curl(host: Host, target: Host, path: str, count: int = 1, headers: Sequence[str] = ()) -> str:
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
                *(word for header in headers for word in ("--header", header)),
                *output,
                *[url] * count,
            ]
        ),
        check=False,
    ).stdout


def latency(host: Host, target: Host, count: int = 40) -> float:
    """The median time of a request, all of which succeed."""
    command = [sys.executable, "-m", "lab.latency", target.address, str(count)]
    output = run(*host.from_its_network(command), env={"PYTHONPATH": str(TESTS)}).stdout
    seen = json.loads(output)
    assert set(seen["statuses"]) == {200}, seen["statuses"]
    return float(median(seen["times"]))


def packets_refused(target: Host, counter: str = "connections_refused") -> int:
    """By the firewall, of new connections or as another of its counters has it."""
    listing = json.loads(target.shell(f"nft -j list counter inet bcryptd {counter}"))
    return int(next(x["counter"] for x in listing["nftables"] if "counter" in x)["packets"])


def bans_told(target: Host) -> str:
    """The metrics of bans and of what the firewall refused, as they are now, for node_exporter."""
    target.run_unit("bcryptd-bans.service")
    return target.shell("cat /var/lib/prometheus/node-exporter/bcryptd_bans.prom")


def wait_for_ban(target: Host, address: str, jail: str | None = None) -> None:
    """Until fail2ban has banned it; when it does not, what fail2ban saw is told."""
    question = f"fail2ban-client status {jail}" if jail else "fail2ban-client banned"
    try:
        eventually("banned", lambda: address in target.shell(question))
    except AssertionError as error:
        evidence = (
            "tail -n 30 /var/log/fail2ban.log; journalctl -t sshd -t sshd-session -n 10 --no-pager"
            "; ls -l /var/log/nginx; tail -n 5 /var/log/nginx/bcryptd.log; nft list ruleset | tail -n 30"
        )
        raise AssertionError(f"{error}\n{target.shell(evidence, check=False)}") from error


def flood(lab: Lab, source: Host, target: Host) -> list[str]:
    """As many requests as a client can send on some connections that it keeps."""
    wrk = ["nice", "-n", "19", "wrk", "-t1", "-c20", "-d60s", f"https://{NAME}/gethash/hunter2/"]
    return source.from_its_network(resolving(lab, target.address, wrk))


def log_in_without_key(source: Host, target: Host, times: int) -> None:
    """Fails. The last times may meet a ban, from which on nothing answers."""
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    options += ["-o", "BatchMode=yes", "-o", "IdentityFile=none", "-o", "ConnectTimeout=5"]
    login = source.from_its_network(["ssh", *options, f"root@{target.address}", "true"])
    assert "Permission denied (publickey)" in run(*login, check=False).stderr
    for _ in range(times - 1):
        assert run("timeout", "20", *login, check=False).returncode in (255, 124)


@contextmanager
def having(host: Host, addresses: list[str]) -> Iterator[None]:
    """A host with further addresses, for the time of the block."""
    with ExitStack() as added:
        for address in addresses:
            # Nobody else has it, so there is no need to ask (IPv6).
            unasked = "nodad" if ":" in address else ""
            host.shell(f"ip address add {address} dev host0 {unasked}")
            added.callback(host.shell, f"ip address delete {address} dev host0")
        yield


def resolving(lab: Lab, address: str, command: list[str]) -> list[str]:
    """The command, for which the service's name has that address."""
    hosts = lab.directory / f"hosts-{address}"
    hosts.write_text(f"127.0.0.1 localhost\n{address} {NAME}\n")
    script = f'mount --bind {hosts} /etc/hosts && ulimit -n $(ulimit -Hn) && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]
