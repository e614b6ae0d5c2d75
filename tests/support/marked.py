"""Requests with a marked password: all that a client can do with one, and all that can go wrong. The
tests look for the mark afterwards."""

import json
import secrets
import sys
from collections.abc import Callable

from support.service import Service
from support.waiting import eventually

SLOW_COST = 15  # a hash that can be seen while it is computed


def new_mark() -> str:
    """A password whose parts are found nowhere else."""
    return "mark" + secrets.token_hex(16)


def as_escapes(mark: str) -> bytes:
    """As a client may write it in a path."""
    return "".join(f"%{ord(c):02x}" for c in mark).encode()


def as_key(mark: str) -> bytes:
    """The words of a cipher's key that a password becomes, as this machine has them in memory."""
    secret = mark.encode()
    words = [secret[i : i + 4] for i in range(0, len(secret), 4)]
    return b"".join(word[::-1] for word in words) if sys.byteorder == "little" else secret


def raw_get(service: Service, path: str, host: str | None = None) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host or service.name}\r\nConnection: close\r\n\r\n".encode()
    )


def succeed(service: Service, mark: str) -> None:
    assert service.get(f"/gethash/{mark}/").status == 200
    assert service.get(f"/gethash/{as_escapes(mark).decode()}").status == 200
    answer = service.post("/v1/hash", {"password": mark})
    assert answer.status == 200
    question = {"password": mark, "hash": answer.json()["hash"]}
    assert service.post("/v1/verify", question).status == 200


def be_refused(service: Service, mark: str) -> None:
    statuses = [
        service.get(f"/gethash/{mark}%zz/").status,
        service.get(f"/gethash/{mark}%00/").status,
        service.get(f"/gethash/{mark}/{mark}").status,
        service.get(f"/gethash/{mark}?{mark}").status,
        service.get(f"/{mark}").status,
        service.ask("DELETE", f"/gethash/{mark}/").status,
        service.get(f"/gethash/{mark}{'a' * 72}/").status,
        service.get(f"/gethash/{mark}{'a' * 20000}/").status,
        service.post("/v1/hash", f'{{"password": "{mark}'.encode()).status,
        service.post("/v1/hash", {"password": mark, mark: 1}).status,
        service.post("/v1/hash", {"password": mark, "cost": 99}).status,
        service.post("/v1/hash", {"password": mark + "a" * 5000}).status,
        service.post("/v1/verify", {"password": mark, "hash": mark}).status,
        service.ask("POST", "/v1/hash", mark.encode(), {"Content-Type": "text/plain"}).status,
    ]
    assert all(400 <= status < 500 for status in statuses), statuses


def break_the_protocol(service: Service, mark: str) -> None:
    for tls in (False, True):
        assert service.raw(f"GET /gethash/{mark}/ HTTP/9.9\r\n\r\n".encode(), tls)
        assert service.raw(f"{mark} {mark} {mark}\r\n\r\n".encode(), tls)
        assert service.raw(raw_get(service, f"/gethash/{mark}/", "unknown.example"), tls) == b""
    # Plain HTTP on the TLS port, and a handshake that breaks in the middle.
    with service.connect(port=service.https_port) as plain:
        plain.sendall(raw_get(service, f"/gethash/{mark}/"))
        while plain.recv(65536):
            pass
    with service.connect(port=service.https_port) as broken:
        broken.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + mark.encode())


def fail_in_every_way(service: Service, mark: str) -> None:
    be_refused(service, mark)
    break_the_protocol(service, mark)


def be_refused_for_overload(service: Service, mark: str) -> None:
    """More at once than the cap lets in."""
    connections = [service.connect(tls=True) for _ in range(60)]
    for connection in connections:
        connection.sendall(raw_get(service, f"/gethash/{mark}/"))
    heads = []
    for connection in connections:
        with connection, connection.makefile("rb") as stream:
            heads.append(stream.readline())
    assert any(b" 503 " in head for head in heads)


def leave_and_kill(service: Service, mark: str, kill: Callable[[int], None]) -> None:
    """A worker that dies under a request, and a client that leaves. kill takes a pid as the service
    knows it."""
    body = json.dumps({"password": mark, "cost": SLOW_COST})
    head = f"POST /v1/hash HTTP/1.1\r\nHost: {service.name}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    # The hash of a client that left goes on, so that its worker would be taken for the one to kill.
    for action in ("kill", "leave"):
        with service.connect(tls=True) as connection:
            connection.sendall(request)
            busy = eventually(
                "busy",
                lambda: [row["pid"] for row in service.status()["workers"] if row["lanes_busy"]],
            )
            if action == "kill":
                for pid in busy:
                    kill(pid)
                connection.recv(65536)
    workers = service.status()["workers_max"]
    eventually("all workers", lambda: service.status()["workers_up"] == workers)


def wait_until_idle(service: Service) -> None:
    eventually("all idle", lambda: {x["state"] for x in service.status()["workers"]} == {"idle"})
