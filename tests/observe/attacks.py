"""The attacks of docs/networking.md, each for the time of a block, and what each is seen by."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from lab.attack import flood, log_in_without_key
from lab.balancer import door
from lab.command import run
from lab.host import Host
from lab.lab import Lab, running
from lab.playbook import NAME
from lab.resets import TOO_FEW_FOR_A_BAN
from lab.slow import DOOR_PORT, slow_attack
from observe.attacker import Attacker
from observe.logs_hosts import LOG
from support.load import running as running_threads
from support.waiting import LIMIT_S

PUBLIC, INTERNAL, SSHD_TRIES = 443, 9180, 6
SYNS = 4096  # several times what the backlog holds
HANDSHAKERS = 8
BYTES, PACKETS = 1400, 60_000
CONNECTIONS = 150
LARGEST_TABLE = 1_048_576  # of connections, as the kernel makes it for its memory
PAUSE_S = 5.0  # the metrics are gathered as often
SOME = 1.5 / 300  # as a rate: more than one in five minutes
SLOW_S = 10  # after five of them nginx gives the first ones up


@dataclass(frozen=True)
class Scene:
    """Who attacks what."""

    lab: Lab
    web: Host
    bad: Attacker


Attack = Callable[[Scene], AbstractContextManager[None]]


@dataclass(frozen=True)
class Sight:
    """An expression, and what an attack raises it by at the least."""

    expression: str
    rise: float


Attacks = dict[str, tuple[Attack, tuple[Sight, ...]]]


@contextmanager
def again(once: Callable[[Scene], None], scene: Scene) -> Iterator[None]:
    """One time after the other, as attackers do: a rate does not see the first one of its kind, as no counter of it
    was there before."""
    stopping = threading.Event()
    failures: list[Exception] = []

    def attack() -> None:
        while not stopping.is_set() and not failures:
            try:
                once(scene)
            except Exception as error:  # pylint: disable=broad-exception-caught
                failures.append(error)
            stopping.wait(PAUSE_S)

    try:
        with running_threads([attack], stopping):
            yield
    finally:
        if failures:
            raise failures[0]


@contextmanager
def program(scene: Scene, name: str, command: list[str]) -> Iterator[None]:
    """Runs in the attacker's network, with the lowest priority, so that what it attacks has the CPUs."""
    with running(scene.lab, name, ["nice", "-n", "19", *command]) as process:
        yield
        log = (scene.lab.directory / f"{name}.log").read_text(errors="replace")
        assert process.poll() in (None, 0), log


def take_back(scene: Scene) -> None:
    run(*scene.bad.move().module("resets", scene.web.address, TOO_FEW_FOR_A_BAN))


def be_slow(scene: Scene) -> None:
    host = scene.bad.move().host
    command = ["timeout", str(SLOW_S), *host.from_its_network(slow_attack(scene.lab, "headers"))]
    with door(scene.lab, host, scene.web, DOOR_PORT):
        run(*command, check=False)


def ask_too_much(scene: Scene) -> AbstractContextManager[None]:
    bad = scene.bad.move().host
    return program(scene, "flood", flood(scene.lab, bad, scene.web))


def begin_too_many(scene: Scene) -> None:
    """Connections, from one address."""
    run(*scene.bad.move().module("packets", "syn", scene.web.address, PUBLIC, SYNS))


def ask_for_another_name(scene: Scene) -> AbstractContextManager[None]:
    """A handshake after the other."""
    arguments = (scene.web.address, PUBLIC, HANDSHAKERS, LIMIT_S, "refused", "unknown.example")
    command = scene.bad.move().module("connections", *arguments, package="absorb")
    return program(scene, "handshakes", command)


def make_requests_up(scene: Scene) -> None:
    run(*scene.bad.move().module("hostile", scene.web.address))


def ask_in_the_clear(scene: Scene) -> None:
    """So may a client do that does not know better; no ban follows."""
    url = f"http://{NAME}/gethash/hunter[1-9]/"
    to = ["--resolve", f"{NAME}:80:{scene.web.address}", "--output", "/dev/null"]
    run(*scene.bad.move().host.from_its_network(["curl", "--silent", *to, url]))


def begin_connections(scene: Scene) -> None:
    """From all addresses of the network, none of which goes on."""
    target, network = scene.web.address, scene.lab.network
    run(*scene.bad.module("packets", "syn", target, PUBLIC, SYNS, network))


def be_idle(scene: Scene) -> AbstractContextManager[None]:
    bad = scene.bad.move()
    command = bad.module("idle", scene.web.address, CONNECTIONS, bad.address)
    return program(scene, "idle", command)


@contextmanager
def use_other_port(scene: Scene) -> Iterator[None]:
    """One whose connections the kernel keeps a table of. Strangers reach none, so it is a host that may ask for
    metrics that does it."""
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            to = (scene.web.address, INTERNAL)
            stack.enter_context(socket.create_connection(to, timeout=30))
        yield


def send_bulk(scene: Scene) -> None:
    """Packets that nobody has asked for."""
    send = f"dd if=/dev/zero bs={BYTES} count={PACKETS} status=none >/dev/udp/{scene.web.address}/9"
    run(*scene.bad.host.from_its_network(["nice", "-n", "19", "bash", "-c", send]))


def log_in(scene: Scene) -> None:
    log_in_without_key(scene.bad.move().host, scene.web, SSHD_TRIES)


def write_no_request(scene: Scene) -> None:
    """A line that nginx never writes, whatever it is asked: so would a forged one look."""
    scene.web.shell(f"echo 'no JSON' >>{LOG}")


def requests(by: str, which: str) -> Sight:
    return Sight(f"sum by ({by}) (rate(bcryptd_nginx_requests_total{{{which}}}[5m]))", SOME)


# Needs places at bcryptd, which an overloaded host has not.
FIRST_ATTACKS: Attacks = {
    "taken back": (partial(again, take_back), (requests("instance", 'code="499"'),)),
}
ATTACKS: Attacks = {
    "many connections": (
        partial(again, begin_too_many),
        (Sight("rate(bcryptd_connections_refused_total[5m])", SOME),),
    ),
    "made up": (
        partial(again, make_requests_up),
        (
            requests("instance", 'code="400"'),
            requests("code", 'route="other"'),
            requests("code", 'code=~"41[34]"'),
            requests("instance", 'code="444"'),
        ),
    ),
    "in the clear": (partial(again, ask_in_the_clear), (requests("instance", 'code="403"'),)),
    "slow headers": (partial(again, be_slow), (requests("instance", 'code="408"'),)),
    "idle": (
        be_idle,
        (Sight("sum by (instance) (nginx_connections_waiting)", CONNECTIONS / 2),),
    ),
    "forged line": (
        partial(again, write_no_request),
        (Sight("sum by (instance) (rate(bcryptd_nginx_unread_lines_total[5m]))", 2 / 300),),
    ),
    "half open": (
        partial(again, begin_connections),
        (Sight("rate(node_netstat_TcpExt_SyncookiesSent[5m])", SOME),),
    ),
    "table of connections": (
        use_other_port,
        (
            Sight(
                "sum by (instance) (node_nf_conntrack_entries / node_nf_conntrack_entries_limit)",
                CONNECTIONS / 2 / LARGEST_TABLE,
            ),
        ),
    ),
    "logins": (
        partial(again, log_in),
        (Sight('sum by (instance) (bcryptd_bans{jail="sshd"})', 0.9),),
    ),
    "other names": (
        ask_for_another_name,
        (Sight("sum by (instance) (rate(nginx_connections_accepted[5m]))", 0.2),),
    ),
    "bulk": (
        partial(again, send_bulk),
        (
            Sight(
                "sum by (instance) (rate(node_network_receive_bytes_total[5m]))",
                BYTES * PACKETS / 300 / 2,
            ),
        ),
    ),
}
