"""More clients than capacity: quick refusals, no wasted hashes, and health checks that answer."""

import socket

from support.daemon import HOLD
from support.load import clients
from support.stack import Stack
from support.waiting import eventually

COST_11 = {"BCRYPTD_COST": "11"}


def hashes(stack: Stack, kind: str = "hashes_total") -> float:
    metrics = stack.metrics()
    return sum(value for name, value in metrics.items() if name.startswith(f"bcryptd_{kind}"))


def test_ten_times_the_clients_get_a_hash_or_a_quick_503() -> None:
    with Stack(**COST_11, BCRYPTD_DEADLINE_MS="10000") as own:
        with clients(own, 20, pause_s=0.05) as load:
            eventually("refusals", lambda: load.statuses()[503] > 50)
            eventually("hashes", lambda: load.statuses()[200] > 20)
            for path in ("/livez", "/readyz", "/metrics"):
                assert own.internal(path).status == 200
        assert set(load.statuses()) == {200, 503}
        for answer in load.answers:
            if answer.status == 503:
                assert answer.headers["retry-after"] == "1"
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["type"] == "/problems/overloaded"
        # Nothing was computed but what was answered.
        assert hashes(own) == load.statuses()[200]
        assert hashes(own, "hashes_submitted_total") == load.statuses()[200]


def test_one_client_is_limited_by_429_and_the_others_are_not() -> None:
    settings = {"BCRYPTD_CLIENT_RATE": "1", "BCRYPTD_CLIENT_BURST": "5"}
    with Stack(client_limits="on", **settings) as own:
        answers = [own.get("/gethash/hunter2/", tls=False) for _ in range(30)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert {answer.status for answer in answers} == {200, 429}
        for answer in refused:
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"] == "/problems/rate-limited"
        # Another address has a limit of its own.
        with socket.create_connection(
            ("127.0.0.1", own.http_port), source_address=("127.0.0.2", 0)
        ) as other:
            other.sendall(b"GET /gethash/a/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert other.recv(65536).startswith(b"HTTP/1.1 200 ")
        # Routes that cost nothing are not limited.
        assert own.get("/nowhere", tls=False).status == 404


def test_the_per_client_number_of_requests_is_limited() -> None:
    settings = {**HOLD, "BCRYPTD_CLIENT_CONNECTIONS": "1", "BCRYPTD_WORKERS": "4"}
    with Stack(client_limits="on", **settings) as own:
        with socket.create_connection(("127.0.0.1", own.http_port)) as first:
            first.sendall(b"GET /gethash/a/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            eventually("busy", lambda: any(x["lanes_busy"] for x in own.status()["workers"]))
            # From the same address: "localhost" may be another one, and so another client.
            with socket.create_connection(("127.0.0.1", own.http_port)) as second:
                second.sendall(b"GET /gethash/b/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert second.recv(65536).startswith(b"HTTP/1.1 429 ")
            assert first.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_leaves_its_place_in_the_queue_is_not_computed() -> None:
    with Stack(**HOLD, BCRYPTD_WORKERS="1") as own:
        request = b"GET /gethash/a/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        address = ("127.0.0.1", own.http_port)
        with socket.create_connection(address) as first:
            first.sendall(request)
            eventually("busy", lambda: own.status()["workers"][0]["lanes_busy"])
            with socket.create_connection(address) as second:
                second.sendall(request)
                eventually("one waits", lambda: sum(q["depth"] for q in own.status()["sockets"]))
            assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
        gone = 'bcryptd_shed_total{reason="client_gone"}'
        eventually("dropped", lambda: own.metrics()[gone] == 1)
        assert hashes(own, "hashes_submitted_total") == 1


def test_a_stopped_bcryptd_is_a_503_and_not_an_error_page(stack: Stack) -> None:
    with Stack() as own:
        for path in own.run_dir.glob("sockets/pool-*.sock"):
            path.unlink()
        answer = own.get("/gethash/hunter2/")
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == "/problems/overloaded"
        assert own.internal("/livez").status == 200
