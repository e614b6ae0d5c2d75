"""The layers that refuse, from the outside to the hash, and what each refusal costs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from absorb import making
from absorb.cpu import Meter
from absorb.sending import CLIENTS, STRANGE, Field, Request, Send, connections, hashing, packets
from lab.client import service
from lab.playbook import NAME, client_limits
from bench.noise import QUIET, measured
from support.marked import SLOW_COST

HASH = "hash"
HIGHEST = "highest-cost"
TRIES = 3
JSON = '{"password":"a","cost":10}'
LONG = f'{{"password":"{"a" * 73}"}}'
COSTLY = f'{{"password":"a","hash":"$2b$31${"a" * 53}"}}'


@dataclass(frozen=True)
class Layer:
    """One way to refuse; during is what must be so meanwhile, and passing how many may be answered otherwise in so
    many seconds."""

    where: str
    what: str
    answer: str
    send: Send
    during: Callable[[Field], AbstractContextManager[None]] = lambda field: nullcontext()
    passing: Callable[[float], float] = lambda seconds: 0
    once: bool = False  # a client has too few ports for another try


def posted(
    status: int, body: str, path: str = "/v1/hash", limited: bool = False, clients: int = CLIENTS
) -> Request:
    return Request(status, path, "POST", body, limited=limited, clients=clients)


def hashed(field: Field) -> Layer:
    """At the default cost."""
    send = partial(hashing, "/v1/hash", {"password": "a"}, making.lanes(field))
    return Layer("bcryptd", "hash of the default cost", "200", send, making.no_deadline)


def checked(field: Field) -> Layer:
    """At the highest cost that a client may ask for, one after the other."""
    asked = {"password": "a", "cost": SLOW_COST}
    known = service(field.target.address).post("/v1/hash", asked).json()["hash"]
    question = {"password": "b", "hash": known}
    send = partial(hashing, "/v1/verify", question, 1)
    what = f"check of the highest cost ({SLOW_COST}), one at a time"
    return Layer("bcryptd", what, "200", send, making.no_deadline)


def of_one_client(seconds: float) -> float:
    """Requests that its rate lets pass; it is served a little longer than is measured."""
    rate, burst = client_limits()
    return 1 + burst + rate * (seconds + 1)


def layers(field: Field) -> dict[str, Layer]:
    """From the outside to the hash."""
    within_cap = min(CLIENTS, max(1, making.cap(field.target) // 2))
    return {
        "closed-port": Layer("nftables", "packet to a closed port", "none", partial(packets, 9180)),
        "banned": Layer(
            "nftables", "packet of a banned client", "none", partial(packets, 443), making.banned
        ),
        "connection-rate": Layer(
            "nftables", "new connection above a client's rate", "none", partial(packets, 443)
        ),
        "connection": Layer(
            "kernel, nginx",
            "connection that asks nothing",
            "closed",
            partial(connections, 80, None, "done"),
            once=True,
        ),
        "unknown-name": Layer(
            "nginx",
            "handshake for another name",
            "TLS alert",
            partial(connections, 443, STRANGE, "refused"),
            once=True,
        ),
        "handshake": Layer(
            "nginx",
            "whole handshake that asks nothing",
            "closed",
            partial(connections, 443, NAME, "done"),
            once=True,
        ),
        "plain-http": Layer("nginx", "plain HTTP", "403", Request(403, scheme="http")),
        "other-route": Layer("nginx", "no route", "404", Request(404)),
        "method": Layer("nginx", "method TRACE ¹", "405", Request(405, method="TRACE")),
        "path": Layer("nginx", "path above the root ¹", "400", Request(400, "/../a")),
        "uri": Layer("nginx", "request line of 5 kB ¹", "414", Request(414, f"/{'a' * 5000}")),
        "body": Layer("nginx", "body of 5 kB ¹", "413", posted(413, "a" * 5000)),
        "client-rate": Layer(
            "nginx",
            "client above its rate",
            "429",
            posted(429, LONG, limited=True),
            passing=of_one_client,
        ),
        "client-connections": Layer(
            "nginx",
            "client with all its requests at a time",
            "429",
            posted(429, LONG, limited=True),
            making.all_its_places_taken,
        ),
        "cap": Layer("nginx", "cap is reached", "503", posted(503, JSON), making.cap_reached),
        "password": Layer(
            "bcryptd", "password of 73 bytes", "422", posted(422, LONG, clients=within_cap)
        ),
        "cost": Layer(
            "bcryptd",
            "check of cost 31",
            "422",
            posted(422, COSTLY, "/v1/verify", clients=within_cap),
        ),
        "deadline": Layer(
            "bcryptd",
            "past its deadline",
            "503",
            posted(503, JSON, clients=within_cap),
            making.all_too_late,
        ),
        HASH: hashed(field),
        HIGHEST: checked(field),
    }


def measure_one(layer: Layer, field: Field) -> dict[str, Any]:
    with layer.during(field):
        meter = Meter(field.target)
        sent = layer.send(field)
        host_s, kernel_s = meter.host_s(), meter.kernel_s()
    if sent.count == 0 or sent.other > layer.passing(sent.seconds):
        raise RuntimeError(f"{layer.what}: {sent}; wanted: {layer.answer}")
    return {
        "where": layer.where,
        "what": layer.what,
        "answer": layer.answer,
        **asdict(sent),
        "host_s": host_s,
        "kernel_s": kernel_s,
    }


def measure_quietly(layer: Layer, field: Field, tries: int) -> dict[str, Any]:
    """Again when other programs took CPU, which takes caches, too; of all tries the quietest."""
    done = []
    for _ in range(1 if layer.once else tries):
        with measured() as noise:
            values = measure_one(layer, field)
        done.append({**values, "others": noise.share})
        if noise.share <= QUIET:
            break
    return min(done, key=itemgetter("others"))


def measure(field: Field, tries: int = 1) -> dict[str, dict[str, Any]]:
    """Without bans, which would end it."""
    with making.without_bans(field.target):
        return {name: measure_quietly(x, field, tries) for name, x in layers(field).items()}
