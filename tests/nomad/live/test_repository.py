"""Nomad from its vendor's repository, on a client that had it from an archive."""

from pathlib import Path
from typing import Any

import pytest

from lab.client import serves
from lab.host import Host
from lab.playbook import Inventory
from nomad.live.cluster import EDGE, Cluster, version
from nomad.live.deployment import Deployment
from nomad.live.repository import make_repository

PROGRAM = "readlink /proc/$(systemctl show --property=MainPID --value nomad.service)/exe"
KEPT = "apt-get --simulate --yes dist-upgrade >/dev/null && apt-cache policy nomad"


@pytest.fixture
def source(program: Path, deployment: Deployment) -> dict[str, Any]:
    """What the role needs to know of the repository."""
    directory = deployment.directory / "vendor"
    directory.mkdir()
    repository = make_repository(program, directory, "stable")
    return {
        "nomad_source": "repository",
        "nomad_repository": f"{deployment.files}/vendor",
        "nomad_repository_suite": repository.suite,
        "nomad_repository_key": str(repository.key),
    }


def test_a_client_takes_the_package_of_its_version(
    source: dict[str, Any],
    program: Path,
    cluster: Cluster,
    address: str,
    inventory: Inventory,
    hosts: dict[str, Host],
) -> None:
    edge, options = hosts[EDGE], ["--limit=edge", "--tags=nomad"]
    before = edge.shell("pgrep --exact nginx")
    inventory.play("nomad.yml", *options, **source)
    assert edge.shell(PROGRAM).strip() == "/usr/bin/nomad"
    assert f"Installed: {version(program)}-1" in edge.shell(KEPT)
    # The role's unit and settings are above the package's.
    assert "/etc/systemd/system/nomad.service" in edge.shell("systemctl cat nomad.service")
    assert not (edge.root / "etc/nomad.d/nomad.hcl").exists()
    assert inventory.play("nomad.yml", *options, **source).changed() == 0
    cluster.wait_ready(EDGE)
    assert edge.shell("pgrep --exact nginx") == before
    assert serves(address)
