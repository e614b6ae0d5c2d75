"""Consul's agents, spoken to as a person does who has logged in to their hosts, by the commands of docs/nomad.md."""

import json
import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from time import monotonic
from typing import Any

import support.document
from lab.client import PAUSE_S, Load, ask, service
from lab.command import run
from lab.host import Host
from lab.playbook import ANSIBLE
from support.daemon import ROOT
from support.load import running

CHAPTER = "Consul on plain VMs, by Ansible"
API = "http://127.0.0.1:8500"
NAME = "bcryptd.service.consul"
MAINTENANCE = (ANSIBLE / "roles/maintenance/files/consul").read_text()
LOOK_S = 0.2  # between two looks at the catalogue


def commands() -> list[str]:
    """Those of the chapter."""
    text = (ROOT / "docs/nomad.md").read_text().partition(f"\n### {CHAPTER}\n")[2]
    return support.document.commands(re.split(r"^##", text, flags=re.M)[0])


def documented(line: str) -> str:
    """A command of the chapter, which is there."""
    assert line in commands(), f"docs/nomad.md has no command '{line}'"
    return line


def resolve(host: Host, name: str = NAME) -> set[str]:
    """What a host's own agent answers, asked by this machine's dig; where it does not answer, what dig says of that."""
    command = documented("dig @127.0.0.1 -p 8600 bcryptd.service.consul").replace(NAME, name)
    options = ["+short", "+tries=1", "+time=2"]
    looked_up = run(*host.from_its_network([*command.split(), *options]), check=False)
    return set(looked_up.stdout.splitlines())


class Catalogue:
    """What all agents know, asked on the server with the first token."""

    def __init__(self, server: Host) -> None:
        self.server = server
        self.token = ""

    def command(self, line: str) -> str:
        """Output of a line of shell."""
        environment = f"CONSUL_HTTP_TOKEN={self.token}"
        return self.server.run("env", environment, "sh", "-c", line).stdout

    def secret(self, line: str) -> str:
        """The token that a documented command makes."""
        found = re.search(r"^SecretID: +(\S+)$", self.command(documented(line)), flags=re.M)
        assert found
        return found[1]

    def api(self, path: str) -> Any:
        header = '"X-Consul-Token: $CONSUL_HTTP_TOKEN"'
        return json.loads(self.command(f"curl -fsS --header {header} '{API}{path}'"))

    def nodes(self) -> set[str]:
        return {node["Node"] for node in self.api("/v1/catalog/nodes")}

    def services(self) -> set[str]:
        return set(self.api("/v1/catalog/services"))

    def instances(self, name: str) -> set[tuple[str, int]]:
        """Where those of a service are that pass their checks."""
        found = self.api(f"/v1/health/service/{name}?passing")
        return {(x["Node"]["Address"], x["Service"]["Port"]) for x in found}

    def checks(self, name: str, node: str) -> dict[str, tuple[str, str]]:
        """State and notes of the checks of a node's service, by their names."""
        found = self.api(f"/v1/health/checks/{name}")
        return {x["Name"]: (x["Status"], x["Notes"]) for x in found if x["Node"] == node}


def run_client(at: Host, load: Load) -> None:
    while not load.stopping.is_set():
        begun = monotonic()
        try:
            connection = service(random.choice(sorted(resolve(at)))).client()
            outcome = ask(connection)
            connection.close()
        except (OSError, HTTPException, IndexError) as error:
            outcome = repr(error)
        load.note(outcome, begun)
        load.stopping.wait(PAUSE_S)


@contextmanager
def clients(at: Host, count: int = 2) -> Iterator[Load]:
    """Clients of the service that look its address up, by a host's agent, for each of their requests."""
    load = Load()
    with running([partial(run_client, at, load)] * count, load.stopping):
        yield load


@contextmanager
def answers(at: Host) -> Iterator[list[set[str]]]:
    """What a host's agent answers, again and again until the block ends."""
    seen: list[set[str]] = []
    stopping = threading.Event()

    def look() -> None:
        while not stopping.is_set():
            seen.append(resolve(at))
            stopping.wait(LOOK_S)

    with running([look], stopping):
        yield seen
