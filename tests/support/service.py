"""A service that runs somewhere, as its clients and its operators ask it."""

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from support.daemon import parse_metrics


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


def unverified() -> ssl.SSLContext:
    """For the self-signed certificate of a test."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


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


class Service:
    """By its address, and by TLS and Host to its name."""

    def __init__(
        self, address: str, name: str, http_port: int, https_port: int, internal_port: int
    ) -> None:
        self.address = address
        self.name = name
        self.http_port = http_port
        self.https_port = https_port
        self.internal_port = internal_port

    def connect(
        self, tls: bool = False, timeout_s: float = 60, port: int | None = None
    ) -> socket.socket:
        """A connection, through its TLS handshake if any; port is for another one than usual."""
        usual = self.https_port if tls else self.http_port
        plain = socket.create_connection((self.address, port or usual), timeout=timeout_s)
        if not tls:
            return plain
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return unverified().wrap_socket(plain, server_hostname=self.name)
        except BaseException:
            plain.close()
            raise

    def client(self, tls: bool = True, timeout_s: float = 60) -> "Connection":
        return Connection(self, tls, timeout_s)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        tls: bool = True,
    ) -> Answer:
        return send(self.client(tls), method, path, body, headers)

    def get(self, path: str, tls: bool = True) -> Answer:
        return self.ask("GET", path, tls=tls)

    def post(self, path: str, value: Any, tls: bool = True) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/json"}, tls)

    def internal(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(self.address, self.internal_port, timeout=30)
        return send(connection, "GET", path, None, headers)

    def status(self) -> dict[str, Any]:
        return self.internal("/status").json()

    def worker_pids(self) -> list[int]:
        return [row["pid"] for row in self.status()["workers"] if row["pid"] != 0]

    def metrics(self) -> dict[str, float]:
        return parse_metrics(self.internal("/metrics").body.decode())

    def raw(self, data: bytes, tls: bool = False) -> bytes:
        """Sends bytes as they are and reads to the end."""
        with self.connect(tls, timeout_s=30) as connection:
            connection.sendall(data)
            answer = b""
            try:
                while part := connection.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            return answer


class Connection(http.client.HTTPConnection):
    """To a service; may be kept for many requests."""

    def __init__(self, service: Service, tls: bool, timeout_s: float) -> None:
        port = service.https_port if tls else service.http_port
        super().__init__(service.name, port, timeout=timeout_s)
        # Left out of the header "Host" where it is the usual one.
        self.default_port = 443 if tls else 80
        self.service = service
        self.tls = tls
        self.timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = self.service.connect(self.tls, self.timeout_s)
