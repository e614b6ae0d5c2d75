"""The attacks of docs/networking.md, each for the time of a block, and what each is seen by."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from lab.attack import log_in_without_key, resolving
from lab.balancer import door
from lab.client import service
from lab.command import run
from lab.host import Host
from lab.hostile import HOSTILE, hostile_request
from lab.lab import Lab, running
from lab.playbook import NAME
from lab.slow import DOOR_PORT, slow_attack
from observe.attacker import Attacker
from support.load import running as running_threads

PUBLIC, INTERNAL, SSHD_TRIES = 443, 9180, 6
SYNS = 4096  # several times what the backlog holds
RESETS = 110
HANDSHAKERS, HANDSHAKES_S = 8, 60
BYTES, PACKETS = 1400, 60_000
CONNECTIONS = 150
PAUSE_S = 5.0  # the metrics are gathered as often
LOG = "/var/log/nginx/bcryptd.log"


@dataclass(frozen=True)
class Scene:
    """Who attacks what."""

    lab: Lab
    web: Host
    bad: Attacker


Attack = Callable[[Scene], AbstractContextManager[None]]


@contextmanager
def again(once: Callable[[Scene], None], scene: Scene) -> Iterator[None]:
    """One time after the other, as attackers do: a rate does not see the first one of its kind, as no counter of it
    was there before."""
    stopping = threading.Event()

    def attack() -> None:
        while not stopping.is_set():
            once(scene)
            stopping.wait(PAUSE_S)

    with running_threads([attack], stopping):
        yield


@contextmanager
def program(scene: Scene, name: str, command: list[str]) -> Iterator[None]:
    """Of the attacker's network, which stands back for what it attacks."""
    with running(scene.lab, name, ["nice", "-n", "19", *command]):
        yield


def take_back(scene: Scene) -> None:
    run(*scene.bad.move().module("resets", scene.web.address, RESETS))


@contextmanager
def slow_headers(scene: Scene) -> Iterator[None]:
    host = scene.bad.move().host
    command = host.from_its_network(slow_attack(scene.lab, "headers"))
    with door(scene.lab, host, scene.web, DOOR_PORT), program(scene, "slow", command):
        yield


def flood(scene: Scene) -> AbstractContextManager[None]:
    """As many requests as it can send, on some connections that it keeps."""
    wrk = ["wrk", "-t1", "-c20", "-d60s", f"https://{NAME}/gethash/hunter2/"]
    command = resolving(scene.lab, scene.web.address, wrk)
    return program(scene, "flood", scene.bad.move().host.from_its_network(command))


def handshakes(name: str, outcome: str, scene: Scene) -> AbstractContextManager[None]:
    """For a name, one after the other."""
    arguments = (scene.web.address, PUBLIC, HANDSHAKERS, HANDSHAKES_S, outcome, name)
    command = scene.bad.move().module("connections", *arguments, package="absorb")
    return program(scene, "handshakes", command)


def make_requests_up(scene: Scene) -> None:
    for name in HOSTILE:
        service(scene.web.address).raw(hostile_request(name), tls=True)


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
    """One whose connections the kernel keeps a table of."""
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


def of_requests(by: str, which: str) -> str:
    return f"sum by ({by}) (rate(bcryptd_nginx_requests_total{{{which}}}[5m]))"


# By a name: the attack, and all that it is seen by. The first one's requests hide others' share for some minutes; the
# last ones' are seen in what honest clients do, too, so they come when that has been watched for a while.
ATTACKS: dict[str, tuple[Attack, tuple[str, ...]]] = {
    "flood": (flood, ("sum by (jail) (bcryptd_bans)",)),
    "handshakes": (
        partial(handshakes, NAME, "done"),
        ("rate(bcryptd_connections_refused_total[5m])",),
    ),
    "taken back": (partial(again, take_back), (of_requests("instance", 'code="499"'),)),
    "made up": (
        partial(again, make_requests_up),
        (
            of_requests("instance", 'code="400"'),
            of_requests("code", 'route="other"'),
            of_requests("code", 'code=~"41[34]"'),
            of_requests("instance", 'code="444"'),
        ),
    ),
    "slow headers": (slow_headers, (of_requests("instance", 'code="408"'),)),
    "idle": (be_idle, ("sum by (instance) (nginx_connections_waiting)",)),
    "forged line": (
        partial(again, write_no_request),
        ("sum by (instance) (rate(bcryptd_nginx_unread_lines_total[5m]))",),
    ),
    "half open": (
        partial(again, begin_connections),
        ("rate(node_netstat_TcpExt_SyncookiesSent[5m])",),
    ),
    "table of connections": (
        use_other_port,
        ("sum by (instance) (node_nf_conntrack_entries / node_nf_conntrack_entries_limit)",),
    ),
    "logins": (partial(again, log_in), ('sum by (instance) (bcryptd_bans{jail="sshd"})',)),
    "other names": (
        partial(handshakes, "unknown.example", "refused"),
        ("sum by (instance) (rate(nginx_connections_accepted[5m]))",),
    ),
    "bulk": (
        partial(again, send_bulk),
        ("sum by (instance) (rate(node_network_receive_bytes_total[5m]))",),
    ),
}
