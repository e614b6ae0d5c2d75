"""bcryptd's processes: start, readiness, restarts, stop; without nginx in front."""

import json
import os
import select
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from support import fastcgi
from support.daemon import BINARY, HOLD, ActivatedDaemon, Daemon, clean_environment
from support.stack import alive
from support.waiting import eventually

SLOW = {"BCRYPTD_COST": "14", "BCRYPTD_DEADLINE_MS": "60000"}


def refuses(path: Path) -> bool:
    try:
        fastcgi.connect(path).close()
    except ConnectionRefusedError:
        return True
    return False


def answers(daemon: Daemon) -> bool:
    try:
        return fastcgi.get(daemon.status_socket, "/readyz").status == 200
    except OSError:
        return False


def hash_ok(daemon: Daemon) -> bool:
    return fastcgi.get(daemon.pool[0], "/gethash/hunter2/").status == 200


def send(daemon: Daemon, uri: str = "/gethash/hunter2/", pool: int = 0) -> socket.socket:
    """A request on its way; the caller reads the answer."""
    connection = fastcgi.connect(daemon.pool[pool])
    connection.sendall(fastcgi.encode_request({"REQUEST_METHOD": "GET", "REQUEST_URI": uri}))
    return connection


def receive(connection: socket.socket) -> fastcgi.Reply:
    with connection:
        return fastcgi.parse_reply(fastcgi.read_output(connection))


def busy_pids(daemon: Daemon) -> list[int]:
    return [row["pid"] for row in daemon.status()["workers"] if row["state"] == "busy"]


def test_starts_serves_and_leaves_nothing_behind() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        assert [path.name for path in daemon.pool] == ["pool-0.sock", "pool-1.sock"]
        assert all(path.stat().st_mode & 0o777 == 0o660 for path in daemon.pool)
        assert all(fastcgi.get(path, "/gethash/a/").status == 200 for path in daemon.pool)
        pids = daemon.worker_pids()
        assert len(pids) == 2
        assert daemon.stop() == 0
        assert not list(daemon.directory.glob("*.sock"))
        assert alive(pids) == []
        assert [line["bcryptd.reason"] for line in daemon.events("child_exit")] == ["stopped"] * 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_every_stop_signal_stops(number: int) -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        daemon.signal(number)
        assert daemon.wait() == 0


def test_a_stale_socket_file_is_replaced_and_a_served_one_is_not() -> None:
    with Daemon() as first:
        first.start_ready()
        with Daemon(BCRYPTD_SOCKET_DIR=str(first.directory)) as second:
            second.start()
            assert second.wait() == 1
            assert "another process serves this socket" in second.log_path.read_text()
        assert hash_ok(first)
        pids = first.worker_pids()
        first.signal(signal.SIGKILL)
        first.wait()
        eventually("workers gone", lambda: not alive(pids))
        eventually("status process gone", lambda: refuses(first.status_socket))
        assert first.pool
        first.log_path.unlink()
        first.start_ready()
        assert hash_ok(first)


def test_workers_end_when_the_master_is_killed() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        pids = daemon.worker_pids()
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        eventually("workers gone", lambda: not alive(pids))


def test_stop_finishes_what_was_accepted_and_what_waits() -> None:
    """Own sockets go away with the process, so their queue is emptied first."""
    with Daemon(**SLOW, BCRYPTD_WORKERS="1", BCRYPTD_STOP_TIMEOUT_MS="60000") as daemon:
        daemon.start_ready()
        connections = [send(daemon, pool=i % 2) for i in range(3)]
        eventually("one request computed", lambda: busy_pids(daemon))
        daemon.signal()
        replies = [receive(connection) for connection in connections]
        assert [reply.status for reply in replies] == [200, 200, 200]
        assert daemon.wait() == 0


def test_stop_is_bounded() -> None:
    slow = {"BCRYPTD_COST": "20", "BCRYPTD_MAX_COST": "20", "BCRYPTD_WORKER_TIMEOUT_MS": "600000"}
    with Daemon(**slow, BCRYPTD_STOP_TIMEOUT_MS="200") as daemon:
        daemon.start_ready()
        with send(daemon):
            eventually("busy", lambda: busy_pids(daemon))
            assert daemon.stop() == 0
        assert daemon.events("stop_timeout")[0]["bcryptd.limit_ms"] == 200


def test_readiness_ends_before_the_service_does() -> None:
    with Daemon(**{**HOLD, "BCRYPTD_WORKERS": "1"}) as daemon:
        daemon.start_ready()
        assert fastcgi.get(daemon.status_socket, "/readyz").status == 200
        connection = send(daemon)
        eventually("busy", lambda: busy_pids(daemon))
        daemon.signal()
        eventually("draining", lambda: daemon.events("stopping"))
        reply = fastcgi.get(daemon.status_socket, "/readyz")
        assert (reply.status, json.loads(reply.body)) == (503, {"status": "draining"})
        assert fastcgi.get(daemon.status_socket, "/livez").status == 200
        assert receive(connection).status == 200
        assert daemon.wait() == 0


def test_a_killed_worker_is_replaced_at_once() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        victim = daemon.worker_pids()[0]
        os.kill(victim, signal.SIGKILL)
        gone = eventually("exit logged", lambda: daemon.events("child_exit"))[0]
        assert (gone["bcryptd.reason"], gone["bcryptd.signal"], gone["bcryptd.child_pid"]) == (
            "signal",
            9,
            victim,
        )
        assert gone["bcryptd.restart_in_ms"] == 0 and gone["bcryptd.age_ms"] >= 0
        eventually("two workers", lambda: daemon.status()["workers_up"] == 2)
        assert victim not in daemon.worker_pids()
        assert daemon.metrics()['bcryptd_worker_exits_total{reason="signal"}'] == 1


def test_a_killed_status_process_is_replaced() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        assert daemon.process is not None
        children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
        status = [int(p) for p in children.read_text().split()]
        status = [pid for pid in status if pid not in daemon.worker_pids()]
        os.kill(status[0], signal.SIGKILL)
        eventually("exit logged", lambda: daemon.events("child_exit"))
        assert fastcgi.get(daemon.status_socket, "/livez").status == 200


def test_counts_survive_the_process_that_counted() -> None:
    with Daemon(BCRYPTD_WORKERS="1") as daemon:
        daemon.start_ready()
        assert hash_ok(daemon)
        os.kill(daemon.worker_pids()[0], signal.SIGKILL)
        eventually("exit logged", lambda: daemon.events("child_exit"))
        assert hash_ok(daemon)
        assert daemon.metrics()['bcryptd_requests_total{route="gethash",code="200"}'] == 2


def test_a_busy_worker_that_hangs_is_killed_and_an_idle_one_is_not() -> None:
    slow = {"BCRYPTD_COST": "14", "BCRYPTD_DEADLINE_MS": "60000"}
    with Daemon(**slow, BCRYPTD_WORKER_TIMEOUT_MS="3000") as daemon:
        daemon.start_ready()
        with send(daemon) as connection:
            victim = eventually("busy", lambda: busy_pids(daemon))[0]
            idle = [pid for pid in daemon.worker_pids() if pid != victim]
            os.kill(victim, signal.SIGSTOP)
            hung = eventually("hung", lambda: daemon.events("child_hung"))[0]
            assert hung["bcryptd.child_pid"] == victim
            with pytest.raises(ConnectionError):
                fastcgi.read_output(connection)
        gone = eventually("exit logged", lambda: daemon.events("child_exit"))
        assert [line["bcryptd.reason"] for line in gone] == ["timeout"]
        eventually("two workers", lambda: daemon.status()["workers_up"] == 2)
        assert idle[0] in daemon.worker_pids()


def build_fault(directory: Path, source: str) -> Path:
    """A library that takes the place of a function of the program's libraries."""
    library = directory / "fault.so"
    (directory / "fault.c").write_text(source)
    command = ["cc", "-shared", "-fPIC", "-o", str(library), str(directory / "fault.c")]
    subprocess.run(command, check=True)
    return library


BROKEN_CRYPT = """
char *crypt_rn(const char *phrase, const char *setting, void *data, int size);
char *crypt_rn(const char *phrase, const char *setting, void *data, int size) {
    (void)phrase, (void)setting, (void)data, (void)size;
    return 0;
}
"""


def test_a_crash_at_start_does_not_become_a_fork_storm(tmp_path: Path) -> None:
    settings = {
        "LD_PRELOAD": str(build_fault(tmp_path, BROKEN_CRYPT)),
        "ASAN_OPTIONS": "verify_asan_link_order=0",
        "BCRYPTD_WORKERS": "1",
        "BCRYPTD_RESTART_DELAY_MS": "100",
        "BCRYPTD_RESTART_DELAY_MAX_MS": "800",
    }
    with Daemon(**settings) as daemon:
        daemon.start()

        def failures() -> list[int]:
            exits = daemon.events("child_exit")
            return [
                x["bcryptd.restart_in_ms"] for x in exits if x["bcryptd.reason"] == "start_failed"
            ]

        eventually("five failures", lambda: len(failures()) >= 5)
        assert failures()[:5] == [100, 200, 400, 800, 800]
        assert fastcgi.get(daemon.status_socket, "/livez").status == 200
        reply = fastcgi.get(daemon.status_socket, "/readyz")
        assert (reply.status, json.loads(reply.body)["status"]) == (503, "no worker is up")
        assert not daemon.is_ready()
        assert daemon.stop() == 0


def test_workers_are_recycled_by_request_count_with_jitter() -> None:
    settings = {"BCRYPTD_MAX_REQUESTS": "10", "BCRYPTD_MAX_REQUESTS_JITTER": "50"}
    with Daemon(**settings, BCRYPTD_WORKERS="1") as daemon:
        daemon.start_ready()
        assert all(hash_ok(daemon) for _ in range(60))
        eventually("recycled", lambda: len(daemon.events("child_exit")) >= 6)
        exits = daemon.events("child_exit")
        assert {line["bcryptd.reason"] for line in exits} == {"recycled"}
        assert len(exits) <= 12


def test_notifies_systemd_of_ready_status_stopping_and_watchdog(tmp_path: Path) -> None:
    path = f"{tmp_path}/notify" if len(str(tmp_path)) < 90 else "/tmp/bcryptd-notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.settimeout(30)
        notify.bind(path)
        with Daemon(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000") as daemon:
            daemon.start_ready()
            messages = ""
            while messages.count("WATCHDOG=1") < 3:
                messages += notify.recv(4096).decode() + "\n"
            assert "READY=1" in messages
            assert "STATUS=2 of 2 workers up, in-flight cap 3" in messages
            assert daemon.stop() == 0
            notify.setblocking(False)
            try:
                while True:
                    messages += notify.recv(4096).decode() + "\n"
            except BlockingIOError:
                pass
            assert "STOPPING=1" in messages


def test_sockets_from_systemd_outlive_a_restart() -> None:
    """Requests that wait while the service is away are served by its next start."""
    with ActivatedDaemon(**SLOW) as daemon:
        daemon.start_ready()
        assert hash_ok(daemon)
        assert daemon.stop() == 0
        assert len(daemon.pool) == 2
        waiting = send(daemon)
        daemon.log_path.unlink()
        daemon.start_ready()
        assert receive(waiting).status == 200


def test_a_stop_leaves_the_queue_of_systemds_sockets_to_the_next_start() -> None:
    with ActivatedDaemon(**SLOW, BCRYPTD_WORKERS="1") as daemon:
        daemon.start_ready()
        connections = [send(daemon) for _ in range(4)]
        eventually("busy", lambda: busy_pids(daemon))
        assert daemon.stop() == 0
        assert receive(connections[0]).status == 200
        assert len(daemon.events("ready")) == 1
        daemon.start()
        assert [receive(connection).status for connection in connections[1:]] == [200] * 3


def test_a_stop_is_noticed_by_workers_that_never_wait() -> None:
    """A queue that never runs empty must not keep the service from stopping."""
    settings = {"BCRYPTD_COST": "9", "BCRYPTD_WORKERS": "1", "BCRYPTD_DEADLINE_MS": "60000"}
    with ActivatedDaemon(**settings) as daemon:
        daemon.start_ready()
        connections = [send(daemon, pool=i % 2) for i in range(200)]
        eventually("busy", lambda: busy_pids(daemon))
        assert daemon.stop() == 0
        served = daemon.events("stop_timeout"), daemon.events("child_exit")
        assert served[0] == [] and {line["bcryptd.reason"] for line in served[1]} == {"stopped"}
        readable, _, _ = select.select(connections, [], [], 0)
        assert len(readable) < len(connections)
        for connection in connections:
            connection.close()


def test_orphans_do_not_go_on_serving() -> None:
    """Nobody closes the sockets of a master that was killed; a full queue must not feed them."""
    settings = {"BCRYPTD_COST": "9", "BCRYPTD_WORKERS": "1", "BCRYPTD_DEADLINE_MS": "60000"}
    with Daemon(**settings) as daemon:
        daemon.start_ready()
        pids = daemon.worker_pids()
        connections = [send(daemon, pool=i % 2) for i in range(200)]
        eventually("busy", lambda: busy_pids(daemon))
        daemon.signal(signal.SIGKILL)
        daemon.wait()
        eventually("worker gone", lambda: not alive(pids))
        answered = 0
        for connection in connections:
            with connection:
                try:
                    fastcgi.read_output(connection)
                    answered += 1
                except ConnectionError:
                    pass
        assert 0 < answered < len(connections)


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    reader, writer = os.pipe()
    with Daemon(BCRYPTD_LOG_LEVEL="debug") as daemon:
        daemon.process = subprocess.Popen(
            [str(BINARY)], env={**clean_environment(), **daemon.settings}, stderr=writer
        )
        os.close(writer)
        eventually("ready", lambda: answers(daemon))
        for _ in range(600):
            assert hash_ok(daemon)
        assert daemon.stop() == 0
    os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_a_stop_refuses_new_connections_though_the_files_cannot_be_removed() -> None:
    """The directory is root's; bcryptd is not root any more."""
    slow = {**HOLD, "BCRYPTD_WORKERS": "1"}
    with Daemon(**slow, BCRYPTD_USER="nobody") as daemon:
        daemon.start_ready()
        connection = send(daemon)
        eventually("busy", lambda: busy_pids(daemon))
        daemon.signal()
        eventually("refuses", lambda: refuses(daemon.pool[0]))
        assert receive(connection).status == 200
        assert daemon.wait() == 0
        assert not daemon.events("stop_timeout")


def test_any_worker_serves_any_socket() -> None:
    with Daemon(**HOLD, BCRYPTD_POOL_SIZE="3") as daemon:
        daemon.start_ready()
        connections = [send(daemon, pool=2), send(daemon, pool=2)]
        eventually("both workers busy", lambda: len(busy_pids(daemon)) == 2)
        assert [receive(connection).status for connection in connections] == [200, 200]


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **settings}
    return subprocess.run(
        [str(BINARY), *arguments], capture_output=True, text=True, env=environment, timeout=30
    )


def test_a_bad_setting_is_refused_with_its_name_value_and_range() -> None:
    result = run("--test-config", "--cost", "40")
    assert result.returncode == 1
    assert result.stderr == (
        "bcryptd: --cost: '40' is not usable; allowed: a whole number from 4 to 31 (log2 rounds)\n"
    )
    result = run("--test-config", BCRYPTD_WORKERS="many")
    assert result.returncode == 1 and "BCRYPTD_WORKERS: 'many'" in result.stderr
    result = run("--bogus")
    assert result.returncode == 1 and "unknown argument '--bogus'" in result.stderr


def test_actions_answer_without_serving() -> None:
    assert run("--test-config").stdout == "configuration ok\n"
    assert run("--version").stdout.startswith("bcryptd ")
    assert "--deadline-ms" in run("--help").stdout
    assert run("--print-cap", "--workers=4").stdout == "6\n"
