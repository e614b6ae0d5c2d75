"""One cluster for all tests: a server, two machines for the instances, one for the load balancer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.host import Host
from lab.lab import Lab, lab_or_skip
from lab.package import build_package
from lab.playbook import Inventory
from nomad import engines
from nomad.live import cluster as clusters
from nomad.live.cluster import Cluster
from nomad.live.deployment import Deployment, file_server
from support.play import Play

CLIENTS = ("client1", "client2")


@pytest.fixture(scope="package")
def program() -> Path:
    return engines.nomad()


@pytest.fixture(scope="package")
def lab(program: Path) -> Iterator[Lab]:
    with lab_or_skip() as opened:
        yield opened


@pytest.fixture(scope="package")
def hosts(lab: Lab) -> dict[str, Host]:
    """The driver exec needs control groups that a host may change, which here only Debian 12 has."""
    server = lab.add("server", "trixie")
    others = [lab.add(name, containers=True) for name in (*CLIENTS, clusters.EDGE)]
    for host in (server, *others):
        host.wait_booted()
    return {host.name: host for host in (server, *others)}


@pytest.fixture(scope="package")
def inventory(lab: Lab, program: Path, hosts: dict[str, Host]) -> Inventory:
    clients = [hosts[name] for name in CLIENTS]
    return clusters.inventory(lab, program, hosts["server"], clients, [hosts[clusters.EDGE]])


@pytest.fixture(scope="package")
def rehearsal(inventory: Inventory, hosts: dict[str, Host]) -> Play:
    """What the first run would do, asked on fresh hosts."""
    play = inventory.play("nomad.yml", "--check", "--diff")
    for host in hosts.values():
        assert not (host.root / "etc/nomad.d").exists()
        assert not (host.root / "etc/bcryptd-tls").exists()
    return play


@pytest.fixture(scope="package")
def cluster(
    rehearsal: Play, inventory: Inventory, program: Path, hosts: dict[str, Host]
) -> Cluster:
    """The agents, configured."""
    inventory.play("nomad.yml")
    result = Cluster(program, hosts["server"])
    result.bootstrap()
    result.wait_ready(*CLIENTS, clusters.EDGE)
    return result


@pytest.fixture(scope="package")
def package() -> Path:
    return build_package()


@pytest.fixture(scope="package")
def deployment(lab: Lab, cluster: Cluster, package: Path) -> Iterator[Deployment]:
    """Both jobs, healthy and with the load balancer in front."""
    directory = lab.directory / "files"
    directory.mkdir()
    with file_server(lab, directory) as files:
        result = Deployment(cluster.of_deployer(), files, directory, package)
        result.give_certificates()
        result.plan()
        result.submit()
        result.run_balancer()
        result.wait_deployed(0)
        yield result


@pytest.fixture(scope="package")
def address(deployment: Deployment, hosts: dict[str, Host]) -> str:
    """Where clients ask: the load balancer's."""
    return hosts[clusters.EDGE].address


@pytest.fixture
def spread(cluster: Cluster, deployment: Deployment) -> None:
    """One instance on each machine, wherever they were left: a new version is placed anew."""

    def places() -> list[str]:
        return sorted(x["NodeName"] for x in cluster.healthy("bcryptd"))

    if places() != sorted(CLIENTS):
        version = cluster.job_version("bcryptd") + 1
        deployment.submit(memory=str(128 + version))
        deployment.wait_deployed(version)
    assert places() == sorted(CLIENTS)
