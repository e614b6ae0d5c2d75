"""What one client waits beyond its hash."""

import socket
import ssl
import statistics
import subprocess
import time
from typing import Any

from bench.noise import rounds
from bench.report import spread
from bench.tools import PASSWORD_PATH, WORKER_NICE, Bench, stack_for
from support.service import unverified
from support.stack import Stack

COST = 10
LIMIT_MS = 2.0
REQUEST = f"GET {PASSWORD_PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def connect(stack: Stack) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", stack.https_port), timeout=30)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return unverified().wrap_socket(plain, server_hostname="localhost")


def request_ms(connection: ssl.SSLSocket) -> float:
    begin = time.perf_counter()
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"0\r\n\r\n"):
        part = connection.recv(16384)
        if not part:
            raise ConnectionError("closed without an answer")
        answer += part
    took = time.perf_counter() - begin
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(answer[:40].decode(errors="replace"))
    return took * 1000


def bare_ms(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline()) / 1e6


def run(bench: Bench) -> None:
    command = [bench.build / "bare", "--cost", COST, "--step", "--nice", WORKER_NICE]
    pairs = int(bench.pick(40, 10))
    with stack_for(COST) as stack, connect(stack) as connection:
        with subprocess.Popen(
            [str(x) for x in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:

            def one_round() -> dict[str, Any]:
                both = [(bare_ms(process), request_ms(connection)) for _ in range(pairs)]
                return {
                    "bare_ms": statistics.median(x for x, _ in both),
                    "request_ms": statistics.median(x for _, x in both),
                }

            one_round()
            done = rounds(bench.rounds(7), one_round, not bench.quick)
    bench.report.data["latency"] = [vars(r) for r in done]
    over = [r.values["request_ms"] - r.values["bare_ms"] for r in done]
    bench.report.add(
        "latency",
        f"one client, HTTPS keep-alive, cost {COST}: p50 of a request - p50 of the bare hash",
        f"≤ {LIMIT_MS:g} ms",
        f"{spread(over, 2, 'ms')}; hash {statistics.median(r.values['bare_ms'] for r in done):.1f} ms",
        statistics.median(over) <= LIMIT_MS,
    )
