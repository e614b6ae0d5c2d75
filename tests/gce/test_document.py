"""The commands of docs/gce.md and docs/scaling.md, as a rehearsal: the other tests of this directory run the same
playbooks in earnest."""

import json
import shlex
from collections.abc import Iterator

import pytest

from gce.documented import UNIQUE
from gce.double import Double
from gce.links import full
from gce.play import IMAGE, Project

NAME = "bcryptd-production"


def used_template(double: Double) -> str:
    versions = double.get("regionInstanceGroupManagers", NAME)["versions"]
    return str(versions[0]["instanceTemplate"].split("/")[-1])


def test_there_are_such_commands() -> None:
    assert len(UNIQUE) > 8, UNIQUE


@pytest.fixture(scope="module")
def older(deployed: Project) -> Iterator[Double]:
    """With a template that was before the one in use, to go back to."""
    double = deployed.double
    name = used_template(double)
    link = f"projects/{double.project}/global/instanceTemplates/{name}-older"
    template = {**double.get("instanceTemplates", name), "name": f"{name}-older"}
    with double.lock:
        double.state.store.put(link, {**template, "selfLink": full(link)})
    yield double
    with double.lock:
        del double.state.store.resources[link]


@pytest.mark.parametrize("line", UNIQUE)
def test_a_command_of_the_documents_works(deployed: Project, older: Double, line: str) -> None:
    since = len(older.requests)
    words = shlex.split(line.replace("TEMPLATE", used_template(older)))
    words[words.index("inventories/production")] = str(deployed.inventory)
    if words[0] == "ansible-playbook":
        words += ["--check", f"--extra-vars={json.dumps(IMAGE)}"]
    deployed.execute(words)
    assert older.writes(since) == []
