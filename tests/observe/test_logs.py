"""The logs on their way to the log host: none is lost, none is forged, and an analyst finds what he asks for."""

import json
import re
import secrets
import shlex
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import support.document
from lab.attack import reachable
from lab.client import service
from lab.command import run
from lab.host import Host
from lab.lab import Lab
from lab.playbook import ANSIBLE, NAME, Inventory
from observe import logs_hosts, runbooks
from observe.client import Load, Request, asking, getting, hashing
from observe.logs_hosts import LOG, OWN, PORT, ROTATE, SHIPPER, STORE, Hosts, parse
from observe.stranger import stranger
from support import marked, memory
from support.daemon import ROOT
from support.waiting import eventually

DOCUMENT = ROOT / "docs" / "logging.md"
CHAPTER = "### What an analyst asks"
FOLLOWING = "## Follow a request"
CENTRAL = "## The central log host"
EXAMPLE_ID = "3e1f6a881e3f6bf9e403dc9ca8bd5060"
RATE = 10.0
OUTAGE_S = 120
WINDOW = 128  # lines on their way: as many may come twice when a connection breaks
LOOK_S = 0.5
GREETING = b"1 open 30 relp_version=0\ncommands=syslog\n"


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> Hosts:
    return logs_hosts.boot(lab)


@pytest.fixture(scope="module")
def deployed(lab: Lab, hosts: Hosts, package: Path) -> Inventory:
    return logs_hosts.deploy(lab, hosts, package)


@contextmanager
def under_load(hosts: Hosts) -> Iterator[Load]:
    """Each request gets an answer, and so a line."""
    requests = [hashing("hunter2", 10), getting("%00"), getting("a/b")]
    with asking(hosts.web.address, requests, RATE, clients=4) as load:
        eventually("answers", lambda: load.count() >= RATE, pause_s=LOOK_S)
        yield load
    assert all(outcome.isdigit() for outcome in load.outcomes), load.outcomes


def has_counted(load: Load, count: float) -> None:
    """Waits for so many requests more."""
    end = load.count() + count
    eventually(f"{end} requests", lambda: load.count() >= end, 2 * count / RATE + 120, LOOK_S)


def all_arrive(hosts: Hosts) -> int:
    """Waits until the log host has what nginx has logged; gives how many lines came again."""
    written = hosts.written()
    assert set(written.values()) == {1}
    eventually("all lines", lambda: set(hosts.arrived()) >= set(written), pause_s=LOOK_S)
    arrived = hosts.arrived()
    assert set(arrived) == set(written)
    return arrived.total() - len(arrived)


def main_pid(hosts: Hosts) -> str:
    return hosts.web.shell(f"systemctl show --property=MainPID --value {SHIPPER}").strip()


def test_the_playbook_changes_nothing_again(deployed: Inventory) -> None:
    again = deployed.play("logging.yml", "--check", "--diff")
    assert again.changed() == 0, again.changes()
    again = deployed.play("logging.yml")
    assert again.changed() == 0, again.changes()


def test_no_line_is_lost_by_an_outage_rotations_and_the_senders_end(
    deployed: Inventory, hosts: Hosts, record_property: Callable[[str, object], None]
) -> None:
    before = len(hosts.written())
    with under_load(hosts) as load:
        eventually("lines", lambda: hosts.arrived().total() > before, pause_s=LOOK_S)
        hosts.log.partition(True)
        hosts.web.shell(ROTATE)
        has_counted(load, RATE * OUTAGE_S / 3)
        hosts.web.run("systemctl", "restart", SHIPPER)
        hosts.web.shell(ROTATE)
        has_counted(load, RATE * OUTAGE_S / 3)
        hosts.web.run("kill", "-KILL", main_pid(hosts))
        hosts.web.shell(ROTATE)
        has_counted(load, RATE * OUTAGE_S / 3)
        eventually("it is told", lambda: hosts.metric("suspended") == 1, pause_s=LOOK_S)
        assert hosts.metric("queue_lines") > 0
        hosts.log.partition(False)
        eventually("they go on", lambda: hosts.metric("suspended") == 0, pause_s=LOOK_S)
        hosts.web.shell(ROTATE)
        has_counted(load, RATE)
    # What the client counted is what nginx logged is what arrived.
    eventually("logged", lambda: len(hosts.written()) == before + load.count(), pause_s=LOOK_S)
    again = all_arrive(hosts)
    record_property("repeated", again)
    assert again <= 3 * WINDOW
    eventually("nothing waits", lambda: hosts.metric("queue_lines") == 0, pause_s=LOOK_S)


def test_no_line_is_lost_by_power_cuts(deployed: Inventory, hosts: Hosts) -> None:
    before, repeated = len(hosts.written()), hosts.arrived()
    with under_load(hosts) as load:
        hosts.log.power_cut()
        has_counted(load, RATE)
        hosts.log.boot()
        has_counted(load, RATE)
    eventually("logged", lambda: len(hosts.written()) == before + load.count(), pause_s=LOOK_S)
    again = all_arrive(hosts)
    assert again <= repeated.total() - len(repeated) + WINDOW


def test_only_the_service_itself_is_heard(deployed: Inventory, hosts: Hosts) -> None:
    mark = secrets.token_hex(8)
    hosts.web.run("logger", "-t", "bcryptd", f"forged {mark}")
    entry = f"SYSLOG_IDENTIFIER=bcryptd\nBCRYPTD_EVENT=shed\nMESSAGE=forged {mark}\n"
    hosts.web.run("logger", "--journald", stdin=entry)
    hosts.web.run("systemd-cat", "-t", "bcryptd", "echo", f"forged {mark}")
    written = "journalctl SYSLOG_IDENTIFIER=bcryptd"
    eventually("in the journal", lambda: hosts.web.shell(written).count(mark) == 3, pause_s=LOOK_S)
    # Entries go in their order, so all before this one have been looked at.
    identity = service(hosts.web.address).get("/gethash/hunter2").headers["x-request-id"]
    eventually(
        "the event after them",
        lambda: identity in [x.get("bcryptd.request_id") for x in hosts.lines("service")],
        pause_s=LOOK_S,
    )
    assert mark not in hosts.log.shell(f"zcat -f {STORE}/*/*")


def greet(host: Host, context: ssl.SSLContext) -> bytes:
    """What the log host answers to who shows this."""
    with socket.create_connection((host.address, PORT), timeout=30) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host.name) as connection:
                connection.sendall(GREETING)
                return connection.recv(4096)
        except OSError:
            return b""


def pair_of_another_authority(directory: Path, name: str) -> Path:
    """A host's certificate, by the same means."""
    script = str(ANSIBLE / "roles/internal_tls/files/authority")
    made = str(directory / "authority")
    run(script, "make", made, "1")
    key = directory / "key.pem"
    run("openssl", "genrsa", "-out", str(key))
    asked = run("openssl", "req", "-new", "-key", str(key), "-subj", "/CN=x").stdout
    (directory / "certificate.pem").write_text(
        run(script, "sign", made, "1", name, stdin=asked).stdout
    )
    return directory


def test_a_stranger_is_refused(deployed: Inventory, hosts: Hosts, tmp_path: Path) -> None:
    own = hosts.web.root / "etc/bcryptd-tls"
    other = pair_of_another_authority(tmp_path, hosts.web.name)
    for directory, answer in ((own, True), (other, False), (None, False)):
        context = ssl.create_default_context(cafile=str(own / "authority.pem"))
        if directory is not None:
            context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
        assert (b" rsp " in greet(hosts.log, context)) is answer, directory


def be_refused(lab: Lab, hosts: Hosts) -> None:
    """More requests of one client than it may send."""
    requests: list[Request] = [hashing("hunter2", 10)]
    with asking(hosts.web.address, requests, 200, 8, stranger(lab)) as load:
        eventually("refusals", lambda: load.outcomes["429"] >= 20, pause_s=LOOK_S)


def commands(heading: str = CHAPTER) -> list[str]:
    text = DOCUMENT.read_text().partition(f"\n{heading}\n")[2]
    return support.document.commands(re.split(r"^##", text, flags=re.M)[0])


def all_commands() -> list[str]:
    return [*commands(), *commands(FOLLOWING), *commands(CENTRAL)]


def ask(hosts: Hosts, command: str) -> list[list[str]]:
    """Each part of the pipe must succeed; 141 is one that head did not read to its end."""
    every_part = 'for s in "${PIPESTATUS[@]}"; do [[ $s = 0 || $s = 141 ]] || exit "$s"; done'
    output = hosts.log.shell(f"cd {STORE}; {command}\n{every_part}")
    return [line.split() for line in output.splitlines()]


def unique(lines: logs_hosts.Lines) -> logs_hosts.Lines:
    return [json.loads(x) for x in {json.dumps(line) for line in lines}]


def test_an_analyst_finds_what_he_asks_for(deployed: Inventory, lab: Lab, hosts: Hosts) -> None:
    marked.be_refused_for_overload(service(hosts.web.address), "hunter2")
    be_refused(lab, hosts)
    all_arrive(hosts)
    refused, slow, shed, minutes, _ = commands()  # the last one has a test of its own
    access, events = unique(hosts.lines("access")), unique(hosts.lines("service"))

    status = "http.response.status_code"
    clients = Counter(x["client.address"] for x in access if x[status] == 429)
    assert clients and dict(clients.most_common(10)) == {a: int(n) for n, a in ask(hosts, refused)}

    durations = [x["http.server.request.duration"] for x in access if x[status] == 200]
    slowest = [float(row[0]) for row in ask(hosts, slow)]
    assert slowest == sorted(durations, reverse=True)[:10]

    reasons: Counter[str] = Counter()
    for event in events:
        if event["event.name"] == "shed":
            reasons[event["bcryptd.reason"]] += 1 + event["bcryptd.suppressed"]
    assert dict(reasons) == {reason: int(n) for n, reason in ask(hosts, shed)}

    kind = "bcryptd.refused_by"
    by_minute = Counter((x["timestamp"][:16], x[kind]) for x in access if x[kind])
    assert by_minute and by_minute == {(m, r): int(n) for n, m, r in ask(hosts, minutes)}


def test_one_request_is_followed_by_its_id(deployed: Inventory, lab: Lab, hosts: Hosts) -> None:
    answer = service(hosts.web.address).post("/v1/hash", {"password": "hunter2", "cost": 10})
    identity = answer.headers["x-request-id"]
    command = commands()[-1].replace("REQUEST_ID", identity)
    names = {"http.request", "request"}
    eventually(
        "both sides of it",
        lambda: all(f'"event.name": "{name}"' in trace(hosts, command) for name in names),
        pause_s=LOOK_S,
    )
    for line in commands(FOLLOWING):
        assert EXAMPLE_ID in line
        shown = lab.log_in(hosts.web, line.replace(EXAMPLE_ID, identity))
        assert shown and "No entries" not in shown, line


def trace(hosts: Hosts, command: str) -> str:
    return hosts.log.shell(f"cd {STORE}; {command}", check=False)


def places(host: Host, mark: str) -> list[str]:
    """Where the mark stands: what the host has written, compressed too, and its journal."""
    files = [path for path in (host.directory / "upper").rglob("*") if path.is_file()]
    run_files = Path(f"/proc/{host.leader()}/root/run")
    files += [path for path in run_files.rglob("*") if path.is_file() and not path.is_symlink()]
    found = [str(path) for path in memory.files_with(files, mark.encode())]
    # Not all that is called so is: dpkg has a list of alternatives.
    packed = "find /var/log /var/lib -name '*.gz' -exec zcat -f {} +"
    for name, script in (("gz", packed), ("journal", "journalctl --output=export --all")):
        found += [name] if mark in host.shell(script) else []
    return found


def test_the_password_is_on_neither(deployed: Inventory, hosts: Hosts) -> None:
    mark = marked.new_mark()
    target = service(hosts.web.address)
    marked.wait_until_idle(target)
    marked.succeed(target, mark)
    marked.fail_in_every_way(target, mark)
    marked.wait_until_idle(target)
    all_arrive(hosts)
    # No file is to get another name while it is searched.
    hosts.web.shell("systemctl stop bcryptd-logs.timer logrotate.service")
    hosts.web.shell(f"{ROTATE}; {ROTATE}; {ROTATE}")
    assert places(hosts.web, mark) == []
    hosts.web.shell("systemctl start bcryptd-logs.timer")
    assert places(hosts.log, mark) == []
    # The search finds what is there.
    hosts.log.shell(f"echo {mark} | gzip >{STORE}/{hosts.web.name}/note.gz")
    assert places(hosts.log, mark) == ["gz"]
    hosts.log.shell(f"rm {STORE}/{hosts.web.name}/note.gz")


LIE = "192.0.2.77"
FORGED = f'","client.address":"{LIE}","a":"'


def strange_requests(mark: str) -> list[bytes]:
    """Text that would end a line, a field or a terminal's colour, wherever a client writes some."""
    text = f"{mark}{FORGED}"
    host = f"Host: {NAME}"
    lines = [
        [f"GET /gethash/{mark}%0d%0a%22%1b%5b31m/ HTTP/1.1", host],
        [f"GET /gethash/{text}\x1b[31m/ HTTP/1.1", host],
        [f"{text} / HTTP/1.1", host],
        [f"GET / {text}", host],
        ["GET / HTTP/1.1", f"Host: {text}"],
    ]
    lines += [
        ["GET / HTTP/1.1", host, f"{name}: {text}\x1b[31m"]
        for name in ("User-Agent", "Referer", "X-Forwarded-For", "X-Request-Id")
    ]
    return ["\r\n".join([*x, "Connection: close", "", ""]).encode() for x in lines]


def test_no_text_of_a_client_gets_into_a_log(deployed: Inventory, hosts: Hosts) -> None:
    mark = marked.new_mark()
    target = service(hosts.web.address)
    for request in strange_requests(mark):
        target.raw(request, tls=True)
    for text in (f'{mark}\r\n"', f"{mark}\x1b[31m"):
        assert target.post("/v1/hash", {"password": text}).status == 200
        assert target.post("/v1/verify", {"password": "a", "hash": text + FORGED}).status == 422
    all_arrive(hosts)
    events = hosts.web.shell("journalctl -u bcryptd.service -u nginx.service -o export --all")
    stored = hosts.log.shell(f"zcat -f {STORE}/*/*")
    for text in (hosts.web.shell(OWN), events, stored):
        assert text and mark not in text and LIE not in text
    # Each line of nginx has the same fields, so none has one more, and none is a half.
    assert len({tuple(line) for line in parse(hosts.web.shell(OWN))}) == 1
    assert len({tuple(line) for line in hosts.lines("access")}) == 1
    assert hosts.lines("malformed") == []


def test_a_host_of_the_service_reaches_no_more_of_the_log_host_than_it_needs(
    deployed: Inventory, hosts: Hosts
) -> None:
    """It is among those who may send logs."""
    assert reachable(hosts.log, hosts.web) == [PORT]


def test_the_commands_of_the_runbooks_about_logs_work(
    deployed: Inventory, lab: Lab, hosts: Hosts
) -> None:
    lines = runbooks.of_logs()
    assert len(lines) > 4
    assert "\n".join(runbooks.failures(lab, [hosts.web, hosts.log], lines)) == ""


def test_a_new_authority_takes_the_place_of_the_one_before(
    deployed: Inventory, hosts: Hosts
) -> None:
    authority = hosts.web.root / "etc/bcryptd-tls/authority.pem"
    before = authority.read_text()
    (line,) = commands(CENTRAL)
    words = shlex.split(line)
    assert words[1] == "-i"
    deployed.execute([words[0], *words[3:]])
    assert authority.read_text() != before
    with under_load(hosts) as load:
        has_counted(load, RATE)
    all_arrive(hosts)


# The last one, as nginx would not have written this.
def test_what_is_no_line_is_kept_apart(deployed: Inventory, hosts: Hosts) -> None:
    hosts.web.shell(f"echo 'no JSON' >>{LOG}")
    eventually(
        "kept apart",
        lambda: "no JSON" in hosts.log.shell(f"cat {STORE}/web1/*.malformed.jsonl", check=False),
        pause_s=LOOK_S,
    )
