"""What somebody reaches who has got hold of one part: a host, nginx, bcryptd, another user."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product

import pytest

from lab.attack import bans_told, having, packets_refused, reachable
from lab.host import Host
from lab.lab import TESTS, Lab, running
from lab.playbook import Inventory
from support.waiting import eventually

METADATA = ["169.254.169.254", "fd20:ce::254", "fd00:ec2::254"]
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
INTERNAL = 9180
DATAGRAM = "import socket as s; a = s.getaddrinfo('{}', 53, type=s.SOCK_DGRAM)[0]; s.socket(*a[:3]).sendto(b'x', a[4])"
TAKEN_SOCKET = (TESTS / "lab" / "taken_socket.py").read_text()


def test_a_host_of_the_service_reaches_no_more_of_another_than_a_stranger(
    web: list[Host], strangers: list[Host]
) -> None:
    """Who has broken into one of them has not come nearer to the next."""
    one, other = web
    assert reachable(other, one) == reachable(other, strangers[0]) == [80, 443]
    assert reachable(one, other) == [80, 443]


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
    with having(server, METADATA), ExitStack() as stack:
        for host, address in product(web, METADATA):
            gateway = ipv6[server.name] if ":" in address else server.address
            host.shell(f"ip route replace {address} via {gateway}")
            stack.callback(host.shell, f"ip route delete {address}")
        for address, port in product(METADATA, (80, 53)):
            stack.enter_context(serving(lab, server, address, port))
        yield


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
