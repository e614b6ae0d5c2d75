"""The whole service as a user starts it: script/server with nginx and bcryptd, on free ports."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from support.daemon import BINARY, QUICK, ROOT, clean_environment
from support.service import Service
from support.waiting import eventually


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held together, so that they differ."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports: list[int] = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def children(pid: int) -> list[int]:
    """The processes below one, whole tree; any of its threads may have begun one."""
    direct = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct += [int(child) for child in path.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return direct + [below for child in direct for below in children(child)]


def alive(pids: list[int]) -> list[int]:
    """Those that still run; one that has ended and waits for its parent does not."""
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            running.append(pid)
    return running


class Stack(Service):
    """A running script/server; `with` ends it whatever happens."""

    binary = BINARY

    def __init__(self, client_limits: str = "off", **settings: str) -> None:
        super().__init__("localhost", "localhost", *free_ports(3))
        self.directory = Path(tempfile.mkdtemp(prefix="bcryptd-stack."))
        self.directory.chmod(0o755)
        self.run_dir = self.directory / "run"
        self.output = self.directory / "output"
        self.settings = {
            **QUICK,
            "BCRYPTD_RUN_DIR": str(self.run_dir),
            "BCRYPTD_HTTP_PORT": str(self.http_port),
            "BCRYPTD_HTTPS_PORT": str(self.https_port),
            "BCRYPTD_INTERNAL_PORT": str(self.internal_port),
            "BCRYPTD_CLIENT_LIMITS": client_limits,
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Stack":
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [str(ROOT / "script" / "server"), "--binary", str(self.binary)],
                env={**clean_environment(), **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually("stack ready", lambda: self.exited() or self.is_ready())
        assert not self.exited(), self.output.read_text()
        return self

    def exited(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def is_ready(self) -> bool:
        try:
            if self.internal("/readyz").status != 200:
                return False
            status = self.status()
            return bool(status["workers_up"] == status["workers_max"])
        except OSError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=180)

    def pids(self) -> list[int]:
        assert self.process is not None
        return children(self.process.pid)

    def files(self) -> list[Path]:
        """Everything that the service has written."""
        written = [self.output, *self.run_dir.rglob("*")]
        return [path for path in written if path.is_file()]

    def __enter__(self) -> "Stack":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            left = self.pids()
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                for pid in [self.process.pid, *left]:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
