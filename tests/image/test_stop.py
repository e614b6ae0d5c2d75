"""docker stop, while clients ask."""

import http.client
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

from image.container import HARDENED, OPEN, TLS_DIR, Container
from image.engine import Engine
from support.load import running
from support.waiting import eventually

CLIENTS = 3  # as many as two workers' cap lets in
STOP_S = 40
QUESTION = b'{"password": "hunter2", "cost": 12}'


@dataclass
class Tally:
    """What the clients saw. A request counts from the moment at which its connection stands."""

    asked: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    turned_away: int = 0


def ask_until_turned_away(container: Container, tally: Tally, stopping: Event) -> None:
    while not stopping.is_set():
        connection = container.client()
        try:
            connection.connect()
        except OSError:
            tally.turned_away += 1
            return
        tally.asked += 1
        try:
            connection.request("POST", "/v1/hash", QUESTION, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            tally.answers[answer.status] += 1
        except (OSError, http.client.HTTPException) as error:
            tally.lost.append(repr(error))
        finally:
            connection.close()


def test_stop_under_load_loses_no_request(engine: Engine, tls: Path) -> None:
    tallies = [Tally() for _ in range(CLIENTS)]

    def answered() -> int:
        return sum(tally.answers.total() for tally in tallies)

    stopping = Event()
    options = [*HARDENED, f"--stop-timeout={STOP_S}", f"--volume={tls}:{TLS_DIR}:ro"]
    with Container(engine, *options, **OPEN, BCRYPTD_DEADLINE_MS="60000") as container:
        bodies = [partial(ask_until_turned_away, container, tally, stopping) for tally in tallies]
        with running(bodies, stopping):
            eventually("load", lambda: answered() >= 3 * CLIENTS)
            assert sum(tally.turned_away for tally in tallies) == 0
            before, begun = answered(), time.monotonic()
            engine.docker("stop", container.id)
            took_s = time.monotonic() - begun
            eventually("all away", lambda: all(tally.turned_away for tally in tallies))
        assert container.exit_code() == 0
        assert took_s < STOP_S
        assert [tally.lost for tally in tallies] == [[]] * CLIENTS
        assert {status for tally in tallies for status in tally.answers} == {200}
        assert [tally.answers.total() for tally in tallies] == [tally.asked for tally in tallies]
        # There were requests to lose.
        assert answered() > before
        assert '"event.name":"stopped"' in container.logs()
