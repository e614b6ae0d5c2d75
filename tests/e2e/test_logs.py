"""Each line of both logs is as docs/logging.md says: no field more, none less, each of its type."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from support import fastcgi, marked
from support.daemon import HOLD, ROOT, Daemon
from support.stack import Stack
from support.waiting import eventually


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


Table = list[list[str]]
Line = list[tuple[str, Any]]
TYPES: dict[str, tuple[type, ...]] = {"text": (str,), "number": (int, float)}


def tables(heading: str) -> list[Table]:
    """The tables below a heading of the document: rows of cells, the first one is the head."""
    text = (ROOT / "docs" / "logging.md").read_text()
    section = re.split(r"^## .*$", text.split(f"\n## {heading}\n", 1)[1], flags=re.MULTILINE)[0]
    found = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    return [[[x.strip() for x in row.split("|")[1:-1]] for row in t.splitlines()] for t in found]


def names(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def typed(table: Table, prefix: str = "") -> dict[str, str]:
    """The type of each field of a table."""
    return {prefix + names(row[0])[0]: row[1] for row in table[2:]}


(REQUEST_TABLE,) = tables("Requests: nginx's access log")
FIXED_TABLE, EVENT_TABLE, FIELD_TABLE = tables("Events: bcryptd's log")
(SEVERITY_TABLE,) = tables("Severities")
REQUEST = typed(REQUEST_TABLE)
FIXED = typed(FIXED_TABLE)
FIELD = typed(FIELD_TABLE, "bcryptd.")
EVENTS = {names(row[0])[0]: row[1:3] for row in EVENT_TABLE[2:]}
SEVERITIES = {row[0]: [int(x) for x in re.findall(r"\d+", row[1])] for row in SEVERITY_TABLE[2:]}


def severity_of(status: int) -> str:
    """As the table has it for nginx."""
    special = [row[0] for row in SEVERITY_TABLE[2:] if str(status) in row[4].split(", ")]
    return special[0] if special else "INFO"


def parse(text: str) -> Line:
    """The fields of a line as they come: of two with one name, a dict would keep the last."""
    line = json.loads(text, object_pairs_hook=list)
    assert isinstance(line, list) and line, text
    return line


def check_types(line: Line, types: dict[str, str]) -> None:
    for name, value in line:
        assert isinstance(value, TYPES[types[name]]) and not isinstance(value, bool), (name, value)


def check_request(line: Line) -> None:
    assert [name for name, _ in line] == list(REQUEST)
    check_types(line, REQUEST)
    value = dict(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", value["timestamp"])
    assert re.fullmatch("[0-9a-f]{32}", value["bcryptd.request_id"])
    assert (value["event.name"], value["service.name"]) == ("http.request", "nginx")
    assert value["severity_text"] == severity_of(value["http.response.status_code"])


def check_event(line: Line) -> None:
    value = dict(line)
    assert value["event.name"] in EVENTS, value
    severities, fields = EVENTS[value["event.name"]]
    own = [f"bcryptd.{name}" for name in names(fields)]
    assert [name for name, _ in line] == [*FIXED, *own]
    check_types(line, {**FIELD, **FIXED})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value["timestamp"])
    assert value["severity_text"] in severities.split(", ")
    assert value["severity_number"] in SEVERITIES[value["severity_text"]]
    assert value["service.name"] == "bcryptd"


def check(stack: Stack) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All lines of a service that has stopped: requests, events."""
    requests = [parse(x) for x in (stack.run_dir / "access.log").read_text().splitlines()]
    events = [parse(x) for x in (stack.run_dir / "bcryptd.log").read_text().splitlines()]
    assert requests and events
    for line in requests:
        check_request(line)
    for line in events:
        check_event(line)
    return [dict(line) for line in requests], [dict(line) for line in events]


def refused_by(line: dict[str, Any]) -> str:
    """A worker refuses, too: it has been asked then."""
    by_nginx = {429: "client-rate", 503: "cap"}.get(line["http.response.status_code"], "")
    return "" if line["bcryptd.upstream.status"] == "503" else by_nginx


def be_limited(stack: Stack, mark: str) -> None:
    assert 429 in [stack.get(f"/gethash/{mark}/").status for _ in range(30)]


def be_asked_strangely(stack: Stack, mark: str) -> None:
    """Words of the client's own for method, version and route."""
    for tls in (False, True):
        host = f"Host: localhost\r\nUser-Agent: {mark}\r\nConnection: close\r\n\r\n"
        for head in (f'"{mark}" / HTTP/1.1', "BREW /v1/hash HTTP/1.1", f"GET /{mark} HTTP/1.0"):
            stack.raw(f"{head}\r\n{host}".encode(), tls)


def fail(stack: Stack, mark: str) -> None:
    marked.succeed(stack, mark)
    marked.fail_in_every_way(stack, mark)
    be_asked_strangely(stack, mark)


Way = tuple[Callable[[Stack, str], None], dict[str, str], set[int], set[str]]
WAYS: dict[str, Way] = {
    "success and errors": (
        fail,
        {"BCRYPTD_COST": "9"},
        {200, 400, 404, 405, 414, 415, 422, 444},
        {"ready", "request", "worker_ready", "child_exit", "stopping", "stopped"},
    ),
    "client limit": (
        be_limited,
        {"client_limits": "on", "BCRYPTD_CLIENT_RATE": "1", "BCRYPTD_CLIENT_BURST": "5"},
        {200, 429},
        {"request"},
    ),
    "overload": (
        marked.be_refused_for_overload,
        {"BCRYPTD_COST": "11"},
        {200, 503},
        {"request"},
    ),
    "client leaves and worker dies": (
        partial(marked.leave_and_kill, kill=kill),
        HOLD,
        {200, 499},
        {"child_exit"},
    ),
}


@pytest.mark.parametrize(("way", "settings", "statuses", "kinds"), WAYS.values(), ids=WAYS.keys())
def test_each_line_is_as_documented(
    way: Callable[[Stack, str], None], settings: dict[str, str], statuses: set[int], kinds: set[str]
) -> None:
    mark = marked.new_mark()
    with Stack(**settings, BCRYPTD_LOG_LEVEL="debug") as own:
        way(own, mark)
        assert own.stop() == 0
        requests, events = check(own)
    assert {line["http.response.status_code"] for line in requests} >= statuses
    assert {line["event.name"] for line in events} >= kinds
    for line in requests:
        assert line["bcryptd.refused_by"] == refused_by(line)
    assert mark not in json.dumps([requests, events])


def test_a_repeated_request_has_both_tries_in_its_line() -> None:
    with Stack(**HOLD, BCRYPTD_LOG_LEVEL="debug") as own:
        marked.leave_and_kill(own, marked.new_mark(), kill)
        assert own.stop() == 0
        requests, events = check(own)
    (repeated,) = [x for x in requests if x["bcryptd.upstream.status"] == "502 : 200"]
    assert repeated["http.response.status_code"] == 200 and repeated["http.route"] == "/v1/hash"
    for name in ("bcryptd.upstream.connect_time", "bcryptd.upstream.response_time"):
        assert len(repeated[name].split(" : ")) == 2
    answered = [x for x in events if x["event.name"] == "request"]
    assert repeated["bcryptd.request_id"] in {x["bcryptd.request_id"] for x in answered}


@pytest.fixture(name="stack_of_debug")
def start_stack_of_debug() -> Iterator[Stack]:
    with Stack(BCRYPTD_LOG_LEVEL="debug") as own:
        yield own


def test_a_request_is_followed_by_its_id(stack_of_debug: Stack) -> None:
    own = stack_of_debug
    for route, name, answer in (
        ("/gethash/{password}", "gethash", own.get("/gethash/hunter2/")),
        ("/v1/hash", "hash", own.post("/v1/hash", {"password": "hunter2"})),
        ("/v1/verify", "verify", own.post("/v1/verify", {"password": "", "hash": ""})),
    ):
        number = answer.headers["x-request-id"]

        def lines(log: str, wanted: str = number) -> list[dict[str, Any]]:
            text = (own.run_dir / log).read_text()
            return [json.loads(x) for x in text.splitlines() if f'"{wanted}"' in x]

        # Both are written after the answer.
        (request,) = eventually("nginx's line", partial(lines, "access.log"))
        (event,) = eventually("bcryptd's line", partial(lines, "bcryptd.log"))
        assert request["bcryptd.request_id"] == event["bcryptd.request_id"] == number
        assert (request["http.route"], event["bcryptd.route"]) == (route, name)
        assert request["http.response.status_code"] == event["bcryptd.status"] == answer.status
        assert answer.status == 200 or answer.json()["request_id"] == number


def test_events_without_nginx_are_as_documented() -> None:
    with Daemon(BCRYPTD_LOG_LEVEL="debug") as daemon:
        daemon.start_ready()
        asked = {"REQUEST_ID": "0123456789abcdef", "REQUEST_START": "1.000"}
        assert fastcgi.get(daemon.pool[0], "/gethash/hunter2/", **asked).status == 503
        with fastcgi.connect(daemon.pool[0]) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            eventually("told", lambda: daemon.events("fcgi_error"))
        eventually("shed", lambda: daemon.events("shed"))
        assert daemon.stop() == 0
        for text in daemon.log_path.read_text().splitlines():
            check_event(parse(text))


def test_the_document_has_the_events_and_fields_of_the_program() -> None:
    """Also those that no test here can cause."""
    source = "".join(path.read_text() for path in sorted((ROOT / "app").glob("*.c")))
    call = r'(?:log_event|log_request|write_journal)\(\s*[^,"]+,\s*"(\w+)"'
    assert set(re.findall(call, source)) == set(EVENTS)
    written = re.findall(r'LOG_(TEXT|NUMBER)\(\s*"(\w+)"', source)
    assert {f"bcryptd.{name}": kind.lower() for kind, name in written} == FIELD
    listed = {f"bcryptd.{name}" for _, fields in EVENTS.values() for name in names(fields)}
    assert listed == set(FIELD)
