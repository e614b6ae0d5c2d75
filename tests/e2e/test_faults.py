"""Workers die, hang and are stopped under load, and no client notices."""

import os
import random
import signal
import socket

from support.load import clients, repeat_every
from support.stack import Stack, alive, children
from support.waiting import eventually


def exits(stack: Stack, reason: str) -> float:
    return stack.metrics()[f'bcryptd_worker_exits_total{{reason="{reason}"}}']


def test_a_worker_killed_every_200_ms_costs_no_client_anything() -> None:
    with Stack(BCRYPTD_COST="8") as own:
        chooser = random.Random(1)

        def kill_one() -> None:
            try:
                os.kill(chooser.choice(own.worker_pids()), signal.SIGKILL)
            except ProcessLookupError:
                pass

        with clients(own, 2) as load:
            repeat_every(0.2, 15, kill_one)
        assert exits(own, "signal") >= 10
        assert set(load.statuses()) == {200}, load.errors
        assert load.statuses()[200] > 20
        eventually("two workers", lambda: own.status()["workers_up"] == 2)


def test_a_worker_that_hangs_under_a_request_is_replaced_and_the_request_repeated() -> None:
    patient = {"BCRYPTD_COST": "11", "BCRYPTD_DEADLINE_MS": "60000"}
    with Stack(**patient, BCRYPTD_WORKER_TIMEOUT_MS="1000") as own:
        with clients(own, 1) as load:
            busy = eventually(
                "busy", lambda: [x["pid"] for x in own.status()["workers"] if x["lanes_busy"]]
            )
            os.kill(busy[0], signal.SIGSTOP)
            # Stopped between two requests it would only be idle.
            eventually(
                "replaced", lambda: exits(own, "timeout") == 1 or not stopped_busy(own, busy[0])
            )
            eventually("another answer", lambda: len(load.answers) > 2)
        assert set(load.statuses()) == {200}, load.errors


def stopped_busy(stack: Stack, pid: int) -> bool:
    return any(x["pid"] == pid and x["state"] == "busy" for x in stack.status()["workers"])


def test_stopping_the_whole_service_finishes_what_was_accepted() -> None:
    with Stack(BCRYPTD_COST="13", BCRYPTD_DEADLINE_MS="60000") as own:
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
    with Stack(BCRYPTD_COST="11", BCRYPTD_WORKERS="1", BCRYPTD_DEADLINE_MS="60000") as own:
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
