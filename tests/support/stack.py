"""The whole service as a user starts it: script/server with nginx and bcryptd, on free ports."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.daemon import BINARY, QUICK, ROOT, clean_environment, parse_metrics
from support.waiting import eventually


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held together, so that they differ."""
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports: list[int] = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def unverified() -> ssl.SSLContext:
    """For the self-signed certificate of a test."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def children(pid: int) -> list[int]:
    """The processes below one, whole tree."""
    try:
        direct = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
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


class Stack:
    """A running script/server; `with` ends it whatever happens."""

    def __init__(self, client_limits: str = "off", **settings: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bcryptd-stack."))
        self.directory.chmod(0o755)
        self.run_dir = self.directory / "run"
        self.http_port, self.https_port, self.internal_port = free_ports(3)
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
                [str(ROOT / "script" / "server"), "--binary", str(BINARY)],
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

    def plain(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("localhost", self.http_port, timeout=60)

    def tls(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "localhost", self.https_port, timeout=60, context=unverified()
        )

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        tls: bool = True,
    ) -> Answer:
        connection = self.tls() if tls else self.plain()
        return send(connection, method, path, body, headers)

    def get(self, path: str, tls: bool = True) -> Answer:
        return self.ask("GET", path, tls=tls)

    def post(self, path: str, value: Any, tls: bool = True) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/json"}, tls)

    def internal(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.internal_port, timeout=30)
        return send(connection, "GET", path, None, headers)

    def status(self) -> dict[str, Any]:
        return self.internal("/status").json()

    def worker_pids(self) -> list[int]:
        return [row["pid"] for row in self.status()["workers"] if row["pid"] != 0]

    def metrics(self) -> dict[str, float]:
        return parse_metrics(self.internal("/metrics").body.decode())

    def raw(self, data: bytes, tls: bool = False) -> bytes:
        """Sends bytes as they are and reads to the end."""
        port = self.https_port if tls else self.http_port
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            connection = (
                unverified().wrap_socket(plain, server_hostname="localhost") if tls else plain
            )
            with connection:
                connection.sendall(data)
                answer = b""
                try:
                    while part := connection.recv(65536):
                        answer += part
                except ConnectionResetError:
                    pass
                return answer

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


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())
    finally:
        connection.close()
