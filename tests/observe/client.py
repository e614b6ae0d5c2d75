"""Clients that ask at a rate, whatever the service makes of it: more than it can do is overload."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from lab.client import service
from support.load import running
from support.service import Connection, unverified

JSON = {"Content-Type": "application/json"}
Request = tuple[str, str, bytes | None]


@dataclass
class Load:
    """What the clients saw; an error without a status is its text."""

    outcomes: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    next_s: float = 0.0
    begun: int = 0

    def count(self) -> int:
        return sum(self.outcomes.values())

    def turns(self, every_s: float) -> Iterator[int]:
        """Waits for the next request's time, and gives its number, until the load ends. A request that
        nobody was free to send in its time is left out, not sent later."""
        while True:
            with self.lock:
                self.next_s = max(self.next_s, time.monotonic() - every_s) + every_s
                self.begun += 1
                begin, number = self.next_s, self.begun
            if self.stopping.wait(max(0.0, begin - time.monotonic())):
                return
            yield number


def hashing(password: str, cost: int) -> Request:
    return "POST", "/v1/hash", json.dumps({"password": password, "cost": cost}).encode()


def verifying(password: str, known: str) -> Request:
    return "POST", "/v1/verify", json.dumps({"password": password, "hash": known}).encode()


def getting(password: str) -> Request:
    return "GET", f"/gethash/{password}/", None


class Sender(Connection):
    """A connection from one of this machine's addresses; None is the usual one."""

    def __init__(self, address: str, source: str | None) -> None:
        super().__init__(service(address), tls=True, timeout_s=20)
        self.source = source

    def connect(self) -> None:
        to = (self.service.address, self.service.https_port)
        source = None if self.source is None else (self.source, 0)
        plain = socket.create_connection(to, self.timeout_s, source)
        self.sock = unverified().wrap_socket(plain, server_hostname=self.service.name)


def run_client(
    address: str, requests: list[Request], every_s: float, source: str | None, load: Load
) -> None:
    connection = Sender(address, source)
    for number in load.turns(every_s):
        method, path, body = requests[number % len(requests)]
        try:
            connection.request(method, path, body, JSON if body else {})
            answer = connection.getresponse()
            answer.read()
            outcome = str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            outcome = repr(error)
            connection.close()
        with load.lock:
            load.outcomes[outcome] += 1
    connection.close()


@contextmanager
def asking(
    address: str,
    requests: list[Request],
    rate: float,
    clients: int = 8,
    source: str | None = None,
) -> Iterator[Load]:
    """So many requests a second until the block ends, as long as one of the clients is free for it: they
    keep their connections, and ask the requests in turn."""
    load = Load()
    body = partial(run_client, address, requests, 1 / rate, source, load)
    with running([body] * clients, load.stopping):
        yield load
