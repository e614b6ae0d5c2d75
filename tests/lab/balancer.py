"""A TCP load balancer: this machine's haproxy, in the network of a host of the lab."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from lab.cleanup import note_process
from lab.host import Host
from lab.lab import Lab
from support.waiting import eventually

CONFIGURATION = """
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
    default-server check port 9180 inter 300ms fall 2 rise 2
{servers}
"""


@contextmanager
def balancer(lab: Lab, at: Host, hosts: list[Host]) -> Iterator[str]:
    """Balances HTTPS over the hosts by their /readyz. Gives its address."""
    servers = "".join(f"    server {host.name} {host.address}:443\n" for host in hosts)
    path = lab.directory / "haproxy.cfg"
    path.write_text(CONFIGURATION.format(directory=lab.directory, servers=servers))
    process = subprocess.Popen(at.from_its_network(["haproxy", "-db", "-f", str(path)]))
    note_process(lab.directory / "haproxy.pid", process.pid)
    try:
        eventually("haproxy listens", lambda: at.answers(443))
        yield at.address
    finally:
        process.terminate()
        process.wait(timeout=30)
