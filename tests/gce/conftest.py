"""One fleet for the tests of the playbooks: they leave it as gce.yml describes it."""

from collections.abc import Iterator

import pytest

from gce.double import LOG, Double
from gce.play import Project, add_foreign, deployable, production
from support.play import Play


@pytest.fixture(autouse=True)
def log_of_what_is_right(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log that GCE_DOUBLE_LOG names gets the requests of the playbooks."""
    if getattr(request.module, "ASKS_WRONGLY", False):
        monkeypatch.delenv(LOG, raising=False)


@pytest.fixture(scope="session")
def double() -> Iterator[Double]:
    with Double() as opened:
        deployable(opened)
        yield opened


@pytest.fixture(scope="session")
def foreign(double: Double) -> dict[str, str]:
    """What others have in the project; by link, as it was."""
    return add_foreign(double)


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
    project.first_run = list(project.double.requests)
    return project
