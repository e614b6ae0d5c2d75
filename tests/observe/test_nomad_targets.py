"""What asks Nomad for Prometheus's targets, against answers in the form of its API."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.daemon import ROOT

PROGRAM = ROOT / "ansible/roles/prometheus/files/bcryptd-nomad-targets"
ENTRY = {
    "Address": "192.0.2.1",
    "AllocID": "aaaaaaaa-0000-0000-0000-000000000000",
    "NodeID": "bbbbbbbb-0000-0000-0000-000000000000",
    "Port": 23456,
    "ServiceName": "bcryptd-metrics",
}
MEMBERS = [
    {"Name": "one.global", "Addr": "192.0.2.2", "Status": "alive"},
    {"Name": "two.global", "Addr": "2001:db8::2", "Status": "failed"},
    {"Name": "old.global", "Addr": "192.0.2.9", "Status": "left"},
    {"Name": "far.other", "Addr": "192.0.2.8", "Status": "alive"},
]
NODES = [{"Name": "client", "Address": "192.0.2.3", "Status": "down"}]


class Nomad(ThreadingHTTPServer):
    """Answers for one service, and of the agents; remembers the tokens."""

    refused = ""  # the path that the token may not ask for

    def __init__(self) -> None:
        self.services: list[dict[str, Any]] = [ENTRY]
        self.status = 200
        self.tokens: list[str | None] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Nomad

    def do_GET(self) -> None:
        self.server.tokens.append(self.headers.get("X-Nomad-Token"))
        known: dict[str, Any] = {
            "/v1/service/bcryptd-metrics": self.server.services,
            "/v1/agent/members": {"Members": MEMBERS},
            "/v1/nodes": NODES,
        }
        body = json.dumps(known.get(self.path, [])).encode()
        self.send_response(403 if self.path == self.server.refused else self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def nomad() -> Iterator[Nomad]:
    with Nomad() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: Nomad, directory: Path) -> int:
    env = {
        **os.environ,
        "NOMAD_ADDR": f"http://127.0.0.1:{server.server_port}",
        "NOMAD_TOKEN": "a token",
        "NOMAD_REGION": "global",
        "TARGET_LABELS": '{"environment": "staging"}',
    }
    command = [str(PROGRAM), str(directory), "bcryptd=bcryptd-metrics"]
    return subprocess.run(command, env=env, check=False, stderr=subprocess.DEVNULL).returncode


def test_services_become_targets_and_stay_while_nomad_is_away(tmp_path: Path) -> None:
    with nomad() as server:
        assert ask(server, tmp_path) == 0
        assert set(server.tokens) == {"a token"}
        (target,) = json.loads((tmp_path / "bcryptd.json").read_text())
        assert target["targets"] == ["192.0.2.1:23456"]
        assert target["labels"] == {
            "environment": "staging",
            "instance": "bbbbbbbb/aaaaaaaa",
        }
        server.status = 500
        server.services = []
        assert ask(server, tmp_path) != 0
        assert json.loads((tmp_path / "bcryptd.json").read_text()) == [target]
        server.status = 200
        assert ask(server, tmp_path) == 0
        assert json.loads((tmp_path / "bcryptd.json").read_text()) == []


def found(path: Path) -> dict[str, str]:
    """Addresses of targets by their instances."""
    targets = json.loads(path.read_text())
    return {x["labels"]["instance"]: x["targets"][0] for x in targets}


def test_agents_become_targets_until_they_have_left(tmp_path: Path) -> None:
    with nomad() as server:
        assert ask(server, tmp_path) == 0
        port = server.server_port
    servers = {"one": f"192.0.2.2:{port}", "two": f"[2001:db8::2]:{port}"}
    assert found(tmp_path / "nomad-servers.json") == servers
    assert found(tmp_path / "nomad-clients.json") == {"client": f"192.0.2.3:{port}"}


def test_what_is_refused_keeps_nothing_else_from_being_known(tmp_path: Path) -> None:
    with nomad() as server:
        server.refused = "/v1/agent/members"
        assert ask(server, tmp_path) == 1
    assert not (tmp_path / "nomad-servers.json").exists()
    assert found(tmp_path / "nomad-clients.json").keys() == {"client"}
    assert found(tmp_path / "bcryptd.json").keys() == {"bbbbbbbb/aaaaaaaa"}
