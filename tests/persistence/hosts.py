"""The hosts: a primary and a standby, a pooler, three members of etcd, and the simulated VMs."""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.host import Host
from lab.lab import Lab
from persistence.image import DATABASES

CLIENT = Path(__file__).parent / "client"
PROGRAM = "opt/persistence"  # below a host's root


@dataclass
class Site:
    lab: Lab
    databases: list[Host]
    pooler: Host
    members: list[Host]
    vms: list[Host]
    password: str  # of the application and of the replication, for this one run

    @property
    def network(self) -> str:
        return str(self.lab.network)


def install_client(host: Host) -> None:
    package = host.root / PROGRAM / "persistence"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copytree(CLIENT, package / "client", ignore=shutil.ignore_patterns("__pycache__"))


def boot(lab: Lab, vms: int) -> Site:
    """All of them at once."""
    names = ["pg1", "pg2", "pool", "etcd1", "etcd2", "etcd3", *(f"vm{i + 1}" for i in range(vms))]
    hosts = [lab.add(name, kind=DATABASES) for name in names]
    for host in hosts:
        host.wait_booted()
    for host in hosts[6:]:
        install_client(host)
    return Site(lab, hosts[:2], hosts[2], hosts[3:6], hosts[6:], secrets.token_hex(16))


def write(host: Host, path: str, content: str, owner: str = "root", mode: str = "0644") -> None:
    """A file on a host that runs."""
    script = f'install -D -o {owner} -g {owner} -m {mode} /dev/stdin "{path}"'
    host.run("sh", "-c", script, stdin=content)
