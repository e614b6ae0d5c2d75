"""The private memory of a worker that has served requests of every route."""

import json
import threading
from pathlib import Path

from bench.tools import Bench, cpus, stack_for
from support.stack import Stack

LIMIT_KIB = 2048
TYPE = {"Content-Type": "application/json"}
VERIFY = {
    "password": "hunter2",
    "hash": "$2b$04$abcdefghijklmnopqrstuuVoqjQEHJVjSRsHuQAHFhHOKVTlbJDnG",
}
REQUESTS: list[tuple[str, str, str | None]] = [
    ("GET", "/gethash/correct%20horse/", None),
    ("GET", "/gethash/" + "%C3%A4" * 36, None),
    ("GET", "/gethash/" + "a" * 73, None),  # 422
    ("POST", "/v1/hash", json.dumps({"password": "ä" * 36})),
    ("POST", "/v1/hash", json.dumps({"password": "a" * 3000})),  # 422
    ("POST", "/v1/hash", '{"password": '),  # 400
    ("POST", "/v1/verify", json.dumps(VERIFY)),
    ("PUT", "/v1/verify", "{}"),  # 405
]


def private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    wanted = ("Private_Clean:", "Private_Dirty:")
    return sum(int(line.split()[1]) for line in lines if line.startswith(wanted))


def ask_all(stack: Stack, times: int) -> None:
    connection = stack.client()
    for _ in range(times):
        for method, path, body in REQUESTS:
            connection.request(method, path, body, TYPE if body else {})
            connection.getresponse().read()
    connection.close()


def serve_until(stack: Stack, wanted: int) -> int:
    """Serves until each worker has had that many requests; returns the fewest."""
    for _ in range(50):
        fewest = min(int(row["requests"]) for row in stack.status()["workers"])
        if fewest >= wanted:
            break
        clients = [threading.Thread(target=ask_all, args=(stack, 20)) for _ in range(cpus() + 1)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    return fewest


def run(bench: Bench) -> None:
    with stack_for(4) as stack:
        before = [private_kib(pid) for pid in stack.worker_pids()]
        fewest = serve_until(stack, int(bench.pick(1000, 50)))
        after = [private_kib(pid) for pid in stack.worker_pids()]
    bench.report.data["memory"] = {"fewest": fewest, "before_kib": before, "after_kib": after}
    bench.report.add(
        "memory",
        f"private memory of a worker after {fewest} requests or more of all routes, the largest",
        f"≤ {LIMIT_KIB / 1024:g} MiB",
        f"{max(after) / 1024:.2f} MiB; {max(before) / 1024:.2f} MiB before the first",
        max(after) <= LIMIT_KIB,
    )
