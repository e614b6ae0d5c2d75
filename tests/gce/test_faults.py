"""Google on a bad day: the playbook goes on after a retry, or ends with a clear error and completes when it
is run again."""

from collections.abc import Iterator

import pytest

from gce.double import Double
from gce.play import Project, deployable, production

# The roles in their order, so that a run that failed in one goes on there.
TAGS = ["gce_secrets", "gce_network", "gce_image", "gce_fleet", "gce_lb"]


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Nothing deployed yet."""
    with Double() as double:
        deployable(double)
        directory = tmp_path_factory.mktemp("project")
        yield production(double, directory, gce_lb_dns_zone="example")


@pytest.mark.parametrize("kind", ["503", "429", "lost_answer", "resource_not_ready"])
def test_what_passes_by_itself_is_asked_again(project: Project, kind: str) -> None:
    double = project.double
    double.faults.fail_first(kind)
    project.deploy()
    assert len(double.faults.applied) > (15 if kind == "resource_not_ready" else 40)
    double.faults.clear()
    again = project.deploy()
    assert again.changed() == 0, again.changes()


@pytest.mark.parametrize("kind", ["403", "operation_error"])
def test_what_does_not_is_told_and_the_next_run_goes_on(project: Project, kind: str) -> None:
    double = project.double
    double.faults.fail_first(kind)
    told = {"403": "does not have permission", "operation_error": "Operation rate exceeded"}[kind]
    failures = 0
    for tag in TAGS:
        while True:
            before = len(double.faults.applied)
            play = project.deploy(f"--tags={tag}", check=False)
            if play.status == 0:
                break
            failures += 1
            assert len(double.faults.applied) > before, play.output
            assert play.says(told), play.output
    # Modules try again by themselves.
    assert failures > (20 if kind == "403" else 5)
    double.faults.clear()
    again = project.deploy()
    assert again.changed() == 0, again.changes()
