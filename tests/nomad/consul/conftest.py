"""One cluster for all tests: a server of Consul, and two hosts of the service."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.command import run
from lab.host import Host
from lab.lab import Lab, lab_or_skip
from lab.package import build_package
from lab.playbook import AT_ONCE, Inventory, staging
from nomad import engines
from nomad.consul.agents import Catalogue, documented
from nomad.live.cluster import archive
from support.play import Play

REHEARSAL = "ansible-playbook -i inventories/staging playbooks/consul.yml --check --diff"
RUN = "ansible-playbook -i inventories/staging playbooks/consul.yml"


def execute(inventory: Inventory, line: str, *options: str) -> Play:
    """A command of the chapter, for this inventory."""
    words = shlex.split(documented(line))
    assert words[1:3] == ["-i", "inventories/staging"]
    return inventory.execute([words[0], *words[3:], *options], variables=AT_ONCE)


@pytest.fixture(scope="package")
def program() -> Path:
    return engines.consul()


@pytest.fixture(scope="package")
def lab(program: Path) -> Iterator[Lab]:
    with lab_or_skip() as opened:
        yield opened


@pytest.fixture(scope="package")
def server(lab: Lab) -> Host:
    return lab.add("server", "trixie")


@pytest.fixture(scope="package")
def web(lab: Lab) -> list[Host]:
    return [lab.add("web1", "bookworm"), lab.add("web2", "trixie")]


@pytest.fixture(scope="package")
def hosts(server: Host, web: list[Host]) -> list[Host]:
    for host in (server, *web):
        host.wait_booted()
    return [server, *web]


@pytest.fixture(scope="package")
def package() -> Path:
    return build_package()


@pytest.fixture(scope="package")
def environment() -> Iterator[pytest.MonkeyPatch]:
    """Of Ansible, as the commands of the chapter set it."""
    with pytest.MonkeyPatch.context() as patch:
        line = documented("CONSUL_GOSSIP_KEY=$(openssl rand -base64 32); export CONSUL_GOSSIP_KEY")
        key = run("sh", "-c", f'{line}; echo "$CONSUL_GOSSIP_KEY"').stdout.strip()
        patch.setenv("CONSUL_GOSSIP_KEY", key)
        yield patch


@pytest.fixture(scope="package")
def inventory(
    lab: Lab,
    program: Path,
    hosts: list[Host],
    web: list[Host],
    package: Path,
    environment: pytest.MonkeyPatch,
) -> Inventory:
    result = staging(
        lab,
        web,
        package,
        [],
        maintenance_drain_seconds=2,
        maintenance_undrain_seconds=2,
        # What this machine's other work makes slow is no sign of Consul.
        bcryptd_settings={"deadline-ms": 9000},
    )
    # What every host has is tried by tests/lab.
    result.skip_tags += ",base,intrusion"
    result.add_group("consul", hosts, **archive(program, lab.directory))
    administrator = f"{lab.network[1]}/32"
    result.add_group("consul_servers", hosts[:1], firewall_ssh_sources=[administrator])
    result.add_group("consul_clients", web)
    return result


@pytest.fixture(scope="package")
def rehearsal(inventory: Inventory, hosts: list[Host]) -> Play:
    """What the first run would do, asked on fresh hosts."""
    play = execute(inventory, REHEARSAL)
    for host in hosts:
        for path in ("etc/consul.d", "etc/bcryptd-tls", "etc/systemd/system/consul.service"):
            assert not (host.root / path).exists()
    return play


@pytest.fixture(scope="package")
def agents(rehearsal: Play, inventory: Inventory, server: Host) -> Catalogue:
    """The service, and the agents as they are after the first run. They have no tokens."""
    inventory.play("site.yml")
    execute(inventory, RUN)
    result = Catalogue(server)
    result.token = result.secret("consul acl bootstrap")
    return result


@pytest.fixture(scope="package")
def catalogue(
    agents: Catalogue, inventory: Inventory, environment: pytest.MonkeyPatch
) -> Catalogue:
    """What the agents know, with their tokens."""
    for line in (
        """consul acl policy create -name agent -rules"""
        """ 'node_prefix "" { policy = "write" } service_prefix "" { policy = "read" }'""",
        """consul acl policy create -name lookup -rules"""
        """ 'node_prefix "" { policy = "read" } service_prefix "" { policy = "read" }'""",
        """consul acl policy create -name bcryptd -rules"""
        """ 'node_prefix "" { policy = "read" } service_prefix "bcryptd" { policy = "write" }'""",
    ):
        agents.command(documented(line))
    for variable, line in {
        "CONSUL_AGENT_TOKEN": "consul acl token create -policy-name agent",
        "CONSUL_DEFAULT_TOKEN": "consul acl token create -policy-name lookup",
        "CONSUL_SERVICE_TOKEN": "consul acl token create -policy-name bcryptd",
    }.items():
        environment.setenv(variable, agents.secret(line))
    execute(inventory, RUN, "--tags=consul", "--diff")
    return agents
