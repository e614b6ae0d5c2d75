"""Clients of a deployed service, from this machine."""

import http.client
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from lab.host import Host
from lab.playbook import NAME
from support.load import running
from support.service import Connection, Service

# Between two requests of a client. Hosts, clients and Ansible share this machine's CPUs: a load that took all of them
# would be refused, rightly, and slow down the playbook that it shall meet.
PAUSE_S = 0.05
QUESTION = json.dumps({"password": "hunter2", "cost": 10})


def service(address: str) -> Service:
    """What is deployed there."""
    return Service(address, NAME, http_port=80, https_port=443, internal_port=9180)


def presented(address: str) -> bytes:
    """The certificate that clients get there."""
    with service(address).connect(tls=True) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


def serves(address: str) -> bool:
    """Whether it hashes, and verifies its own hash."""
    try:
        hashed = service(address).post("/v1/hash", {"password": "hunter2", "cost": 10})
        if hashed.status != 200:
            return False
        question = {"password": "hunter2", "hash": hashed.json()["hash"]}
        verified = service(address).post("/v1/verify", question)
    except OSError:
        return False
    return verified.status == 200 and verified.json()["match"] is True


@dataclass(frozen=True)
class Failure:
    """A request that had no success. Times are those of time.monotonic()."""

    begun: float
    ended: float
    outcome: str


@dataclass
class Load:
    """What the clients saw. An error without a status (a broken connection) is its text."""

    outcomes: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    failed: list[Failure] = field(default_factory=list)

    def count(self) -> int:
        return sum(self.outcomes.values())

    def note(self, outcome: str, begun: float) -> None:
        ended = time.monotonic()
        self.outcomes[outcome] += 1
        self.times.append(ended - begun)
        if outcome != "200":
            self.failed.append(Failure(begun, ended, outcome))


def hash_once(connection: Connection) -> str:
    """The status; of what is no success, also who answered and why."""
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/hash", QUESTION, headers)
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    if answer.status == 200:
        return "200"
    return f"{answer.status} {answer.getheader('Server')}: {body[:300]}"


def ask(connection: Connection) -> str:
    """One request, hash_once(). A connection that the server closed while it was idle is opened again, as each
    HTTP client does (RFC 9112, section 9.3.1): the request was not taken up."""
    kept = connection.sock is not None
    try:
        return hash_once(connection)
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
        connection.close()
        if not kept:
            raise
    return hash_once(connection)


def run_client(address: str, keep: bool, load: Load) -> None:
    connection = service(address).client()
    while not load.stopping.is_set():
        begun = time.monotonic()
        try:
            outcome = ask(connection)
        except (OSError, http.client.HTTPException) as error:
            outcome = repr(error)
            connection.close()
        load.note(outcome, begun)
        if not keep:
            connection.close()
        load.stopping.wait(PAUSE_S)
    connection.close()


@contextmanager
def clients(address: str, count: int = 4) -> Iterator[Load]:
    """Clients that ask again and again until the block ends; each second one keeps its connection."""
    load = Load()
    bodies = [partial(run_client, address, i % 2 == 0, load) for i in range(count)]
    with running(bodies, load.stopping):
        yield load


def refusals(hosts: list[Host]) -> str:
    """What their logs say of the last requests that were refused for overload."""
    script = (
        "grep '\"http.response.status_code\":503' /var/log/nginx/bcryptd.log | tail -n 5"
        "; journalctl BCRYPTD_EVENT=shed --lines=5 --no-pager"
    )
    return "\n".join(f"{host.name}:\n{host.shell(script, check=False)}" for host in hosts)
