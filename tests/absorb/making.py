"""What must be so on a host that one of its layers refuses all that comes, and nothing but refuses."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from absorb.holding import begin
from absorb.sending import Field
from lab.attack import module
from lab.client import service
from lab.host import Host
from lab.lab import running
from lab.playbook import NAME
from support.waiting import eventually

VALUES, PARAMETERS = "/etc/nginx/values.conf", "/etc/nginx/bcryptd/fastcgi_params.conf"
SETTINGS = "/etc/default/bcryptd"
LONGEST_MS = 600_000  # of deadline-ms
GET = f"GET /gethash/a/ HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
BAN = """
table inet absorb {{
    set banned {{ type ipv4_addr; elements = {{ {address} }} }}
    chain input {{
        type filter hook input priority -1; policy accept;
        tcp dport {{ 80, 443 }} ip saddr @banned drop
    }}
}}"""


@contextmanager
def without_bans(host: Host) -> Iterator[None]:
    host.run("systemctl", "stop", "fail2ban.service")
    try:
        yield
    finally:
        host.shell(": >/var/log/nginx/bcryptd.log")
        host.run("systemctl", "start", "fail2ban.service")


@contextmanager
def banned(field: Field) -> Iterator[None]:
    """As fail2ban does it."""
    field.target.run("nft", "--file", "-", stdin=BAN.format(address=field.bad.address))
    try:
        yield
    finally:
        field.target.run("nft", "delete", "table", "inet", "absorb")


def nginx_workers(host: Host) -> set[str]:
    """Those that accept connections."""
    return set(host.run("pgrep", "-f", "^nginx: worker process$", check=False).stdout.split())


def write(host: Host, path: str, text: str) -> None:
    """A file of nginx's configuration, which it uses from then on."""
    before = nginx_workers(host)
    host.run("sh", "-c", f"cat >{path}", stdin=text)
    host.run("systemctl", "reload", "nginx.service")
    eventually("new worker", lambda: nginx_workers(host) and not nginx_workers(host) & before)


@contextmanager
def changed(host: Host, path: str, pattern: str, value: str) -> Iterator[None]:
    before = host.run("cat", path).stdout
    after, count = re.subn(pattern, value, before)
    assert count == 1, pattern
    try:
        write(host, path, after)
        yield
    finally:
        write(host, path, before)


def number(host: Host, pattern: str) -> int:
    """A limit as nginx has it; of several, their sum."""
    return sum(int(x) for x in re.findall(pattern, host.run("cat", VALUES).stdout))


@contextmanager
def all_its_places_taken(field: Field) -> Iterator[None]:
    """The client has all requests under way that it may have; its rate does not count."""
    host, log = field.target, field.lab.directory / "holding.log"
    allowed = number(host, r"limit_conn client_connections (\d+)")
    command = module(field.bad, "holding", host.address, allowed, package="absorb")
    with changed(host, VALUES, r"rate=\d+r/s;\nlimit_req .*;", "rate=1r/s;"):
        with running(field.lab, "holding", command) as holder:
            eventually("held", lambda: "held" in log.read_text() or holder.poll())
            yield


def lanes(field: Field) -> int:
    """Hashes that the host computes at a time."""
    metrics = service(field.target.address).metrics()
    return int(metrics["bcryptd_lanes"])


def cap(host: Host) -> int:
    """Requests that nginx lets in at a time; the upstream of repetitions has the same places once more."""
    return number(host, r"max_conns=(\d+)") // 2


@contextmanager
def cap_reached(field: Field) -> Iterator[None]:
    """All requests that nginx lets in are under way, and none of them ends."""
    host = field.target
    target = service(host.address)
    workers = [str(pid) for pid in target.worker_pids()]
    host.run("kill", "-STOP", *workers)
    with ExitStack() as stack:
        stack.callback(host.run, "kill", "-CONT", *workers)
        for _ in range(cap(host)):
            stack.enter_context(begin(host.address, GET))
        eventually("cap reached", lambda: target.get("/gethash/a/").status == 503)
        yield


@contextmanager
def no_deadline(field: Field) -> Iterator[None]:
    """However slow the machine is, no hash is refused."""
    host = field.target
    before = host.run("cat", SETTINGS).stdout
    try:
        settle(host, f"{before}BCRYPTD_DEADLINE_MS={LONGEST_MS}\n")
        yield
    finally:
        settle(host, before)


def settle(host: Host, settings: str) -> None:
    """bcryptd runs with these from then on."""
    host.run("sh", "-c", f"cat >{SETTINGS}", stdin=settings)
    host.run("systemctl", "restart", "bcryptd.service")
    eventually("hashes", lambda: service(host.address).get("/gethash/a/").status == 200)


@contextmanager
def all_too_late(field: Field) -> Iterator[None]:
    """nginx says of each request that it has waited for years."""
    with changed(field.target, PARAMETERS, r"\$msec;", "1.000;"):
        yield
