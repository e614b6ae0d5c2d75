"""New releases and sizes: by a rolling update, by a canary with a gate, and back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gce.client import Client
from gce.double import Double
from gce.links import full
from gce.play import IMAGE, Project, deployable, production

NAME = "bcryptd-production"
SECOND: dict[str, Any] = {**IMAGE, "gce_image_content": "second"}
# Of the double's time; the healer and the load balancer look several times within.
GATE: dict[str, Any] = {"gce_rollout_bake_seconds": 60, "gce_rollout_canary_seconds": 300}


@pytest.fixture(scope="module")
def fleet(deployed: Project) -> Iterator[Project]:
    yield deployed
    deployed.deploy()


def templates(double: Double) -> dict[str, set[str]]:
    """The images of the group's versions, by the version's name."""
    found: dict[str, set[str]] = {}
    for version in double.get("regionInstanceGroupManagers", NAME)["versions"]:
        template = double.get("instanceTemplates", version["instanceTemplate"].split("/")[-1])
        image = template["properties"]["disks"][0]["initializeParams"]["sourceImage"]
        found.setdefault(version["name"], set()).add(image.split("/")[-1])
    return found


def running(double: Double) -> set[str]:
    """The templates of the VMs."""
    members = double.fleet(NAME).managed_instances()
    return {member["version"]["instanceTemplate"].split("/")[-1] for member in members}


def fewest_beside_target(double: Double, since: float) -> int:
    """How many VMs were healthy beyond the target when there were fewest of them."""
    steps = [step for step in double.fleet(NAME).history if step.time >= since]
    assert steps
    return min(step.healthy - step.target for step in steps)


def test_the_same_command_brings_a_release_by_a_rolling_update(fleet: Project) -> None:
    double = fleet.double
    before, start = running(double), double.clock.now()
    play = fleet.deploy(**SECOND)
    # The template, and the group's version; nothing else.
    assert play.changed() == 2, play.changes()
    assert templates(double) == {"stable": {f"{NAME}-second"}}
    assert len(running(double)) == 1 and not running(double) & before
    assert fewest_beside_target(double, start) >= 0


def test_back_to_the_release_before_by_its_template(fleet: Project) -> None:
    double = fleet.double
    start = double.clock.now()
    fleet.play("gce_rollout.yml", gce_rollout_to="previous", **GATE)
    assert templates(double) == {"stable": {f"{NAME}-first"}}
    assert fewest_beside_target(double, start) >= 0


def test_the_one_before_is_older_and_never_one_that_was_given_up(fleet: Project) -> None:
    """The first release runs, the second was left, so nothing is older."""
    none = fleet.play("gce_rollout.yml", "--check", check=False, gce_rollout_to="previous")
    assert none.status != 0 and none.says("No such template:")


def test_the_rehearsal_of_a_rollout_changes_nothing(fleet: Project) -> None:
    since = len(fleet.double.requests)
    told = fleet.play("gce_rollout.yml", "--check", **SECOND, **GATE)
    assert told.changed() > 0 and "1 VM(s) first" in " ".join(told.output.split())
    assert fleet.double.writes(since) == []


def test_a_canary_comes_first_and_then_all(fleet: Project) -> None:
    double = fleet.double
    since, start = len(double.requests), double.clock.now()
    double.faults.add("POST", "listManagedInstances", "503", 2)
    double.faults.add("POST", "getHealth", "429", 3)
    double.faults.add("GET", f"instanceGroupManagers/{NAME}$", "503", 3)
    fleet.play("gce_rollout.yml", **SECOND, **GATE)
    sent = [r.body["versions"] for r in double.requests[since:] if r.method == "PATCH"]
    assert [[v["name"] for v in versions] for versions in sent] == [
        ["stable", "canary"],
        ["stable"],
    ]
    assert sent[0][1]["targetSize"] == {"fixed": 1}
    # A server that does not answer now and then is no reason to go back.
    assert {fault.kind for fault in double.faults.applied} == {"503", "429"}
    assert templates(double) == {"stable": {f"{NAME}-second"}} and len(running(double)) == 1
    assert fewest_beside_target(double, start) >= 0
    # During the gate's minute there was one VM of the new release, and no more.
    assert double.fleet(NAME).status()["isStable"]


@pytest.mark.parametrize("fault", ["never-live", "never-ready", "dies"])
def test_a_canary_that_is_not_well_goes_back_by_itself(fleet: Project, fault: str) -> None:
    double = fleet.double
    before, start = templates(double), double.clock.now()
    labels = {"environment": "production", "simulated": fault}
    gate: dict[str, Any] = {**GATE, "gce_rollout_bake_seconds": 300}
    bad = fleet.play("gce_rollout.yml", check=False, gce_labels=labels, **SECOND, **gate)
    assert bad.status != 0
    assert bad.says("was not well; all VMs are on"), bad.output
    assert templates(double) == before and len(running(double)) == 1
    assert double.fleet(NAME).status()["isStable"]
    assert fewest_beside_target(double, start) >= 0


def test_a_rollout_that_was_cut_off_is_told_and_ended(fleet: Project) -> None:
    double = fleet.double
    manager = double.get("regionInstanceGroupManagers", NAME)
    stable = manager["versions"][0]
    other = next(
        link
        for link in double.links()
        if "/instanceTemplates/" in link and link[-8:] not in str(stable)
    )
    canary = {"name": "canary", "instanceTemplate": full(other), "targetSize": {"fixed": 1}}
    path = f"regions/europe-west1/instanceGroupManagers/{NAME}"
    Client(double).done("PATCH", path, {"versions": [stable, canary]})
    refused = fleet.play("gce_rollout.yml", check=False, **SECOND)
    assert refused.status != 0 and refused.says("Another rollout is not over")
    template = stable["instanceTemplate"].split("/")[-1]
    fleet.play("gce_rollout.yml", gce_rollout_to=template, gce_rollout_canaries=0)
    assert len(double.get("regionInstanceGroupManagers", NAME)["versions"]) == 1
    assert running(double) == {template}


def test_a_template_that_is_not_there_is_told(fleet: Project) -> None:
    bad = fleet.play("gce_rollout.yml", check=False, gce_rollout_to="nonesuch")
    assert bad.status != 0 and bad.says("No such template:")


def test_scaling_by_hand(fleet: Project) -> None:
    double = fleet.double
    fleet.play("gce_scale.yml", gce_scale_minimum=5, gce_scale_maximum=50)
    assert len(double.fleet(NAME).members()) == 5
    refused = fleet.play("gce_scale.yml", check=False, gce_scale_size=2)
    assert refused.status != 0 and refused.says("set gce_scale_minimum")
    frozen = fleet.play("gce_scale.yml", gce_scale_mode="OFF", gce_scale_size=2)
    assert frozen.changed() == 2, frozen.changes()
    assert len(double.fleet(NAME).members()) == 2
    # What was not given stayed as it was.
    policy = double.get("regionAutoscalers", NAME)["autoscalingPolicy"]
    assert (policy["minNumReplicas"], policy["maxNumReplicas"], policy["mode"]) == (5, 50, "OFF")
    assert policy["coolDownPeriodSec"] == 120


def test_old_templates_go_and_the_used_one_stays(fleet: Project) -> None:
    double = fleet.double
    fleet.deploy(gce_fleet_keep_templates=1)
    kept = [link for link in double.links() if "/instanceTemplates/" in link]
    used = double.get("regionInstanceGroupManagers", NAME)["versions"][0]["instanceTemplate"]
    assert used.split("/")[-1] in {link.split("/")[-1] for link in kept} and len(kept) <= 2


def test_the_fleet_is_an_inventory(fleet: Project, tmp_path: Path) -> None:
    command = ["ansible-inventory", "-i", str(fleet.inventory)]
    command += ["-i", "inventories/gce-production", "--list"]
    listing = json.loads(fleet.execute(command).output.partition("\n[WARNING]")[0])
    members = set(double_members(fleet.double))
    assert members and members <= set(listing["bcryptd"]["hosts"])
    one = listing["_meta"]["hostvars"][sorted(members)[0]]
    assert one["ansible_host"].startswith("10.") and one["maintenance_drain_seconds"] == 30


def double_members(double: Double) -> list[str]:
    return [member["instance"].split("/")[-1] for member in double.fleet(NAME).managed_instances()]
