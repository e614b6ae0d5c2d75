"""A server that an attacker puts in the log host's place; it has no certificate of the hosts' authority."""

from collections.abc import Iterator
from contextlib import contextmanager

from lab.authority import make_pair
from lab.host import Host
from lab.lab import Lab, running
from observe.logs_hosts import PORT
from support.waiting import eventually

UNIT = "bcryptd-log-server.service"


@contextmanager
def stand_in(lab: Lab, log: Host) -> Iterator[None]:
    """At the log host's own address; what it is told is in stand_in.log of the lab's directory."""
    certificate, key = make_pair(lab.directory, "stand-in", f"DNS:{log.name}")
    server = ["openssl", "s_server", "-quiet", "-accept", str(PORT)]
    server += ["-cert", str(certificate), "-key", str(key)]
    log.shell(f"systemctl stop {UNIT}")
    try:
        with running(lab, "stand_in", log.from_its_network(server)):
            eventually("it listens", lambda: log.shell(f"ss -Htln 'sport = :{PORT}'"))
            yield
    finally:
        log.shell(f"systemctl start {UNIT}")
