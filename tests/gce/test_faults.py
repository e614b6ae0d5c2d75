"""Google on a bad day: the playbook goes on after a retry, or ends with a clear error and completes when it
is run again."""

from collections import Counter
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


def test_what_passes_by_itself_is_asked_again(project: Project) -> None:
    double = project.double
    # The last one is carried out, so nothing is asked for after it.
    double.faults.fail_first("503", "429", "resource_not_ready", "lost_answer")
    project.deploy()
    came = Counter(fault.kind for fault in double.faults.applied)
    assert min(came[kind] for kind in ("503", "429", "lost_answer")) > 40
    assert came["resource_not_ready"] > 15
    double.faults.clear()
    again = project.deploy()
    assert again.changed() == 0, again.changes()


def test_what_does_not_is_told_and_the_next_run_goes_on(project: Project) -> None:
    double = project.double
    told = {"403": "does not have permission", "operation_error": "Operation rate exceeded"}
    double.faults.fail_first(*told)
    failures: Counter[str] = Counter()
    for tag in TAGS:
        while True:
            before = len(double.faults.applied)
            play = project.deploy(f"--tags={tag}", check=False)
            if play.status == 0:
                break
            assert len(double.faults.applied) > before, play.output
            kind = double.faults.applied[-1].kind
            assert play.says(told[kind]), play.output
            failures[kind] += 1
    # Modules try again by themselves.
    assert failures["403"] > 20 and failures["operation_error"] > 5, failures
    double.faults.clear()
    again = project.deploy()
    assert again.changed() == 0, again.changes()
