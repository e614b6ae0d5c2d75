"""The password stays nowhere: no log, no file, no command line, no memory of an idle worker."""

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from support import fastcgi, marked, memory
from support.daemon import HOLD, SANITIZED, START_HASHES, Daemon, FaultyDaemon
from support.stack import Stack, children
from support.waiting import eventually

NEEDS_PTRACE = pytest.mark.skipif(
    not memory.may_read_others(), reason="the memory of others needs root with CAP_SYS_PTRACE"
)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def check_nowhere(stack: Stack, mark: str) -> None:
    marked.wait_until_idle(stack)
    forms = (mark.encode(), marked.as_escapes(mark))
    for form in forms:
        assert memory.files_with(stack.files(), form) == []
        assert memory.command_lines_with(form) == []
    assert len(stack.files()) >= 3
    for pid in [] if SANITIZED else stack.worker_pids():
        for form in (*forms, marked.as_key(mark)):
            assert memory.regions_with(pid, form) == []


def tell_unless_searched() -> None:
    if SANITIZED:
        pytest.skip("files are clean; memory is not searched: the sanitizer keeps what was freed")


QUICK_COST = {"BCRYPTD_COST": "9"}
Way = tuple[Callable[[Stack, str], None], dict[str, str]]
WAYS: dict[str, Way] = {
    "success": (marked.succeed, QUICK_COST),
    "errors": (marked.fail_in_every_way, QUICK_COST),
    "overload": (marked.be_refused_for_overload, {"BCRYPTD_COST": "11"}),
    "client leaves and worker dies": (partial(marked.leave_and_kill, kill=kill), HOLD),
}


@NEEDS_PTRACE
@pytest.mark.parametrize("engine", ["libxcrypt", "lanes"])
@pytest.mark.parametrize(("way", "settings"), WAYS.values(), ids=WAYS.keys())
def test_the_password_stays_nowhere(
    way: Callable[[Stack, str], None], settings: dict[str, str], engine: str
) -> None:
    mark = marked.new_mark()
    checked = {"BCRYPTD_ENGINE": engine, "BCRYPTD_CROSS_CHECK_EVERY": "2"}
    with Stack(**settings, **checked, BCRYPTD_LOG_LEVEL="debug") as own:
        way(own, mark)
        check_nowhere(own, mark)
        assert own.stop() == 0
        assert memory.files_with(own.files(), mark.encode()) == []
    tell_unless_searched()


@NEEDS_PTRACE
def test_the_password_stays_nowhere_after_a_client_limit() -> None:
    mark = marked.new_mark()
    limits = {"BCRYPTD_CLIENT_RATE": "1", "BCRYPTD_CLIENT_BURST": "5"}
    with Stack(client_limits="on", **limits) as own:
        statuses = [own.get(f"/gethash/{mark}/").status for _ in range(30)]
        assert 429 in statuses
        check_nowhere(own, mark)
    tell_unless_searched()


@NEEDS_PTRACE
@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_nginx_forgets_the_password_too(tls: bool) -> None:
    """Over HTTP/1.1; in HTTP/2 its receive buffer keeps the last bytes, as SECURITY.md says."""
    mark = marked.new_mark()
    with Stack() as own:
        assert own.get(f"/gethash/{mark}/", tls=tls).status == 200
        assert own.post("/v1/hash", {"password": mark}, tls=tls).status == 200
        workers = children(int((own.run_dir / "nginx.pid").read_text()))
        assert workers
        eventually(
            "nowhere in nginx",
            lambda: not any(memory.regions_with(pid, mark.encode()) for pid in workers),
        )


@NEEDS_PTRACE
@pytest.mark.skipif(SANITIZED, reason="the sanitizer's allocator keeps what was freed")
@pytest.mark.parametrize("engine", ["libxcrypt", "lanes"])
def test_the_search_finds_what_is_there(engine: str) -> None:
    """A worker that is busy has the password in memory; else the tests above say nothing."""
    mark = marked.new_mark()
    secret = mark.encode()
    with Daemon(**HOLD, BCRYPTD_WORKERS="1", BCRYPTD_ENGINE=engine) as daemon:
        daemon.start_ready()
        with fastcgi.connect(daemon.pool[0]) as connection:
            params = {"REQUEST_METHOD": "GET", "REQUEST_URI": f"/gethash/{mark}/"}
            connection.sendall(fastcgi.encode_request(params))
            eventually("busy", lambda: daemon.status()["workers"][0]["state"] == "busy")
            pid = daemon.worker_pids()[0]
            eventually("found", lambda: memory.regions_with(pid, secret))
            if engine == "lanes":
                eventually("key found", lambda: memory.regions_with(pid, marked.as_key(mark)))
            fastcgi.read_output(connection)
        eventually("idle", lambda: daemon.status()["workers"][0]["state"] == "idle")
        assert memory.regions_with(pid, secret) == []
        assert memory.regions_with(pid, marked.as_key(mark)) == []


@NEEDS_PTRACE
@pytest.mark.skipif(SANITIZED, reason="the sanitizer's allocator keeps what was freed")
def test_the_lanes_that_a_fallback_leaves_keep_nothing() -> None:
    mark = marked.new_mark()
    params = {"REQUEST_METHOD": "GET", "REQUEST_URI": f"/gethash/{mark}/"}
    with FaultyDaemon(0, START_HASHES, BCRYPTD_CROSS_CHECK_EVERY="1", BCRYPTD_COST="10") as daemon:
        daemon.start_ready()
        connections = [fastcgi.connect(daemon.pool[0]) for _ in range(5)]
        for connection in connections:
            connection.sendall(fastcgi.encode_request(params))
        for connection in connections:
            with connection:
                assert fastcgi.parse_reply(fastcgi.read_output(connection)).status == 200
        # The worker tells its state after its replies.
        eventually("fallback", lambda: daemon.status()["workers"][0]["engine"] == "libxcrypt")
        eventually("idle", lambda: daemon.status()["workers"][0]["state"] == "idle")
        for form in (mark.encode(), marked.as_key(mark)):
            assert memory.regions_with(daemon.worker_pids()[0], form) == []


def status_fields(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def test_workers_leave_no_core_and_are_not_dumpable() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        assert daemon.process is not None
        filters = int(status_fields(daemon.process.pid)["Seccomp_filters"])
        for pid in daemon.worker_pids():
            with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
                core = next(line for line in limits if line.startswith("Max core file size"))
            assert core.split()[4:6] == ["0", "0"]
            fields = status_fields(pid)
            assert fields["NoNewPrivs"] == "1"
            # One filter more than the master, which a container may have given one already.
            assert int(fields["Seccomp_filters"]) == filters + (0 if SANITIZED else 1)
            # A process that is not dumpable has root's files in /proc, whoever it runs as.
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0
