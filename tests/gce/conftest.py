"""One fleet for the tests of the playbooks: they leave it as gce.yml describes it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gce.double import Double
from gce.play import Project, deployable, production
from support.play import Play


@pytest.fixture(scope="session")
def double() -> Iterator[Double]:
    with Double() as opened:
        deployable(opened)
        yield opened


@pytest.fixture(scope="session")
def foreign(double: Double) -> dict[str, str]:
    """What others have in the project, partly under a name that ours could have; by link, as it was."""
    own = f"projects/{double.project}/global"
    theirs: dict[str, dict[str, Any]] = {
        f"{own}/networks/default": {"kind": "compute#network", "autoCreateSubnetworks": True},
        f"{own}/images/bcryptd-production-mine": {"kind": "compute#image", "status": "READY"},
        f"{own}/firewalls/bcryptd-production-mine": {"kind": "compute#firewall", "priority": 1},
    }
    with double.lock:
        store = double.state.store
        for link, resource in theirs.items():
            store.put(link, store.stamped(link, resource["kind"], resource))
        return {link: json.dumps(store.resources[link]) for link in theirs}


@pytest.fixture(scope="session")
def project(double: Double, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return production(double, tmp_path_factory.mktemp("project"), gce_lb_dns_zone="example")


@pytest.fixture(scope="session")
def rehearsal(project: Project, foreign: dict[str, str]) -> Play:
    """What the first run would do, asked of the empty project."""
    play = project.deploy("--check")
    assert project.double.writes() == []
    return play


@pytest.fixture(scope="session")
def deployed(project: Project, rehearsal: Play) -> Project:
    project.deploy()
    return project
