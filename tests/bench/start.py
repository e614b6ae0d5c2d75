"""How long bcryptd takes from its start until it is ready."""

import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.noise import rounds
from bench.report import spread
from bench.tools import Bench
from support.daemon import BINARY, clean_environment

LIMIT_MS = 100.0


def wait_ready(listener: socket.socket) -> float:
    while b"READY=1" not in listener.recv(4096).split(b"\n"):
        continue
    return time.monotonic()


def start_once(directory: Path) -> dict[str, Any]:
    """bcryptd alone, with the default settings, as systemd would start it."""
    notify, log = directory / "notify", directory / "log"
    notify.unlink(missing_ok=True)
    settings = {"BCRYPTD_SOCKET_DIR": str(directory), "BCRYPTD_LOG_FORMAT": "json"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, log.open("wb") as output:
        listener.bind(str(notify))
        listener.settimeout(30)
        begin = time.monotonic()
        process = subprocess.Popen(
            [str(BINARY)],
            env={**clean_environment(), **settings, "NOTIFY_SOCKET": str(notify)},
            stdin=subprocess.DEVNULL,
            stderr=output,
        )
        try:
            ready = wait_ready(listener)
        finally:
            process.terminate()
            process.wait(timeout=30)
    events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    own_us = next(event["bcryptd.start_us"] for event in events if event["event.name"] == "ready")
    return {"outside_ms": (ready - begin) * 1000, "own_ms": float(own_us) / 1000}


def run(bench: Bench) -> None:
    directory = Path(tempfile.mkdtemp(prefix="bcryptd-start."))
    try:
        done = rounds(int(bench.pick(15, 3)), lambda: start_once(directory), patient=False)
    finally:
        shutil.rmtree(directory)
    bench.report.data["start"] = [vars(r) for r in done]
    outside = [r.values["outside_ms"] for r in done]
    own = [r.values["own_ms"] for r in done]
    bench.report.add(
        "start",
        "spawn to READY=1, seen from outside",
        f"≤ {LIMIT_MS:g} ms",
        spread(outside, 1, "ms"),
        statistics.median(outside) <= LIMIT_MS,
    )
    bench.report.add(
        "start",
        "master's begin to ready, as bcryptd logs it",
        f"≤ {LIMIT_MS:g} ms",
        spread(own, 1, "ms"),
        statistics.median(own) <= LIMIT_MS,
    )
