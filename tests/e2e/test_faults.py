"""Workers die, hang and are stopped under load, and no client notices."""

import os
import random
import signal
import socket

import pytest

from support.daemon import HOLD
from support.load import clients
from support.stack import Stack, alive, children
from support.waiting import eventually


def exits(stack: Stack, reason: str) -> float:
    return stack.metrics()[f'bcryptd_worker_exits_total{{reason="{reason}"}}']


def serving_pids(stack: Stack) -> list[int]:
    """The workers, once all of them are up: one that starts would be restarted with a delay."""
    rows = stack.status()["workers"]
    pids = [row["pid"] for row in rows if row["state"] in ("idle", "busy")]
    return pids if len(pids) == len(rows) else []


@pytest.mark.parametrize(("engine", "count"), [("libxcrypt", 2), ("lanes", 8)])
def test_workers_that_are_killed_again_and_again_cost_no_client_anything(
    engine: str, count: int
) -> None:
    kills = 15
    settings = {"BCRYPTD_ENGINE": engine, "BCRYPTD_LANES": "4"}
    with Stack(**settings, BCRYPTD_COST="8", BCRYPTD_DEADLINE_MS="60000") as own:
        chooser = random.Random(1)
        with clients(own, count) as load:
            for number in range(1, kills + 1):
                seen = len(load.answers)
                pids = eventually("all workers up", lambda: serving_pids(own))
                os.kill(chooser.choice(pids), signal.SIGKILL)
                eventually("its end noticed", lambda: exits(own, "signal") == number)
                # What was repeated is answered by then: a second time would be one too many.
                eventually("more answers", lambda: len(load.answers) > seen + 3 * count)
        assert exits(own, "signal") == kills
        assert set(load.statuses()) == {200}, load.errors


def test_a_worker_that_hangs_under_a_request_is_replaced_and_the_request_repeated() -> None:
    patient = {**HOLD, "BCRYPTD_WORKER_TIMEOUT_MS": "15000"}
    with Stack(**patient) as own:
        with clients(own, 1, requests_each=1) as load:
            busy = eventually(
                "busy", lambda: [x["pid"] for x in own.status()["workers"] if x["lanes_busy"]]
            )
            os.kill(busy[0], signal.SIGSTOP)
            eventually("replaced", lambda: exits(own, "timeout") == 1)
            eventually("an answer", lambda: load.answers or load.errors)
        assert load.statuses() == {200: 1}, load.errors
        log = own.run_dir / "access.log"
        eventually("repeated", lambda: '"bcryptd.upstream.status":"502 : 200"' in log.read_text())


def test_stopping_the_whole_service_finishes_what_was_accepted() -> None:
    with Stack(**HOLD) as own:
        with clients(own, 2, requests_each=1) as load:
            eventually("both busy", lambda: all(x["lanes_busy"] for x in own.status()["workers"]))
            pids = own.pids()
            assert own.stop() == 0
            eventually("both answered", lambda: len(load.answers) + len(load.errors) == 2)
        assert load.statuses() == {200: 2}, load.errors
        assert alive(pids) == []
        assert not list(own.run_dir.rglob("*.sock"))


def test_a_killed_nginx_worker_leaves_no_request_counted() -> None:
    """What it had in flight must not hold the cap for ever."""
    request = b"GET /gethash/hunter2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Stack(**HOLD, BCRYPTD_WORKERS="1") as own:
        master = int((own.run_dir / "nginx.pid").read_text())
        for _ in range(4):
            address = ("127.0.0.1", own.http_port)
            connections = [socket.create_connection(address) for _ in range(2)]
            for connection in connections:
                connection.sendall(request)
            eventually("busy", lambda: own.status()["workers"][0]["lanes_busy"])
            killed = children(master)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            for connection in connections:
                connection.close()
            eventually("another one", lambda: set(children(master)) - set(killed))
        eventually("idle", lambda: own.status()["workers"][0]["state"] == "idle")
        assert own.get("/gethash/hunter2/").status == 200


def test_a_reload_of_nginx_loses_no_request() -> None:
    with Stack(BCRYPTD_COST="8") as own:
        master = int((own.run_dir / "nginx.pid").read_text())
        with clients(own, 2) as load:
            for _ in range(3):
                seen = len(load.answers)
                os.kill(master, signal.SIGHUP)
                eventually("answers go on", lambda: len(load.answers) > seen + 10)
        assert set(load.statuses()) == {200}, load.errors
