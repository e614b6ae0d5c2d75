"""Health, metrics and status, on the internal listener."""

import json
import subprocess

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support import fastcgi
from support.daemon import HOLD, Daemon
from support.stack import Stack
from support.waiting import eventually

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def test_health_endpoints(stack: Stack) -> None:
    live = stack.internal("/livez")
    assert (live.status, live.json()) == (200, {"status": "live"})
    ready = stack.internal("/readyz")
    assert (ready.status, ready.json()) == (200, {"status": "ready"})
    assert ready.headers["cache-control"] == "no-store"


def test_drained_machine_is_not_ready_and_serves_all_the_same() -> None:
    with Stack() as own:
        (own.run_dir / "drain").touch()
        drained = own.internal("/readyz")
        assert (drained.status, drained.json()["title"]) == (503, "Drained")
        assert own.internal("/livez").status == 200
        assert own.get("/gethash/hunter2/").status == 200
        (own.run_dir / "drain").unlink()
        assert own.internal("/readyz").status == 200


def test_nothing_else_is_on_the_internal_listener(stack: Stack) -> None:
    assert stack.internal("/gethash/hunter2/").status == 404
    assert stack.internal("/other").status == 404
    assert stack.internal("/nginx_status").body.startswith(b"Active connections")


def test_promtool_has_no_complaint_about_the_metrics(stack: Stack) -> None:
    stack.get("/gethash/hunter2/")
    answer = stack.internal("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=answer.body, capture_output=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_openmetrics_on_request(stack: Stack) -> None:
    answer = stack.internal("/metrics", OPENMETRICS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    text = answer.body.decode()
    assert text.endswith("# EOF\n")
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"bcryptd_requests", "bcryptd_queue_wait_seconds", "bcryptd_workers"} <= families


def test_requests_and_hashes_are_counted() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        for _ in range(3):
            fastcgi.get(daemon.pool[0], "/gethash/hunter2/")
        fastcgi.get(daemon.pool[0], "/gethash//")
        fastcgi.get(daemon.pool[0], "/nowhere")
        metrics = daemon.metrics()
        assert metrics['bcryptd_requests_total{route="gethash",code="200"}'] == 3
        assert metrics['bcryptd_requests_total{route="gethash",code="422"}'] == 1
        assert metrics['bcryptd_requests_total{route="other",code="404"}'] == 1
        assert metrics['bcryptd_hashes_submitted_total{engine="libxcrypt",cost="4"}'] == 3
        assert metrics['bcryptd_hashes_total{engine="libxcrypt",cost="4"}'] == 3
        assert metrics["bcryptd_hash_duration_seconds_count"] == 3
        assert metrics["bcryptd_request_duration_seconds_count"] == 5
        assert metrics["bcryptd_queue_wait_seconds_count"] == 5
        assert metrics["bcryptd_workers_max"] == 2
        assert metrics["bcryptd_lanes"] == 2
        assert metrics['bcryptd_option{name="deadline-ms",unit="ms"}'] == 1000


def test_listen_queue_is_asked_from_the_kernel() -> None:
    slow = {**HOLD, "BCRYPTD_WORKERS": "1", "BCRYPTD_BACKLOG": "77"}
    with Daemon(**slow) as daemon:
        daemon.start_ready()
        name = 'bcryptd_listen_queue_%s{socket="pool-1.sock"}'
        assert daemon.metrics()[name % "limit"] == 77
        assert daemon.metrics()[name % "depth"] == 0
        params = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/gethash/a/"}
        request = fastcgi.encode_request(params)
        connections = [fastcgi.connect(daemon.pool[0])]
        connections[0].sendall(request)
        eventually("computing", lambda: daemon.status()["workers"][0]["lanes_busy"] == 1)
        connections += [fastcgi.connect(daemon.pool[1]) for _ in range(3)]
        assert daemon.metrics()[name % "depth"] == 3
        rows = {row["socket"]: row for row in daemon.status()["sockets"]}
        assert rows["pool-1.sock"] == {"socket": "pool-1.sock", "depth": 3, "limit": 77}
        for connection in connections:
            connection.close()


def test_status_has_a_row_a_worker(stack: Stack) -> None:
    status = stack.status()
    assert status["workers_up"] == status["workers_max"] == 2
    assert [row["number"] for row in status["workers"]] == [1, 2]
    assert status["draining"] is False and status["version"]
    assert {row["state"] for row in status["workers"]} <= {"idle", "busy"}
    assert all(row["lanes"] == 1 and row["age_ms"] > 0 for row in status["workers"])


def test_status_socket_knows_its_routes_and_methods() -> None:
    with Daemon() as daemon:
        daemon.start_ready()
        params = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/metrics"}
        reply = fastcgi.request(daemon.status_socket, params)
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
        assert fastcgi.get(daemon.status_socket, "/").status == 200
        assert fastcgi.get(daemon.status_socket, "/page").status == 404
        assert fastcgi.get(daemon.status_socket, "/livez?verbose").status == 200
        assert json.loads(fastcgi.get(daemon.status_socket, "/readyz").body)["status"] == "ready"


def test_livez_answers_while_every_worker_is_busy() -> None:
    with Daemon(**HOLD) as daemon:
        daemon.start_ready()
        request = fastcgi.encode_request({"REQUEST_METHOD": "GET", "REQUEST_URI": "/gethash/a/"})
        connections = [fastcgi.connect(daemon.pool[0]) for _ in range(4)]
        for connection in connections:
            connection.sendall(request)
        busy = 'bcryptd_workers{state="busy"}'
        eventually("both busy", lambda: daemon.metrics()[busy] == 2)
        for path in ("/", "/livez", "/readyz", "/metrics", "/status"):
            assert fastcgi.get(daemon.status_socket, path).status == 200
        assert daemon.metrics()[busy] == 2, "finished too early for this test to say anything"
        for connection in connections:
            connection.close()
