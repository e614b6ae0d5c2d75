"""A lab: hosts on a bridge. `with` takes all of it away, and so does the end of this process."""

import ipaddress
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import cleanup, image, network
from lab.command import run, why_not
from lab.host import Host

TESTS = Path(__file__).resolve().parents[1]


class Lab:
    def __init__(self, lab_id: str | None = None, keep: bool = False) -> None:
        for old in cleanup.stale():
            cleanup.sweep(old)
        self.id = lab_id or secrets.token_hex(2)
        self.keep = keep
        self.directory = cleanup.STATE / self.id
        self.hosts: dict[str, Host] = {}
        self.watch: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> Path:
        """The private key that logs in everywhere."""
        return self.directory / "key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    def open(self) -> "Lab":
        with cleanup.alone():
            self.directory.mkdir(parents=True)
            cleanup.note_process(self.directory / "maker", os.getpid())
        if self.keep:
            (self.directory / "keep").touch()
        else:
            self.start_watch()
        try:
            with cleanup.alone():
                self.network = network.set_up(self.id, cleanup.STATE)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.key))
            self.known_hosts.touch()
        except BaseException:
            self.close()
            raise
        return self

    def start_watch(self) -> None:
        self.watch = subprocess.Popen(
            [sys.executable, "-m", "lab.watch", self.id],
            stdin=subprocess.PIPE,
            cwd=TESTS,
            start_new_session=True,
        )

    def add(
        self,
        name: str,
        release: str = "bookworm",
        number: int | None = None,
        containers: bool = False,
        kind: image.Kind = image.HOST,
    ) -> Host:
        """Makes a host and boots it, without waiting for the end of the boot. number is the last
        part of its address; with containers it may run some of its own; kind is what it has from the
        start."""
        address = self.network[number or 10 + len(self.hosts)]
        host = Host(
            self.id,
            self.directory / "hosts" / name,
            release,
            ipaddress.IPv4Interface(f"{address}/{self.network.prefixlen}"),
            self.network[1],
            containers,
            kind,
        )
        host.directory.mkdir(parents=True)
        self.hosts[name] = host
        host.prepare(self.key.with_suffix(".pub").read_text())
        with self.known_hosts.open("a") as known:
            known.write(host.host_key())
        host.start()
        self.note_hosts()
        return host

    def note_hosts(self) -> None:
        """For `script/lab ssh`."""
        names = {name: host.address for name, host in self.hosts.items()}
        (self.directory / "hosts.json").write_text(json.dumps(names))

    def inventory(self, groups: list[str]) -> str:
        """The hosts as an inventory of Ansible, all of them in each of the groups."""
        members = {name: self.host_variables(host) for name, host in self.hosts.items()}
        tree = {group: {"hosts": members} for group in groups}
        # JSON is YAML.
        return json.dumps({"all": {"children": tree}}, indent=2) + "\n"

    def host_variables(self, host: Host) -> dict[str, str]:
        options = f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes"
        return {
            "ansible_host": host.address,
            "ansible_user": image.USER,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"{options} -o IdentitiesOnly=yes",
        }

    def boot(self, *names: str, release: str = "bookworm") -> list[Host]:
        """Makes hosts and waits until they are up."""
        hosts = [self.add(name, release) for name in names]
        for host in hosts:
            host.wait_booted()
        return hosts

    def log_in(self, host: Host, line: str) -> str:
        """Output of a line of shell on a host, for a person who logs in to it."""
        return run(*ssh_command(self.directory, host.address), line).stdout

    def close(self) -> None:
        cleanup.sweep(self.id)
        for host in self.hosts.values():
            if host.process is not None:
                host.process.wait(timeout=60)
        if self.watch is not None:
            assert self.watch.stdin is not None
            self.watch.stdin.close()
            self.watch.wait(timeout=60)

    def __enter__(self) -> "Lab":
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def running(
    lab: Lab, name: str, command: list[str], env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program of this machine that serves the lab, for the time of the block."""
    with (lab.directory / f"{name}.log").open("wb") as log:
        environment = {**os.environ, **(env or {})}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    cleanup.note_process(lab.directory / f"{name}.pid", process.pid)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def lab_or_skip() -> Iterator[Lab]:
    """For a fixture: a lab, or the reason why there can be none here."""
    reason = why_not()
    if reason is not None:
        pytest.skip(f"no booted hosts here: {reason}")
    with Lab() as opened:
        yield opened


@contextmanager
def lab_or_error() -> Iterator[Lab]:
    """For a program: a lab, or an error with the reason why there can be none here."""
    reason = why_not()
    if reason is not None:
        raise RuntimeError(f"no booted hosts here: {reason}")
    with Lab() as opened:
        yield opened


def ssh_command(directory: Path, address: str) -> list[str]:
    """What logs in to a host of a lab."""
    return [
        "ssh",
        "-i",
        str(directory / "key"),
        "-o",
        f"UserKnownHostsFile={directory / 'known_hosts'}",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        "IdentitiesOnly=yes",
        f"{image.USER}@{address}",
    ]
