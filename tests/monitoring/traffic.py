"""Clients for a watched host: honest ones at a rate, each from an address of its own, and others
that reach the limits of a client, that scan, and that send what is wrong."""

import http.client
import json
import queue
import random
import threading
from collections import Counter
from collections.abc import Callable

from support.stack import Stack

CLIENTS = 48  # at most so many requests at a time
ABUSER = "127.0.9.9"
JSON = {"Content-Type": "application/json"}
VERIFIED = "abcdefghijklmnopqrstuuPlKZ.QHo0c0WU0pXGb6DjYVfeAlNmXi"  # a salt and a hash

Request = tuple[str, str, bytes | None]


def ask(stack: Stack, source: str, request: Request, timeout_s: float = 30) -> int:
    """The status of the answer to a client of that loopback address; 0 when the connection broke."""
    method, path, body = request
    connection = http.client.HTTPConnection(
        "127.0.0.1", stack.http_port, timeout=timeout_s, source_address=(source, 0)
    )
    headers = {"Host": "localhost", **(JSON if body is not None else {})}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except OSError:
        return 0
    finally:
        connection.close()


def honest(random_numbers: random.Random, cost: int) -> Request:
    """A request of the usual mix; all of them cost the same."""
    share = random_numbers.random()
    if share < 0.4:
        return "GET", "/gethash/correct%20horse/", None
    if share < 0.7:
        return "POST", "/v1/hash", json.dumps({"password": "correct horse"}).encode()
    body = {"password": "correct horse", "hash": f"$2b${cost:02}${VERIFIED}"}
    return "POST", "/v1/verify", json.dumps(body).encode()


def wrong(random_numbers: random.Random) -> Request:
    """Nothing that is answered with a hash."""
    return random_numbers.choice(
        [
            ("GET", "/index.php", None),
            ("POST", "/v1/hash", b'{"password": '),
            ("POST", "/v1/hash", b'{"password": ""}'),
            ("DELETE", "/v1/hash", None),
        ]
    )


class Traffic:
    """Background load until `end`. The rates can be changed while it runs."""

    def __init__(self, stack: Stack, seed: int = 1) -> None:
        self.stack = stack
        self.cost = int(stack.settings["BCRYPTD_COST"])
        self.random = random.Random(seed)
        self.rates = {"honest": 0.0, "wrong": 0.0, "abuser": 0.0}
        self.statuses: Counter[int] = Counter()
        self.waiting: queue.Queue[tuple[str, Request]] = queue.Queue(maxsize=CLIENTS)
        self.stopping = threading.Event()
        self.threads: list[threading.Thread] = []

    def begin(self, **rates: float) -> None:
        """Requests a second of each kind from now on; `honest` ones arrive at random."""
        self.rates.update(rates)
        if not self.threads:
            bodies = [self.arrive] + [self.client(number) for number in range(CLIENTS)]
            self.threads = [threading.Thread(target=body, daemon=True) for body in bodies]
            for thread in self.threads:
                thread.start()

    def arrive(self) -> None:
        """Puts requests into the queue, Poisson; those that find no client free are left out."""
        while not self.stopping.is_set():
            total = sum(self.rates.values())
            if self.stopping.wait(self.random.expovariate(total) if total else 0.2) or not total:
                continue
            kinds, weights = zip(*self.rates.items())
            kind = self.random.choices(kinds, weights)[0]
            request = wrong(self.random) if kind == "wrong" else honest(self.random, self.cost)
            try:
                self.waiting.put_nowait((kind, request))
            except queue.Full:
                continue

    def client(self, number: int) -> Callable[[], None]:
        def run() -> None:
            while not self.stopping.is_set():
                try:
                    kind, request = self.waiting.get(timeout=0.5)
                except queue.Empty:
                    continue
                source = ABUSER if kind == "abuser" else f"127.0.1.{number + 1}"
                self.statuses[ask(self.stack, source, request)] += 1

        return run

    def end(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)
