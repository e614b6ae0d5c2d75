"""The program for mtail counts what nginx really logs, and nothing else."""

import http.client
import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring.mtail import exported_by_mtail
from support.daemon import parse_metrics
from support.stack import Stack
from support.waiting import eventually

ROUTES = {
    "/gethash/{password}": "gethash",
    "/v1/hash": "hash",
    "/v1/verify": "verify",
    "other": "other",
}
ROUNDED_TO_ZERO_S = 0.0005  # what the program takes a duration of 0.000 for
VERIFIED = "$2b$04$abcdefghijklmnopqrstuuPlKZ.QHo0c0WU0pXGb6DjYVfeAlNmXi"


def count(log: Path) -> dict[str, float]:
    return parse_metrics(exported_by_mtail(log))


def ask(stack: Stack, source: str, method: str, path: str, body: Any = None) -> int:
    """The status for a client of that loopback address."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", stack.http_port, timeout=120, source_address=(source, 0)
    )
    headers = {"Host": "localhost", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def lose_a_worker(stack: Stack) -> None:
    """Under a request, which is then answered by another one."""
    answers: list[int] = []
    body = {"password": "hunter2", "cost": 13}
    thread = threading.Thread(
        target=lambda: answers.append(ask(stack, "127.0.1.3", "POST", "/v1/hash", body))
    )
    thread.start()
    busy = eventually(
        "a busy worker", lambda: [x["pid"] for x in stack.status()["workers"] if x["lanes_busy"]]
    )
    os.kill(busy[0], signal.SIGKILL)
    thread.join(timeout=120)
    assert answers == [200]


def ask_too_much_at_once(stack: Stack) -> None:
    """More than the cap, from a client each."""
    body = {"password": "hunter2", "cost": 13}
    threads = [
        threading.Thread(target=ask, args=(stack, f"127.0.2.{i}", "POST", "/v1/hash", body))
        for i in range(1, 13)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The access log of a service that got requests of all kinds."""
    settings = {
        "BCRYPTD_CLIENT_RATE": "1",
        "BCRYPTD_CLIENT_BURST": "10",
        "BCRYPTD_DEADLINE_MS": "60000",
        "BCRYPTD_WORKER_TIMEOUT_MS": "60000",
    }
    with Stack("on", **settings) as stack:
        verify = {"password": "hunter2", "hash": VERIFIED}
        for method, path, body, status in (
            ("GET", "/gethash/hunter2/", None, 200),
            ("GET", "/gethash/a%22%5Cb%7B/", None, 200),
            ("POST", "/v1/hash", {"password": "hunter2"}, 200),
            ("POST", "/v1/verify", verify, 200),
            ("POST", "/v1/hash", {"password": ""}, 422),
            ("DELETE", "/v1/hash", None, 405),
            ("BREW", "/", None, 404),
        ):
            assert ask(stack, "127.0.1.1", method, path, body) == status
        statuses = [ask(stack, "127.0.1.2", "GET", "/gethash/x/") for _ in range(20)]
        assert 429 in statuses
        lose_a_worker(stack)
        ask_too_much_at_once(stack)
        written = stack.run_dir / "access.log"
        # 7 + 20 + 1 + 12; a line is written after the answer.
        eventually("all lines", lambda: len(written.read_text().splitlines()) == 40)
        copy = tmp_path_factory.mktemp("mtail") / "access.log"
        copy.write_text(written.read_text())
    yield copy


def test_counts_are_those_of_the_log(log: Path) -> None:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    metrics = count(log)

    requests = Counter(
        (ROUTES[line["http.route"]], line["http.response.status_code"]) for line in lines
    )
    for (route, code), number in requests.items():
        assert metrics[f'bcryptd_nginx_requests_total{{code="{code}",route="{route}"}}'] == number
    assert sum_of(metrics, "bcryptd_nginx_requests_total") == len(lines) == 40

    refused = Counter(line["bcryptd.refused_by"] for line in lines)
    assert refused["client-rate"] > 0 and refused["cap"] > 0
    for limit in ("client-rate", "client-connections", "cap", "pool"):
        # Also those that refused nobody: a rate needs a value before the first event.
        name = f'bcryptd_nginx_refused_total{{refused_by="{limit}"}}'
        assert metrics[name] == refused[limit]

    assert metrics["bcryptd_nginx_repeated_total"] == 1
    assert metrics["bcryptd_nginx_unread_lines_total"] == 0


def sum_of(metrics: dict[str, float], name: str) -> float:
    return sum(value for key, value in metrics.items() if key.split("{")[0] == name)


def test_durations_are_those_of_answers_with_a_hash(log: Path) -> None:
    durations = [
        line["http.server.request.duration"] or ROUNDED_TO_ZERO_S
        for line in map(json.loads, log.read_text().splitlines())
        if line["http.route"] != "other" and line["http.response.status_code"] == 200
    ]
    metrics = count(log)
    name = "bcryptd_nginx_request_duration_seconds"
    buckets = {
        float(found[1]): value
        for key, value in metrics.items()
        if (found := re.fullmatch(rf'{name}_bucket{{le="([^"]+)"}}', key))
    }
    assert 1.0 in buckets, "the bound of the promise on latency"
    for bound, value in buckets.items():
        assert value == sum(duration <= bound for duration in durations), bound
    assert metrics[f"{name}_count"] == len(durations)
    assert metrics[f"{name}_sum"] == pytest.approx(sum(durations))


@pytest.mark.parametrize("duration, fast", [("0.000", 1), ("0.999", 1), ("1.000", 1), ("1.001", 0)])
def test_each_duration_is_in_a_bucket(duration: str, fast: int, log: Path, tmp_path: Path) -> None:
    """Also one that nginx's clock rounds to 0, and one of the limit of the promise."""
    line = next(
        line
        for line in log.read_text().splitlines()
        if '"http.route":"/v1/hash"' in line and '"http.response.status_code":200' in line
    )
    changed = tmp_path / "access.log"
    pattern = r'(?<="http\.server\.request\.duration":)[0-9.]+'
    changed.write_text(re.sub(pattern, duration, line) + "\n")
    metrics = count(changed)
    name = "bcryptd_nginx_request_duration_seconds"
    assert metrics[f"{name}_count"] == metrics[f'{name}_bucket{{le="+Inf"}}'] == 1
    assert metrics[f'{name}_bucket{{le="1"}}'] == fast


STRANGE = {
    "an unknown route": ('"/gethash/{password}"', '"/gethash/hunter2"'),
    "a status that is none": (
        '"http.response.status_code":200',
        '"http.response.status_code":20000',
    ),
    "an unknown limit": ('"bcryptd.refused_by":""', '"bcryptd.refused_by":"mood"'),
    "a negative duration": ('"http.server.request.duration":', '"http.server.request.duration":-'),
    "a field more": ('"service.name"', '"more":1,"service.name"'),
    "another event": ('"http.request"', '"http.response"'),
    "half a line": ('"bcryptd.upstream.status"', None),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_line_is_counted_as_unread_and_nothing_else(
    kind: str, log: Path, tmp_path: Path
) -> None:
    old, new = STRANGE[kind]
    line = log.read_text().splitlines()[0]
    assert line.count(old) == 1
    strange = line.split(old)[0] if new is None else line.replace(old, new)
    file = tmp_path / "access.log"
    file.write_text(f"{line}\n{strange}\n{line}\n")
    both = tmp_path / "both.log"
    both.write_text(f"{line}\n{line}\n")
    wanted = count(both)
    assert wanted["bcryptd_nginx_unread_lines_total"] == 0
    assert count(file) == {**wanted, "bcryptd_nginx_unread_lines_total": 1.0}
