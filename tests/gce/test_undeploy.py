"""gce_destroy.yml: what gce.yml made goes, and nothing else."""

import json
from collections.abc import Iterator

import pytest

from gce.double import Double
from gce.play import Project, add_foreign, deployable, production

NAME = "bcryptd-production"


@pytest.fixture(scope="module")
def double() -> Iterator[Double]:
    """One that no other test needs after this."""
    with Double() as opened:
        deployable(opened)
        yield opened


@pytest.fixture(scope="module")
def foreign(double: Double) -> dict[str, str]:
    return add_foreign(double)


@pytest.fixture(scope="module")
def deployed(
    double: Double, foreign: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    project = production(double, tmp_path_factory.mktemp("project"), gce_lb_dns_zone="example")
    project.deploy()
    return project


def test_without_a_clear_yes_nothing_goes(deployed: Project) -> None:
    since = len(deployed.double.requests)
    for answer in ("yes\n", "\n"):
        stopped = deployed.play("gce_destroy.yml", check=False, inputs=answer)
        assert stopped.status != 0 and stopped.says("Nothing was removed.")
    assert deployed.double.writes(since) == []


def test_the_rehearsal_lists_what_would_go(deployed: Project) -> None:
    since = len(deployed.double.requests)
    told = deployed.play("gce_destroy.yml", "--check")
    assert f"{NAME}-tls" in told.output and f"forwardingRules/{NAME}" in told.output
    assert deployed.double.writes(since) == []


def test_it_leaves_nothing_and_touches_nothing_foreign(
    deployed: Project, foreign: dict[str, str]
) -> None:
    double = deployed.double
    deployed.play("gce_destroy.yml", gce_destroy_confirm=NAME)
    # Of the other environment.
    staging = {link for link in double.links() if "/images/bcryptd-staging-" in link}
    assert len(staging) == 2 and set(double.links()) == set(foreign) | staging
    assert {link: json.dumps(double.state.store.resources[link]) for link in foreign} == foreign
    assert ("hash.example.", "A") not in double.state.dns.records["example"]
    assert "example" in double.state.dns.zones
    assert double.state.secrets.secrets == {} and double.state.iam.accounts == {}
    again = deployed.play("gce_destroy.yml", gce_destroy_confirm=NAME)
    assert again.changed() == 0, again.changes()


def test_what_others_made_under_our_name_stays(deployed: Project) -> None:
    double = deployed.double
    link = f"projects/{double.project}/global/networks/{NAME}"
    with double.lock:
        store = double.state.store
        store.put(link, store.stamped(link, "compute#network", {"description": "theirs"}))
    play = deployed.play("gce_destroy.yml", gce_destroy_confirm=NAME)
    assert link in double.links()
    assert play.says(f"global/networks/{NAME} stays: it does not carry")
