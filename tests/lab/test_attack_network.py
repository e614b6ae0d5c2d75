"""Attacks below HTTP, and what one host can reach of another: packets, connections, handshakes, the metadata server."""

import json
import math
import re
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import pytest

from lab.attack import bans_told, curl, latency, module, packets_refused, reachable
from lab.client import presented
from lab.command import run
from lab.host import Host
from lab.lab import TESTS, Lab, running
from lab.playbook import NAME, Inventory, defaults
from support.tls import LONGEST_TICKETS, TlsClient
from support.waiting import eventually

METADATA = ["169.254.169.254", "fd20:ce::254", "fd00:ec2::254"]
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
BACKLOG = 511  # of half-open connections: nginx's own, for a socket that says nothing else
PUBLIC, INTERNAL = 443, 9180
IDLE = 600  # a client has them in ten seconds, before nginx ends the first
EACH = 400  # of each of many addresses
CONNECTIONS = 4096  # nginx's worker_connections
DATAGRAM = "import socket as s; a = s.getaddrinfo('{}', 53, type=s.SOCK_DGRAM)[0]; s.socket(*a[:3]).sendto(b'x', a[4])"
TAKEN_SOCKET = (TESTS / "lab" / "taken_socket.py").read_text()


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


def test_nginx_ends_idle_connections(lab: Lab, web: list[Host], strangers: list[Host]) -> None:
    bad, good = strangers
    assert max(map(waiting, web)) < IDLE / 10
    with idle_on_all(lab, bad, web, IDLE, [bad.address]) as attacked:
        for target, attack in attacked:
            eventually("open", attack.are_open)
            assert waiting(target) >= IDLE
            assert curl(good, target, "/gethash/hunter2/") == "200\n"
        assert [attack.outcomes() for _, attack in attacked] == [{"ended": IDLE}] * len(web)
    assert max(map(waiting, web)) < IDLE / 10


@contextmanager
def having(host: Host, addresses: list[str]) -> Iterator[None]:
    """A host with further addresses, for the time of the block."""
    for address in addresses:
        # Nobody else has it, so there is no need to ask (IPv6).
        unasked = "nodad" if ":" in address else ""
        host.shell(f"ip address add {address} dev host0 {unasked}")
    try:
        yield
    finally:
        for address in addresses:
            host.shell(f"ip address delete {address} dev host0")


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
    host.shell(
        "cd /root && bcryptd-deploy-certificate certificate.pem key.pem && rm certificate.pem key.pem"
    )
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


def test_a_host_of_the_service_reaches_no_more_of_another_than_a_stranger(
    web: list[Host], strangers: list[Host]
) -> None:
    """Who has broken into one of them has not come nearer to the next."""
    one, other = web
    assert reachable(other, one) == reachable(other, strangers[0]) == [80, 443]
    assert reachable(one, other) == [80, 443]


@pytest.fixture(scope="module")
def ipv6(web: list[Host], strangers: list[Host]) -> Iterator[dict[str, str]]:
    """The address of each host, by its name, in one network. Their network files give them none."""
    hosts = [*web, *strangers]
    addresses = {host.name: f"fd6c:6162::{number}" for number, host in enumerate(hosts, 1)}
    with ExitStack() as given:
        for host in hosts:
            given.enter_context(having(host, [f"{addresses[host.name]}/48"]))
        yield addresses


def test_ipv6_opens_no_further_port(
    web: list[Host], strangers: list[Host], ipv6: dict[str, str]
) -> None:
    for target in web:
        assert reachable(target, strangers[0], ipv6[target.name]) == [80, 443]


def test_an_ipv6_network_is_one_client(
    lab: Lab, web: list[Host], strangers: list[Host], ipv6: dict[str, str]
) -> None:
    """Whoever has a /64 has all addresses of it, and a limit of each would be none."""
    bad, each = strangers[0], 60  # below the limit, and five times as many are above it
    one = [f"fd6c:6162:0:1::{number}" for number in range(1, 6)]
    several = [f"fd6c:6162:0:{number}::1" for number in range(2, 7)]
    with having(bad, [f"{address}/48" for address in [*one, *several]]):
        for target in web:
            before = packets_refused(target)
            with idle(lab, bad, ipv6[target.name], each, several) as attack:
                eventually("open", attack.are_open)
            assert packets_refused(target) == before
            with idle(lab, bad, ipv6[target.name], each, one):
                eventually("refused", lambda: packets_refused(target) > before)


def url(address: str, port: int, path: str = "/") -> str:
    return f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"


def reaches(host: Host, user: str, address: str, port: int = INTERNAL, path: str = "/") -> bool:
    """Whether a program of a user gets an answer from there."""
    asked = ["curl", "--silent", "--max-time", "5", "--output", "/dev/null"]
    command = ["runuser", "-u", user, "--", *asked, url(address, port, path)]
    return host.run(*command, check=False).returncode == 0


@contextmanager
def serving(lab: Lab, server: Host, address: str, port: int) -> Iterator[None]:
    """A server there, for the time of the block."""
    command = [sys.executable, "-m", "http.server", "--bind", address, str(port)]
    with running(lab, f"{address}-{port}", server.from_its_network(command)):
        eventually("it listens", lambda: reaches(server, "root", address, port))
        yield


@pytest.fixture(scope="module")
def metadata(
    web: list[Host], strangers: list[Host], lab: Lab, ipv6: dict[str, str]
) -> Iterator[None]:
    """A host that has the addresses of a cloud's metadata server, for web hosts too, and answers there."""
    server = strangers[1]
    ways = list(product(web, METADATA))
    for host, address in ways:
        gateway = ipv6[server.name] if ":" in address else server.address
        host.shell(f"ip route replace {address} via {gateway}")
    with having(server, METADATA), ExitStack() as servers:
        for address, port in product(METADATA, (80, 53)):
            servers.enter_context(serving(lab, server, address, port))
        yield
    for host, address in ways:
        host.shell(f"ip route delete {address}")


def metadata_answers(host: Host, address: str, user: str = "root") -> dict[int, bool]:
    """Whether a program of a user reaches its ports."""
    return {port: reaches(host, user, address, port, TOKEN) for port in (80, 53)}


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("user", ["www-data", "bcryptd", "debian", "nobody"])
def test_only_root_asks_the_metadata_server(
    web: list[Host], metadata: None, address: str, user: str
) -> None:
    """It gives out the VM's credentials; names and time are for all but nginx, which needs none."""
    refused = f"bcryptd_{'outgoing' if user == 'www-data' else 'metadata'}_refused_total"
    for host in web:
        assert metadata_answers(host, address) == {80: True, 53: True}
        before = told(host, refused)
        assert metadata_answers(host, address, user) == {80: False, 53: user != "www-data"}
        assert told(host, refused) > before


@pytest.fixture(scope="module")
def outside(lab: Lab, strangers: list[Host], ipv6: dict[str, str]) -> Iterator[list[str]]:
    """Addresses, old and new, of a server somewhere, as an attacker would have one."""
    server = strangers[1]
    addresses = [server.address, ipv6[server.name]]
    with ExitStack() as servers:
        for address in addresses:
            servers.enter_context(serving(lab, server, address, INTERNAL))
        yield addresses


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_nginx_begins_no_connection_to_another_host(
    web: list[Host], outside: list[str], family: int
) -> None:
    """Who breaks into it gets no further from there."""
    address, refused = outside[family], "bcryptd_outgoing_refused_total"
    for host in web:
        assert reaches(host, "root", address) and reaches(host, "www-data", "127.0.0.1")
        before = told(host, refused)
        assert not reaches(host, "www-data", address)
        # A connection, and a packet without one: an alert waits for the first of them.
        first = told(host, refused)
        assert first > before
        tell = ["runuser", "-u", "www-data", "--", "python3", "-c", DATAGRAM.format(address)]
        assert "Operation not permitted" in host.run(*tell, check=False).stderr
        assert told(host, refused) > first


@contextmanager
def port_free(host: Host) -> Iterator[None]:
    """nginx's own, for the time of the block."""
    host.shell("systemctl stop nginx.service")
    try:
        yield
    finally:
        host.shell("systemctl start nginx.service")


def test_a_socket_that_nginx_listens_on_reaches_no_other_host(
    web: list[Host], metadata: None, outside: list[str]
) -> None:
    """Its user is root, whoever connects it."""
    others = [*product(outside, [INTERNAL]), *product(METADATA, [80])]
    for host in web:
        with port_free(host):
            for address, port in others:
                before = packets_refused(host, "outgoing_refused")
                tried = host.run("python3", "-", address, str(port), stdin=TAKEN_SOCKET)
                assert tried.stdout == "ConnectionRefusedError\n"
                assert packets_refused(host, "outgoing_refused") > before


def told(host: Host, metric: str) -> float:
    """Its value now, as node_exporter reads it."""
    return float(re.findall(rf"^{metric} (.*)$", bans_told(host), re.M)[0])


def test_bcryptd_has_no_network(deployed: Inventory, web: list[Host]) -> None:
    for host in web:
        inside = "nsenter --net --target $(systemctl show -P MainPID bcryptd.service)"
        links = host.shell(f"{inside} ip -oneline link").splitlines()
        assert [line.split(": ")[1] for line in links] == ["lo"]
        assert host.shell(f"{inside} ip route") == ""


def test_only_nginx_comes_to_the_sockets(deployed: Inventory, web: list[Host]) -> None:
    """What is told there is believed."""
    for host in web:
        for name in ("pool-0", "pool-1", "status"):
            connect = (
                f"import socket; socket.socket(socket.AF_UNIX).connect('/run/bcryptd/{name}.sock')"
            )
            told = {
                user: host.run("runuser", "-u", user, "--", "python3", "-c", connect, check=False)
                for user in ("www-data", "debian", "nobody")
            }
            assert told["www-data"].returncode == 0, told["www-data"].stderr
            for user in ("debian", "nobody"):
                assert "PermissionError" in told[user].stderr, user
