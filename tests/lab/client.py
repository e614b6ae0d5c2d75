"""Clients of a deployed service, from this machine."""

import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lab.playbook import NAME
from support.load import running
from support.stack import unverified


class Connection(http.client.HTTPSConnection):
    """To an address, and by TLS to a name."""

    def __init__(self, address: str, timeout_s: float = 60.0) -> None:
        super().__init__(NAME, timeout=timeout_s)
        self.address = address

    def connect(self) -> None:
        plain = socket.create_connection((self.address, 443), timeout=self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context: ssl.SSLContext = unverified()
        self.sock = context.wrap_socket(plain, server_hostname=NAME)

    def post(self, route: str, value: Any) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        self.request("POST", f"/v1/{route}", json.dumps(value), headers)
        answer = self.getresponse()
        return answer.status, answer.read()


def post(address: str, route: str, value: Any) -> tuple[int, bytes]:
    connection = Connection(address)
    try:
        return connection.post(route, value)
    finally:
        connection.close()


def serves(address: str) -> bool:
    """Whether it hashes, and verifies its own hash."""
    try:
        status, body = post(address, "hash", {"password": "hunter2", "cost": 10})
        if status != 200:
            return False
        question = {"password": "hunter2", "hash": json.loads(body)["hash"]}
        status, body = post(address, "verify", question)
    except OSError:
        return False
    return status == 200 and json.loads(body)["match"] is True


@dataclass
class Load:
    """What the clients saw. An error without a status (a broken connection) is its text."""

    outcomes: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    failed: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def count(self) -> int:
        return sum(self.outcomes.values())

    def note(self, outcome: str, took_s: float) -> None:
        self.outcomes[outcome] += 1
        self.times.append(took_s)
        if outcome != "200":
            self.failed.append(f"{time.monotonic() - self.begun:.3f} s: {outcome}")


def ask(connection: Connection) -> str:
    """One request. A connection that the server closed while it was idle is opened again, as each
    HTTP client does (RFC 9112, section 9.3.1): the request was not taken up."""
    value = {"password": "hunter2", "cost": 10}
    kept = connection.sock is not None
    try:
        return str(connection.post("hash", value)[0])
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
        connection.close()
        if not kept:
            raise
    return str(connection.post("hash", value)[0])


def run_client(address: str, keep: bool, load: Load) -> None:
    connection = Connection(address)
    while not load.stopping.is_set():
        started = time.monotonic()
        try:
            outcome = ask(connection)
        except (OSError, http.client.HTTPException) as error:
            outcome = repr(error)
            connection.close()
        load.note(outcome, time.monotonic() - started)
        if not keep:
            connection.close()
        load.stopping.wait(0.01)
    connection.close()


@contextmanager
def clients(address: str, count: int = 4) -> Iterator[Load]:
    """Clients that ask again and again until the block ends; each second one keeps its connection."""
    load = Load()
    bodies = [partial(run_client, address, i % 2 == 0, load) for i in range(count)]
    with running(bodies, load.stopping):
        yield load
