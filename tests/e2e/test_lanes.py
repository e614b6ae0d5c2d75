"""The lanes engine in the running service: several hashes at once, trusted as far as checked."""

import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from support import fastcgi
from support.daemon import (
    BINARY,
    FAULTY,
    LANES,
    START_HASHES,
    Daemon,
    FaultyDaemon,
    clean_environment,
)
from support.stack import Stack, alive, children
from support.waiting import eventually

SLOW_COST = 13
PATIENT = {"BCRYPTD_DEADLINE_MS": "60000", "BCRYPTD_QUEUE_TARGET_MS": "60000"}


def post(daemon: Daemon, password: str, cost: int) -> str:
    params = {
        "REQUEST_METHOD": "POST",
        "REQUEST_URI": "/v1/hash",
        "CONTENT_TYPE": "application/json",
    }
    body = json.dumps({"password": password, "cost": cost}).encode()
    reply = fastcgi.request(daemon.pool[0], params, body)
    assert reply.status == 200
    return str(json.loads(reply.body)["hash"])


def hash_all(daemon: Daemon, requests: list[tuple[str, int]]) -> list[str]:
    """All at once; the hashes in the order of the requests."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: post(daemon, *request), requests))


def are_right(requests: list[tuple[str, int]], hashes: list[str]) -> bool:
    return all(
        hashed.startswith(f"$2b${cost:02}$") and bcrypt.checkpw(password.encode(), hashed.encode())
        for (password, cost), hashed in zip(requests, hashes, strict=True)
    )


def waiting(status: dict[str, Any]) -> int:
    """Connections that no worker has taken yet."""
    return sum(row["depth"] for row in status["sockets"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BINARY), *arguments]
    return subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, timeout=120
    )


def test_more_requests_than_lanes_are_answered_right() -> None:
    requests = [(f"word {i}", 4 + i % 4) for i in range(60)]
    with Daemon(**LANES, BCRYPTD_MIN_COST="4", BCRYPTD_CROSS_CHECK_EVERY="1") as daemon:
        daemon.start_ready()
        assert are_right(requests, hash_all(daemon, requests))
        metrics = daemon.metrics()
        assert metrics["bcryptd_lanes"] == 5
        assert metrics['bcryptd_engine_workers{engine="lanes"}'] == 1
        assert metrics['bcryptd_engine_workers{engine="libxcrypt"}'] == 0
        assert metrics['bcryptd_hashes_total{engine="lanes",cost="4"}'] == 15
        assert metrics['bcryptd_cross_checks_total{result="equal"}'] == len(requests)
        assert metrics['bcryptd_cross_checks_total{result="different"}'] == 0
        assert daemon.status()["workers"][0]["engine"] == "lanes"


def test_occupancy_shows_the_busy_lanes() -> None:
    with Daemon(**LANES, BCRYPTD_COST=str(SLOW_COST)) as daemon:
        daemon.start_ready()
        assert daemon.metrics()["bcryptd_lane_occupancy"] == 0
        with ThreadPoolExecutor(5) as pool:
            replies = [pool.submit(post, daemon, "word", SLOW_COST) for _ in range(5)]
            eventually("all busy", lambda: daemon.metrics()["bcryptd_lane_occupancy"] == 5)
            for reply in replies:
                assert bcrypt.checkpw(b"word", reply.result().encode())
        eventually("idle", lambda: daemon.metrics()["bcryptd_lane_occupancy"] == 0)


def test_short_hash_does_not_wait_for_a_long_one() -> None:
    with Daemon(**LANES, BCRYPTD_MIN_COST="4") as daemon:
        daemon.start_ready()
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(post, daemon, "slow", SLOW_COST)
            eventually("busy", lambda: daemon.status()["workers"][0]["lanes_busy"] == 1)
            post(daemon, "quick", 4)
            assert not slow.done()
            slow.result()


def test_silent_peer_does_not_hold_up_the_lanes() -> None:
    with Daemon(**LANES, BCRYPTD_READ_TIMEOUT_MS="60000") as daemon:
        daemon.start_ready()
        silent = [fastcgi.connect(path) for path in daemon.pool]
        requests = [(f"word {i}", 4) for i in range(10)]
        assert are_right(requests, hash_all(daemon, requests))
        for connection in silent:
            connection.close()


def test_stop_finishes_all_lanes_and_what_waits() -> None:
    requests = [(f"word {i}", SLOW_COST - i % 2) for i in range(8)]
    with Daemon(**LANES, **PATIENT) as daemon:
        daemon.start_ready()
        with ThreadPoolExecutor(len(requests)) as pool:
            hashes = [pool.submit(post, daemon, *request) for request in requests]
            eventually("all busy", lambda: daemon.status()["workers"][0]["lanes_busy"] == 5)
            eventually("the rest waits", lambda: waiting(daemon.status()) == 3)
            daemon.signal()
            assert are_right(requests, [hashed.result() for hashed in hashes])
        assert daemon.wait() == 0
        assert daemon.events("stop_timeout") == []
        assert {line["bcryptd.reason"] for line in daemon.events("child_exit")} == {"stopped"}


def test_killed_worker_takes_its_lanes_with_it_and_is_replaced() -> None:
    with Daemon(**LANES, **PATIENT) as daemon:
        daemon.start_ready()
        with ThreadPoolExecutor(5) as pool:
            lost = [pool.submit(post, daemon, "word", SLOW_COST) for _ in range(5)]
            eventually("all busy", lambda: daemon.metrics()["bcryptd_lane_occupancy"] == 5)
            killed = daemon.worker_pids()[0]
            os.kill(killed, signal.SIGKILL)
            assert all(isinstance(reply.exception(), ConnectionError) for reply in lost)
        eventually("replaced", lambda: daemon.worker_pids() not in ([], [killed]))
        eventually("up", lambda: daemon.status()["workers_up"] == 1)
        assert daemon.metrics()["bcryptd_lane_occupancy"] == 0
        assert are_right([("word", 10)], [post(daemon, "word", 10)])


def test_recycled_worker_loses_no_request_of_its_lanes() -> None:
    requests = [(f"word {i}", 4 + i % 2) for i in range(60)]
    limits = {"BCRYPTD_MAX_REQUESTS": "10", "BCRYPTD_MAX_REQUESTS_JITTER": "0"}
    with Daemon(**LANES, **PATIENT, **limits, BCRYPTD_MIN_COST="4") as daemon:
        daemon.start_ready()
        assert are_right(requests, hash_all(daemon, requests))
        # Those that were taken already are served above the limit, at most as many as lanes.
        exits = eventually("recycled", lambda: len(x := daemon.events("child_exit")) >= 4 and x)
        assert {line["bcryptd.reason"] for line in exits} == {"recycled"}
        assert len(exits) <= 6


def test_cap_of_nginx_follows_cpus_and_lanes() -> None:
    assert run("--print-cap", "--workers=4", "--engine=lanes", "--lanes=5").stdout == "30\n"
    assert run("--print-cap", "--workers=4", "--engine=libxcrypt", "--lanes=5").stdout == "6\n"
    cap = int(run("--print-cap", "--workers=1", "--engine=lanes", "--lanes=5").stdout)
    with Stack(**LANES, **PATIENT, BCRYPTD_COST=str(SLOW_COST)) as own:
        with ThreadPoolExecutor(cap) as threads:
            answers = [threads.submit(own.get, f"/gethash/word{i}/") for i in range(cap)]
            eventually("all busy", lambda: own.status()["workers"][0]["lanes_busy"] == 5)
            eventually("the rest waits", lambda: waiting(own.status()) == cap - 5)
            assert own.get("/gethash/more/").status == 503
            assert [answer.result().status for answer in answers] == [200] * cap


def test_automatic_number_of_lanes_is_measured_and_logged() -> None:
    with Daemon(BCRYPTD_ENGINE="lanes", BCRYPTD_LANES="auto") as daemon:
        daemon.start_ready()
        (chosen,) = daemon.events("lanes_chosen")
        assert 1 <= int(chosen["bcryptd.lanes"]) <= 8
        assert int(chosen["bcryptd.took_us"]) > 0
        assert all(
            row["lanes"] == int(chosen["bcryptd.lanes"]) for row in daemon.status()["workers"]
        )


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--engine=other", "libxcrypt, lanes"),
        ("--lanes=9", "auto or a whole number from 1 to 8 (hashes)"),
        ("--lanes=0", "auto or a whole number from 1 to 8 (hashes)"),
        ("--lanes=many", "auto or a whole number from 1 to 8 (hashes)"),
        ("--cross-check-every=-1", "a whole number from 0 to 1000000000 (hashes)"),
    ],
)
def test_unusable_settings_are_refused(argument: str, text: str) -> None:
    result = run("--test-config", argument)
    assert result.returncode == 1
    assert text in result.stderr


def test_short_backlog_is_told() -> None:
    settings = {**LANES, "BCRYPTD_BACKLOG": "3", "BCRYPTD_POOL_SIZE": "2"}
    with Daemon(**settings) as daemon:
        daemon.start_ready()
        (told,) = daemon.events("backlog_short")
        assert (told["bcryptd.backlog"], told["bcryptd.share"]) == (3, 4)
    with Daemon(**{**settings, "BCRYPTD_BACKLOG": "5"}) as daemon:
        daemon.start_ready()
        assert daemon.events("backlog_short") == []


def test_benchmark_prints_tables_and_a_choice() -> None:
    result = run("--benchmark")
    assert result.returncode == 0, result.stderr
    cpus = sorted(os.sched_getaffinity(0))
    assert re.findall(r"^CPU (\d+) alone$", result.stdout, re.MULTILINE) == [
        str(cpu) for cpu in cpus[:8]
    ]
    assert f"All {len(cpus)} CPUs at once" in result.stdout
    rows = re.findall(r"^  (libxcrypt|\d lanes?) +([\d.]+) +([\d.]+)", result.stdout, re.MULTILINE)
    assert len(rows) == 9 * (min(len(cpus), 8) + 1)
    assert all(float(per_s) > 0 and float(ms) > 0 for _, per_s, ms in rows)
    (lanes,) = re.findall(r"^lanes: (\d)$", result.stdout, re.MULTILINE)
    assert 1 <= int(lanes) <= 8


def test_stopped_benchmark_leaves_nobody_behind() -> None:
    with subprocess.Popen(
        [str(BINARY), "--benchmark"], env=clean_environment(), stdout=subprocess.DEVNULL
    ) as process:
        below = eventually("measuring", lambda: children(process.pid))
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    eventually("gone", lambda: not alive(below))


def fallbacks(daemon: Daemon) -> dict[str, float]:
    metrics = daemon.metrics()
    name = 'bcryptd_engine_fallbacks_total{found_by="%s"}'
    return {kind: metrics[name % kind] for kind in ("start", "cross_check")}


def expect_fallback(daemon: Daemon, found_by: str) -> None:
    # The worker tells its state after its replies.
    eventually("fallback", lambda: daemon.status()["workers"][0]["engine"] == "libxcrypt")
    assert daemon.status()["workers"][0]["lanes"] == 1
    assert daemon.metrics()['bcryptd_engine_workers{engine="libxcrypt"}'] == 1
    (line,) = daemon.events("engine_fallback")
    assert line["bcryptd.found_by"] == found_by
    assert line["severity_text"] == "FATAL"


def test_fault_at_the_start_makes_the_worker_use_libxcrypt() -> None:
    requests = [(f"word {i}", 4) for i in range(10)]
    for place in range(5):
        with FaultyDaemon(place, 0) as daemon:
            daemon.start_ready()
            assert are_right(requests, hash_all(daemon, requests))
            assert fallbacks(daemon) == {"start": 1, "cross_check": 0}
            expect_fallback(daemon, "start")


def test_fault_while_it_runs_reaches_no_client() -> None:
    requests = [(f"word {i}", 4 + i % 2) for i in range(40)]
    for place in range(5):
        checked = {"BCRYPTD_CROSS_CHECK_EVERY": "1", "BCRYPTD_MIN_COST": "4"}
        with FaultyDaemon(place, START_HASHES + 7, **checked) as daemon:
            daemon.start_ready()
            assert daemon.status()["workers"][0]["engine"] == "lanes"
            assert are_right(requests, hash_all(daemon, requests))
            # A place that only many lanes use may need more of them.
            while fallbacks(daemon)["cross_check"] == 0:
                assert are_right(requests, hash_all(daemon, requests))
            assert fallbacks(daemon) == {"start": 0, "cross_check": 1}
            assert daemon.metrics()['bcryptd_cross_checks_total{result="different"}'] == 1
            expect_fallback(daemon, "cross_check")


def test_the_hook_for_faults_is_in_no_program_but_that_of_the_tests() -> None:
    name = b"BCRYPTD_TEST_FAULT"
    assert name in FAULTY.read_bytes()
    assert name not in Path(BINARY).read_bytes()
