"""A server that is installed and kept by hand, by the commands of docs/operations.md and docs/configuration.md in
their order."""

import shlex
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import support.document
from lab import document, image
from lab.authority import make_pair
from lab.client import serves
from lab.command import run
from lab.host import Host
from lab.lab import Lab, running, ssh_command
from lab.playbook import NAME
from support.daemon import ROOT
from support.stack import free_ports
from support.waiting import eventually

# Those of operations.md for such a server, beside the ones that other tests take by their text.
CHAPTERS = (
    "Install it on a server",
    "Settings and the cost",
    "Restart and upgrade",
    "Certificate",
    "The page",
    "Logs",
)
ELSEWHERE = "script/package"  # on the machine that builds it
FOLLOWING_S = 5  # how long one that never ends by itself is watched
ENDED_BY_TIMEOUT = 124


def commands() -> list[str]:
    """All of them, in the order of the documents."""
    own = [line for chapter in CHAPTERS for line in document.commands(chapter)]
    return own + support.document.commands((ROOT / "docs/configuration.md").read_text())


class Person:
    """Logged in to the host, with its own variables."""

    def __init__(self, lab: Lab, host: Host, package: Path) -> None:
        self.lab = lab
        self.host = host
        self.login = ssh_command(lab.directory, host.address)
        _, self.version, self.architecture = package.stem.split("_")
        self.variables = ""

    def type(self, line: str) -> str:
        if line.startswith("ssh "):
            return self.forward(line)
        ours = {"hash.example": NAME, "VERSION": self.version, "amd64": self.architecture}
        for theirs, value in ours.items():
            line = line.replace(theirs, value)
        if line.endswith(" -f"):
            return self.follow(line)
        if line.startswith("cap="):
            self.variables += f"{line}\n"
        return self.say(f"{self.variables}{line}")

    def say(self, script: str) -> str:
        """Says yes to apt's question."""
        return run(*self.login, f"set -eu\n{script}", stdin="y\n").stdout

    def follow(self, line: str) -> str:
        output = self.say(f"timeout {FOLLOWING_S} {line} || [ $? = {ENDED_BY_TIMEOUT} ]")
        assert output
        return output

    def forward(self, line: str) -> str:
        """The page, by the port of this machine."""
        (port,) = free_ports(1)
        assert line.endswith(" HOST")
        options = shlex.split(line.removesuffix(" HOST").replace("9180:", f"{port}:", 1))[1:]
        program, *login = self.login

        def read() -> str:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                    return str(answer.read().decode())
            except OSError:
                return ""

        with running(self.lab, "forward", [program, *options, *login]):
            return str(eventually("the page", read))


@pytest.fixture
def person(lab: Lab, package: Path) -> Iterator[Person]:
    """On a host that has nothing of ours but the package and a certificate."""
    (host,) = lab.boot("hand")
    home = host.root / "home" / image.USER
    (home / "build-package").mkdir()
    for place in (home, home / "build-package"):
        (place / package.name).write_bytes(package.read_bytes())
    certificate, key = make_pair(lab.directory, "hand", f"DNS:{NAME}")
    tls = host.root / "etc/nginx/tls"
    tls.mkdir(parents=True)
    (tls / "certificate.pem").write_text(certificate.read_text())
    (tls / "key.pem").write_text(key.read_text())
    (tls / "key.pem").chmod(0o600)
    yield Person(lab, host, package)
    host.power_off()


def test_the_commands_bring_up_a_server_and_keep_it(person: Person) -> None:
    lines = commands()
    assert len(lines) > 12
    for line in lines:
        if line == ELSEWHERE:
            continue
        output = person.type(line)
        if "--benchmark" in line:
            assert "lanes" in output
        if line.startswith("ssh "):
            assert "<title>" in output
        if line.startswith("sudo systemctl") or "reload" in line:
            eventually("it serves", lambda: serves(person.host.address))
