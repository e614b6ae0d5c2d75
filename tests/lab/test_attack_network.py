"""Attacks below HTTP: packets, connections, handshakes, sessions."""

import json
import math
import re
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import pytest

from lab.attack import curl, having, latency, module, packets_refused, reachable
from lab.client import presented
from lab.command import run
from lab.host import Host
from lab.lab import Lab, running
from lab.playbook import NAME, Inventory, client_limits, defaults
from support.tls import LONGEST_TICKETS, TlsClient
from support.waiting import eventually

BACKLOG = 511  # of half-open connections: nginx's own, for a socket that says nothing else
PUBLIC, INTERNAL = 443, 9180
IDLE = 600  # a client has them in ten seconds, before nginx ends the first
EACH = 400  # of each of many addresses
CONNECTIONS = 4096  # nginx's worker_connections


def counter(host: Host, name: str) -> int:
    """Of the kernel's counters of TCP."""
    names, values = (
        line.split()[1:]
        for line in host.shell("cat /proc/net/netstat").splitlines()
        if line.startswith("TcpExt:")
    )
    return int(values[names.index(name)])


def test_half_open_connections_shut_nobody_out(
    lab: Lab, web: list[Host], strangers: list[Host]
) -> None:
    """Several times what the backlog holds, from all addresses of the network."""
    bad, good = strangers
    tracked = "cat /proc/sys/net/netfilter/nf_conntrack_count"
    for target in web:
        before, cookies = int(target.shell(tracked)), counter(target, "SyncookiesSent")
        run(*module(bad, "packets", "syn", target.address, PUBLIC, 8 * BACKLOG, lab.network))
        assert curl(good, target, "/nothing") == "404\n"
        assert counter(target, "SyncookiesSent") > cookies
        # No packet of the flood has an entry in the table of connections, which could be full.
        assert int(target.shell(tracked)) < before + BACKLOG


def test_a_packet_in_fragments_passes_no_rule(web: list[Host], strangers: list[Host]) -> None:
    for target in web:
        answered = {
            port: run(*module(strangers[0], "packets", "fragments", target.address, port)).stdout
            for port in (PUBLIC, INTERNAL)
        }
        assert answered == {PUBLIC: "answered\n", INTERNAL: ""}


def waiting(host: Host) -> int:
    """nginx's idle connections, as nginx_connections_waiting has them."""
    told = host.shell(f"curl --silent http://127.0.0.1:{INTERNAL}/nginx_status")
    return int(re.findall(r"Waiting: (\d+)", told)[0])


@dataclass(frozen=True)
class Idle:
    """Connections of an attacker, see lab/idle.py."""

    attacker: subprocess.Popen[bytes]
    log: Path

    def are_open(self) -> bool:
        assert self.attacker.poll() in (None, 0), self.log.read_text()
        return self.log.read_text().startswith("open\n")

    def outcomes(self) -> Counter[str]:
        """When the server has ended all of them."""
        assert self.attacker.wait(timeout=300) == 0, self.log.read_text()
        return Counter(json.loads(self.log.read_text().removeprefix("open\n")))


@contextmanager
def idle(lab: Lab, bad: Host, address: str, count: int, sources: list[str]) -> Iterator[Idle]:
    name = f"idle-{address}"
    command = ["prlimit", "--nofile=8192", *module(bad, "idle", address, count, *sources)]
    with running(lab, name, command) as attacker:
        yield Idle(attacker, lab.directory / f"{name}.log")


@contextmanager
def idle_on_all(
    lab: Lab, bad: Host, web: list[Host], count: int, sources: list[str]
) -> Iterator[list[tuple[Host, Idle]]]:
    """The attack on each of the hosts, at the same time."""
    with ExitStack() as attacks:
        started = [idle(lab, bad, target.address, count, sources) for target in web]
        yield [(target, attacks.enter_context(one)) for target, one in zip(web, started)]


def wait_until_few_wait(web: list[Host]) -> None:
    eventually("few wait", lambda: max(map(waiting, web)) < IDLE / 10)


def test_nginx_ends_idle_connections(lab: Lab, web: list[Host], strangers: list[Host]) -> None:
    bad, good = strangers
    wait_until_few_wait(web)
    with idle_on_all(lab, bad, web, IDLE, [bad.address]) as attacked:
        eventually("open", lambda: all(attack.are_open() for _, attack in attacked))
        assert min(map(waiting, web)) >= IDLE
        for target in web:
            assert curl(good, target, "/gethash/hunter2/") == "200\n"
        assert [attack.outcomes() for _, attack in attacked] == [{"ended": IDLE}] * len(web)
    wait_until_few_wait(web)


@pytest.fixture
def many_addresses(lab: Lab, strangers: list[Host]) -> Iterator[list[str]]:
    """Of the host that attacks; together they may have more connections than nginx."""
    numbers = range(220, 220 + math.ceil(1.1 * CONNECTIONS / EACH))
    addresses = [str(lab.network[number]) for number in numbers]
    with having(strangers[0], [f"{address}/{lab.network.prefixlen}" for address in addresses]):
        yield addresses


def test_idle_connections_make_room_for_others(
    lab: Lab, web: list[Host], strangers: list[Host], many_addresses: list[str]
) -> None:
    """When nginx runs out of connections it ends them before their time."""
    bad, good = strangers
    wanted, most, served = EACH * len(many_addresses), 0, 0
    assert wanted > CONNECTIONS
    with idle_on_all(lab, bad, web, EACH, many_addresses) as attacked:
        while not all(attack.are_open() for _, attack in attacked):
            for target in web:
                most = max(most, waiting(target))
                assert curl(good, target, "/gethash/hunter2/") == "200\n"
                served += 1
        outcomes = [attack.outcomes() for _, attack in attacked]
    print(f"idle: {wanted} opened, {most} at a time, {served} others served; {outcomes}")
    assert served > 0 and most > CONNECTIONS / 2
    for outcome in outcomes:
        assert outcome["early ended"] + outcome["ended"] == outcome.total() == wanted
        assert outcome["early ended"] > 0


def test_a_flood_of_handshakes_is_bounded(lab: Lab, web: list[Host], strangers: list[Host]) -> None:
    """They ask for nothing, so nobody is banned for them."""
    bad, good = strangers
    target, limits = web[0], defaults("firewall")
    refused, begun = packets_refused(target), time.monotonic()
    with handshakes(lab, bad, target) as done:
        eventually("refused", lambda: packets_refused(target) > refused + 20)
        took_s = latency(good, target, 10)
    allowed = limits["firewall_connections_rate"] * (time.monotonic() - begun)
    allowed += limits["firewall_connections_burst"]
    print(f"handshakes: {done[0]} of {allowed:.0f} allowed; another client waits {took_s:.2f} s")
    assert 0 < done[0] <= allowed


@contextmanager
def handshakes(lab: Lab, bad: Host, target: Host) -> Iterator[list[int]]:
    """As many as its threads can, for the time of the block; how many there were is known after it."""
    done: list[int] = []
    stop = lab.directory / "handshakes.stop"
    stop.unlink(missing_ok=True)
    command = module(bad, "handshakes", target.address, 30, stop)
    with running(lab, "handshakes", ["nice", "-n", "19", *command]) as attacker:
        yield done
        stop.touch()
        attacker.wait(timeout=60)
    done.append(int((lab.directory / "handshakes.log").read_text()))


def test_a_connection_is_not_negotiated_again(web: list[Host], deployed: Inventory) -> None:
    """A client could have the server compute one handshake after the other on it."""
    for target in web:
        command = ["openssl", "s_client", "-tls1_2", "-servername", NAME]
        command += ["-connect", f"{target.address}:{PUBLIC}"]
        tried = run(*command, stdin="R\nR\n", check=False)
        assert "RENEGOTIATING" in tried.stderr and "no renegotiation" in tried.stderr


def replace_certificate(host: Host, files: list[str]) -> None:
    """By certificate and key, until only new processes of nginx answer."""
    for name, text in zip(("certificate.pem", "key.pem"), files):
        host.run("sh", "-c", f"umask 077; cat >/root/{name}", stdin=text)
    deploy = (
        "trap 'rm certificate.pem key.pem' EXIT; bcryptd-deploy-certificate certificate.pem key.pem"
    )
    host.shell(f"cd /root; {deploy}")
    wanted = ssl.PEM_cert_to_DER_cert(files[0])
    eventually("reloaded", lambda: presented(host.address) == wanted)
    workers = "pgrep --count --parent $(systemctl show -P MainPID nginx.service)"
    eventually("old ones are gone", lambda: host.shell(workers) == "1\n")


@pytest.fixture
def one_certificate(deployed: Inventory, web: list[Host]) -> Iterator[None]:
    """For both hosts, as a fleet has it. No server takes up the session of another certificate."""
    one, other = (
        [host.shell(f"cat /etc/nginx/tls/current/{name}.pem") for name in ("certificate", "key")]
        for host in web
    )
    replace_certificate(web[1], one)
    yield
    replace_certificate(web[1], other)


@pytest.mark.parametrize(("version", "longest"), LONGEST_TICKETS)
def test_a_session_is_of_one_host_alone(
    web: list[Host], one_certificate: None, tmp_path: Path, version: str, longest: int
) -> None:
    """Hosts share no key of tickets, which would decrypt what was recorded when it is stolen."""
    clients = [TlsClient(host.address, PUBLIC, NAME) for host in web]
    for one, other in permutations(clients):
        assert one.longest_ticket(version) == longest
        session = tmp_path / one.address
        one.begin(version, session)
        assert not other.resumes(version, session)
        assert one.resumes(version, session)


def test_ipv6_opens_no_further_port(
    web: list[Host], strangers: list[Host], ipv6: dict[str, str]
) -> None:
    for target in web:
        assert reachable(target, strangers[0], ipv6[target.name]) == [80, 443]


# Of one client, and of several: whoever has a /64 has all addresses of it, and a limit of each would be none.
ONE = [f"fd6c:6162:0:1::{number}" for number in range(1, 6)]
SEVERAL = [f"fd6c:6162:0:{number}::1" for number in range(2, 7)]


@pytest.fixture
def ipv6_clients(strangers: list[Host], ipv6: dict[str, str]) -> Iterator[None]:
    with having(strangers[0], [f"{address}/48" for address in [*ONE, *SEVERAL]]):
        yield


def test_an_ipv6_network_is_one_client_of_the_firewall(
    lab: Lab, web: list[Host], strangers: list[Host], ipv6: dict[str, str], ipv6_clients: None
) -> None:
    bad, each = strangers[0], 60  # below the limit, and five times as many are above it
    for target in web:
        before = packets_refused(target)
        with idle(lab, bad, ipv6[target.name], each, SEVERAL) as attack:
            eventually("open", attack.are_open)
        assert packets_refused(target) == before
        with idle(lab, bad, ipv6[target.name], each, ONE):
            eventually("refused", lambda: packets_refused(target) > before)


def wrong_requests(bad: Host, source: str, address: str, count: int) -> Counter[str]:
    """How requests that cost no hash are answered, one after the other."""
    answer = ["--write-out", "%{http_code}\\n", "--interface", source]
    answer += [word for _ in range(count) for word in ("--output", "/dev/null")]
    body = ["--header", "Content-Type: application/json", "--data", '{"password":"a","cost":99}']
    to = ["--resolve", f"{NAME}:{PUBLIC}:[{address}]", *[f"https://{NAME}/v1/hash"] * count]
    command = bad.from_its_network(["curl", "--silent", "--insecure", *answer, *body, *to])
    return Counter(run(*command).stdout.split())


def test_an_ipv6_network_is_one_client_of_nginx(
    web: list[Host], strangers: list[Host], ipv6: dict[str, str], ipv6_clients: None
) -> None:
    burst = client_limits()[1]
    for target in web:
        address = ipv6[target.name]
        for source in SEVERAL:
            assert set(wrong_requests(strangers[0], source, address, burst)) == {"422"}
        # Too few of each address for a ban.
        answers = [wrong_requests(strangers[0], source, address, 2 * burst) for source in ONE]
        assert answers[0]["422"] > 0 and answers[-1]["429"] > 0
