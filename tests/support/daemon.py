"""bcryptd alone, without nginx: its own sockets, or sockets passed as systemd does."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from support import fastcgi
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("BCRYPTD_BINARY", ROOT / "build" / "app" / "bcryptd"))
FAULTY = BINARY.parent.parent / "tests" / "unit" / "bcryptd-faulty"
SANITIZED = os.environ.get("BCRYPTD_SANITIZED") == "1"

# For a request that has to be seen while it is computed, on a busy machine as well.
HOLD = {
    "BCRYPTD_COST": "15",
    "BCRYPTD_DEADLINE_MS": "60000",
    "BCRYPTD_WORKER_TIMEOUT_MS": "60000",
}
LANES = {"BCRYPTD_ENGINE": "lanes", "BCRYPTD_LANES": "5", "BCRYPTD_WORKERS": "1"}
# Of the start check: 9 questions, in rounds of 1 to 5 lanes, the last one full as well.
START_HASHES = sum(-(-9 // count) * count for count in range(1, 6))
QUICK = {"BCRYPTD_COST": "4", "BCRYPTD_MIN_COST": "4", "BCRYPTD_WORKERS": "2"}


def clean_environment() -> dict[str, str]:
    """The environment without settings that a person may have made for a server of their own."""
    own = ("BCRYPTD_BINARY", "BCRYPTD_SANITIZED")
    return {k: v for k, v in os.environ.items() if not k.startswith("BCRYPTD_") or k in own}


class Daemon:
    """A running bcryptd; `with` ends it whatever happens."""

    activated = False
    binary = BINARY

    def __init__(self, **settings: str) -> None:
        # A unix socket's path is short: the directory is not pytest's deep one.
        self.directory = Path(tempfile.mkdtemp(prefix="bcryptd."))
        self.log_path = self.directory / "log"
        self.settings = {**QUICK, "BCRYPTD_SOCKET_DIR": str(self.directory), **settings}
        self.sockets: list[socket.socket] = []
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def status_socket(self) -> Path:
        return self.directory / "status.sock"

    @property
    def pool(self) -> list[Path]:
        return sorted(self.directory.glob("pool-*.sock"))

    def listen(self) -> None:
        for name in ("pool-0.sock", "pool-1.sock", "status.sock"):
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self.directory / name))
            listener.listen(128)
            self.sockets.append(listener)

    def start(self) -> "Daemon":
        command = [str(self.binary)]
        passed: tuple[int, ...] = ()
        if self.activated:
            if not self.sockets:
                self.listen()
            passed = tuple(listener.fileno() for listener in self.sockets)
            moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(passed))
            script = f'LISTEN_PID=$$ LISTEN_FDS={len(passed)} exec "$0" {moves}'
            command = ["bash", "-c", script, str(self.binary)]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={**clean_environment(), **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=passed,
            )
        return self

    def start_ready(self) -> "Daemon":
        self.start()
        eventually("bcryptd ready", lambda: self.exited() or self.is_ready())
        assert not self.exited(), self.log_path.read_text()
        return self

    def exited(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def is_ready(self) -> bool:
        return bool(self.events("ready"))

    def status(self) -> dict[str, Any]:
        return dict(json.loads(fastcgi.get(self.status_socket, "/status").body))

    def worker_pids(self) -> list[int]:
        return [row["pid"] for row in self.status()["workers"] if row["pid"] != 0]

    def metrics(self) -> dict[str, float]:
        return parse_metrics(fastcgi.get(self.status_socket, "/metrics").body.decode())

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(x) for x in self.log_path.read_text().splitlines() if x.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event.name"] == name]

    def signal(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=120)

    def stop(self) -> int:
        self.signal()
        return self.wait()

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for listener in self.sockets:
            listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class ActivatedDaemon(Daemon):
    """With sockets that are made here and passed on, as systemd does."""

    activated = True


class FaultyDaemon(Daemon):
    """Breaks each hash that ends in a place of the lanes, but for the first so many of a worker."""

    binary = FAULTY

    def __init__(self, place: int, after: int, **settings: str) -> None:
        super().__init__(**LANES, BCRYPTD_TEST_FAULT=f"{place}:{after}", **settings)


def parse_metrics(text: str) -> dict[str, float]:
    """Samples by their name with labels, as the text has them."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
