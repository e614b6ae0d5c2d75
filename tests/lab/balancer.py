"""This machine's haproxy in the network of a host of the lab: a TCP load balancer, and a door by which
a program that knows no TLS with names comes to a service."""

import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lab.command import run
from lab.host import Host
from lab.lab import Lab, running
from lab.playbook import NAME
from support.waiting import eventually

BALANCER = """
global
    stats socket {directory}/haproxy.sock level admin
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch
frontend service
    bind :443
    default_backend hosts
backend hosts
    balance leastconn
    option httpchk GET /readyz
    default-server check port 9180 inter 300ms fall 2 rise 6
{servers}
"""

DOOR = """
global
    maxconn 9500
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    retries 0
frontend plain
    bind 127.0.0.1:{port}
    default_backend service
backend service
    server target {address}:443 ssl verify none sni str({name})
"""


@contextmanager
def balancer(lab: Lab, at: Host, hosts: list[Host]) -> Iterator[str]:
    """Balances HTTPS over the hosts by their /readyz. Gives its address."""
    servers = "".join(f"    server {host.name} {host.address}:443\n" for host in hosts)
    path = lab.directory / "haproxy.cfg"
    path.write_text(BALANCER.format(directory=lab.directory, servers=servers))
    with haproxy(lab, at, path):
        eventually("haproxy listens", lambda: at.answers(443))
        yield at.address


@contextmanager
def door(lab: Lab, at: Host, target: Host, port: int) -> Iterator[None]:
    """A port of the host's loopback whose connections become TLS ones to the target, one to one."""
    path = lab.directory / "door.cfg"
    path.write_text(DOOR.format(port=port, address=target.address, name=NAME))
    with haproxy(lab, at, path) as process:
        look = at.from_its_network(["ss", "-Htln", f"sport = :{port}"])
        eventually("haproxy listens or has ended", lambda: run(*look).stdout or process.poll())
        assert process.poll() is None
        yield


def haproxy(lab: Lab, at: Host, path: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return running(lab, path.stem, at.from_its_network(["haproxy", "-db", "-f", str(path)]))
