"""Sends what the sources have, and keeps the places that the log host has acknowledged."""

import json
import os
import ssl
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from log_shipping.record import Position, Record, Source
from log_shipping.relp import Client, RelpError

WINDOW = 128  # lines on their way
ANSWER_S = 20.0
LOOK_S = 0.25  # between two looks for new lines
REPORT_S = 5.0
PAUSE_S, PAUSE_MAX_S = 0.5, 5.0
# Before all that the host has kept.
OLDEST: dict[str, Position] = {"access": {"first": "", "offset": 0}}


@dataclass(frozen=True)
class Server:
    """A log host."""

    name: str
    address: str
    port: int


def write(path: Path, text: str) -> None:
    """As a whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)


def load(path: Path) -> dict[str, Position]:
    try:
        places = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        # A power cut can leave an empty file: better all lines once more than none.
        return dict(OLDEST)
    assert isinstance(places, dict)
    return places


class Shipper:
    """One connection, all sources."""

    def __init__(
        self,
        sources: list[Source],
        servers: list[Server],
        tls: Callable[[], ssl.SSLContext],
        host: str,
        places: Path,
        metrics: Path,
    ) -> None:
        self.sources = sources
        self.servers = deque(servers)
        self.tls = tls
        self.host = host
        self.places_file = places
        self.metrics_file = metrics
        self.places = load(places)
        self.saved = dict(self.places)
        self.client: Client | None = None
        self.sent: deque[tuple[int, Record]] = deque()
        self.again: deque[
            Record
        ] = deque()  # sent, and not acknowledged before the connection ended
        self.answered = 0.0
        self.pause_s = PAUSE_S
        self.connect_at = 0.0
        self.reported = -REPORT_S
        self.processed: Counter[str] = Counter({source.name: 0 for source in sources})

    def run(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            try:
                self.step()
            except (OSError, RelpError) as error:
                self.suspend(error)
            self.save()
            self.report()
        if self.client is not None:
            self.finish(self.client)
        self.save()

    def step(self) -> None:
        if self.client is None:
            if time.monotonic() < self.connect_at:
                time.sleep(LOOK_S)
                return
            self.connect()
        assert self.client is not None
        while len(self.sent) < WINDOW and (record := self.following()) is not None:
            self.send(self.client, record)
        self.receive(self.client, LOOK_S)

    def connect(self) -> None:
        server = self.servers[0]
        self.client = Client(server.address, server.port, server.name, self.tls())
        self.pause_s = PAUSE_S
        print(f"ships to {server.name}", file=sys.stderr, flush=True)

    def suspend(self, error: Exception) -> None:
        server = self.servers[0]
        if self.client is not None or self.pause_s == PAUSE_S:
            print(f"{server.name} takes no lines: {error}", file=sys.stderr, flush=True)
        if self.client is not None:
            self.client.socket.close()
            self.client = None
        self.again.extendleft(record for _, record in reversed(self.sent))
        self.sent.clear()
        self.servers.rotate(-1)
        self.connect_at = time.monotonic() + self.pause_s
        self.pause_s = min(2 * self.pause_s, PAUSE_MAX_S)

    def following(self) -> Record | None:
        if self.again:
            return self.again.popleft()
        for source in self.sources:
            if (record := source.next()) is not None:
                # Each in its turn.
                self.sources.append(self.sources.pop(self.sources.index(source)))
                return record
        return None

    def send(self, client: Client, record: Record) -> None:
        """As a message of RFC 5424, whose text is the line."""
        if not self.sent:
            self.answered = time.monotonic()
        # Noted before: a line that was sent in part is sent again.
        self.sent.append((0, record))
        head = f"<134>1 - {self.host} {record.source} - - - ".encode()
        self.sent[-1] = (client.send(b"syslog", head + record.text), record)

    def receive(self, client: Client, timeout_s: float) -> None:
        if client.can_read(timeout_s):
            for number in client.answers():
                self.acknowledge(number)
        if self.sent and time.monotonic() - self.answered > ANSWER_S:
            raise RelpError(f"no answer for {ANSWER_S:g} s")

    def acknowledge(self, number: int) -> None:
        """The log host has it, and with it all before: it takes them in their order."""
        if not self.sent or self.sent[0][0] != number:
            raise RelpError("an answer to what was not asked")
        _, record = self.sent.popleft()
        self.answered = time.monotonic()
        self.places[record.source] = record.position
        self.processed[record.source] += 1

    def finish(self, client: Client) -> None:
        """Waits for what is on its way; what is not acknowledged then is sent again at the next start."""
        end = time.monotonic() + 5.0
        try:
            while self.sent and time.monotonic() < end:
                self.receive(client, LOOK_S)
        except (OSError, RelpError):
            pass
        client.close()

    def save(self) -> None:
        if self.places != self.saved:
            write(self.places_file, json.dumps(self.places))
            self.saved = dict(self.places)

    def report(self) -> None:
        if time.monotonic() - self.reported < REPORT_S:
            return
        self.reported = time.monotonic()
        write(self.metrics_file, self.metrics())

    def metrics(self) -> str:
        waiting = Counter(record.source for _, record in self.sent)
        waiting.update(record.source for record in self.again)
        name = "bcryptd_log_shipping"
        lines = [
            f"# HELP {name}_queue_lines Lines that the log host has not acknowledged, about.",
            f"# TYPE {name}_queue_lines gauge",
        ]
        for source in sorted(self.sources, key=lambda source: source.name):
            left = max(source.left(self.places.get(source.name)), waiting[source.name])
            lines.append(f'{name}_queue_lines{{queue="{source.name}"}} {left}')
        lines += [
            f"# HELP {name}_suspended 1 while no log host takes lines.",
            f"# TYPE {name}_suspended gauge",
            f"{name}_suspended {int(self.client is None)}",
            f"# HELP {name}_processed_total Lines that a log host has acknowledged.",
            f"# TYPE {name}_processed_total counter",
        ]
        for queue, count in sorted(self.processed.items()):
            lines.append(f'{name}_processed_total{{queue="{queue}"}} {count}')
        return "\n".join(lines) + "\n"
