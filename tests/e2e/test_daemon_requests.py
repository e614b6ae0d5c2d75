"""What bcryptd does with FastCGI requests of every kind; without nginx in front."""

import json
import struct
import time

import pytest

from support import fastcgi
from support.daemon import HOLD, Daemon
from support.waiting import eventually

ALONE = {"BCRYPTD_WORKERS": "1", "BCRYPTD_READ_TIMEOUT_MS": "30000"}
SLOW = {**HOLD, "BCRYPTD_WORKERS": "1"}
SHED = "bcryptd_shed_total"


def start_time(age_s: float = 0.0) -> str:
    return f"{time.time() - age_s:.3f}"


def shed(daemon: Daemon, reason: str) -> float:
    return daemon.metrics()[f'{SHED}{{reason="{reason}"}}']


def serves(daemon: Daemon) -> bool:
    return fastcgi.get(daemon.pool[0], "/gethash/a").status == 200


def test_a_request_past_its_deadline_is_shed_without_a_hash() -> None:
    with Daemon(BCRYPTD_DEADLINE_MS="1000") as daemon:
        daemon.start_ready()
        reply = fastcgi.get(
            daemon.pool[0], "/gethash/a/", REQUEST_START=start_time(2.0), REQUEST_ID="deadline1"
        )
        assert reply.status == 503
        assert reply.headers["retry-after"] == "1"
        problem = json.loads(reply.body)
        assert problem["type"] == "/problems/overloaded"
        assert problem["request_id"] == "deadline1"
        assert shed(daemon, "deadline") == 1
        assert daemon.metrics()['bcryptd_hashes_submitted_total{engine="libxcrypt",cost="4"}'] == 0
        line = daemon.events("shed")[0]
        assert (line["bcryptd.reason"], line["bcryptd.request_id"], line["severity_text"]) == (
            "deadline",
            "deadline1",
            "WARN",
        )
        assert line["bcryptd.wait_ms"] >= 1990


def test_the_expected_hash_time_counts_against_the_deadline() -> None:
    """At cost 20 a hash takes longer than any wait of this test."""
    with Daemon(BCRYPTD_COST="20", BCRYPTD_MAX_COST="20", BCRYPTD_DEADLINE_MS="2000") as daemon:
        daemon.start_ready()
        reply = fastcgi.get(daemon.pool[0], "/gethash/a/", REQUEST_START=start_time(0.5))
        assert reply.status == 503
        assert shed(daemon, "deadline") == 1


def test_a_request_that_did_not_wait_is_served_even_above_the_deadline() -> None:
    with Daemon(BCRYPTD_COST="12", BCRYPTD_DEADLINE_MS="10", BCRYPTD_QUEUE_TARGET_MS="1000") as x:
        x.start_ready()
        assert fastcgi.get(x.pool[0], "/gethash/a/", REQUEST_START=start_time()).status == 200


def test_the_allowed_wait_shrinks_under_a_standing_queue_and_recovers() -> None:
    settings = {"BCRYPTD_QUEUE_TARGET_MS": "5", "BCRYPTD_QUEUE_INTERVAL_MS": "10"}
    with Daemon(**ALONE, **settings, BCRYPTD_DEADLINE_MS="1500") as daemon:
        daemon.start_ready()

        def ask(age_s: float) -> int:
            start = start_time(age_s)
            return fastcgi.get(daemon.pool[0], "/gethash/a/", REQUEST_START=start).status

        params: dict[str, bytes | str] = {
            "REQUEST_METHOD": "GET",
            "REQUEST_URI": "/gethash/a/",
            "REQUEST_START": start_time(0.5),
        }
        assert ask(0.5) == 200
        queue = []
        for _ in range(100):
            queue.append(fastcgi.connect(daemon.pool[0]))
            queue[-1].sendall(fastcgi.encode_request(params))
        replies = [fastcgi.parse_reply(fastcgi.read_output(x)).status for x in queue]
        for connection in queue:
            connection.close()
        assert replies[0] == 200 and replies[-1] == 503
        assert shed(daemon, "queue") > 0
        assert daemon.events("shed")[0]["bcryptd.reason"] == "queue"
        assert ask(0.0) == 200
        assert ask(0.5) == 200


def test_a_request_whose_client_has_gone_is_not_computed() -> None:
    with Daemon(**SLOW) as daemon:
        daemon.start_ready()
        first = fastcgi.connect(daemon.pool[0])
        request = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/gethash/a/"}
        first.sendall(fastcgi.encode_request(request))
        eventually("busy", lambda: daemon.status()["workers"][0]["state"] == "busy")
        for _ in range(5):
            with fastcgi.connect(daemon.pool[1]) as left:
                left.sendall(fastcgi.encode_request(request))
        with first:
            assert fastcgi.parse_reply(fastcgi.read_output(first)).status == 200
        eventually("five dropped", lambda: shed(daemon, "client_gone") == 5)
        metrics = daemon.metrics()
        assert metrics['bcryptd_hashes_total{engine="libxcrypt",cost="15"}'] == 1
        assert metrics['bcryptd_requests_total{route="gethash",code="499"}'] == 5
        assert len(daemon.events("shed")) == 1


@pytest.mark.parametrize("start", ["", "x", "12", "12.", "9999999999.000", "-5.000", "1e5.000"])
def test_a_broken_start_time_counts_as_no_wait(start: str) -> None:
    with Daemon(**ALONE) as daemon:
        daemon.start_ready()
        assert fastcgi.get(daemon.pool[0], "/gethash/a/", REQUEST_START=start).status == 200


BROKEN = {
    "nothing": b"",
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "zeros": bytes(4096),
    "other version": b"\x02" + fastcgi.encode_request({"REQUEST_METHOD": "GET"})[1:],
    "half a header": b"\x01\x01\x00",
    "params without begin": fastcgi.stream(fastcgi.PARAMS, b""),
    "huge length": fastcgi.record(1, struct.pack(">HB5x", 1, 0))
    + fastcgi.record(fastcgi.PARAMS, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    "authorizer without params": fastcgi.record(1, struct.pack(">HB5x", 9, 0)),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_broken_bytes_on_the_socket_cost_one_connection(data: bytes) -> None:
    with Daemon(**ALONE) as daemon:
        daemon.start_ready()
        with fastcgi.connect(daemon.pool[0]) as connection:
            connection.sendall(data)
            connection.shutdown(1)
            assert connection.recv(1) == b""
        assert serves(daemon)
        assert not daemon.events("child_exit")
        assert daemon.metrics()['bcryptd_fcgi_errors_total{reason="protocol"}'] == 1
        assert daemon.events("fcgi_error")[0]["bcryptd.reason"] == "protocol"


def test_a_silent_connection_is_given_up_after_the_read_timeout() -> None:
    with Daemon(BCRYPTD_WORKERS="1", BCRYPTD_READ_TIMEOUT_MS="100") as daemon:
        daemon.start_ready()
        with fastcgi.connect(daemon.pool[0]) as silent:
            assert silent.recv(1) == b""
        assert serves(daemon)
        assert daemon.metrics()['bcryptd_fcgi_errors_total{reason="timeout"}'] == 1


def test_a_kept_connection_is_not_kept() -> None:
    """FCGI_KEEP_CONN would pin the worker to its peer."""
    with Daemon(**ALONE) as daemon:
        daemon.start_ready()
        with fastcgi.connect(daemon.pool[0]) as connection:
            params = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/gethash/a/"}
            data = bytearray(fastcgi.encode_request(params))
            data[10] = 1
            connection.sendall(bytes(data))
            assert fastcgi.parse_reply(fastcgi.read_output(connection)).status == 200
            assert connection.recv(1) == b""
        assert serves(daemon)


def test_the_gethash_route_can_be_turned_off() -> None:
    with Daemon(BCRYPTD_GETHASH="off") as daemon:
        daemon.start_ready()
        assert fastcgi.get(daemon.pool[0], "/gethash/a/").status == 404
        params = {
            "REQUEST_METHOD": "POST",
            "REQUEST_URI": "/v1/hash",
            "CONTENT_TYPE": "application/json",
        }
        reply = fastcgi.request(daemon.pool[0], params, b'{"password": "a"}')
        assert reply.status == 200


def test_debug_logs_each_request_by_its_id_and_route() -> None:
    with Daemon(BCRYPTD_LOG_LEVEL="debug") as daemon:
        daemon.start_ready()
        fastcgi.get(daemon.pool[0], "/gethash/a/", REQUEST_ID="0123456789abcdef")
        fastcgi.get(daemon.pool[0], "/gethash/a/", REQUEST_ID='forged"} {"id')
        lines = eventually("two lines", lambda: len(x := daemon.events("request")) == 2 and x)
        assert [line["bcryptd.request_id"] for line in lines] == ["0123456789abcdef", "-"]
        assert {(line["bcryptd.route"], line["bcryptd.status"]) for line in lines} == {
            ("gethash", 200)
        }
