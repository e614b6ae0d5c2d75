"""gce.yml against the double: from nothing to a fleet that serves, and again."""

import json

from gce.play import Project
from support.play import Play

NAME = "bcryptd-production"


def test_the_rehearsal_tells_what_would_be_made(rehearsal: Play) -> None:
    # Three firewall rules, and 16 others that are one each.
    assert rehearsal.changed() == 19, rehearsal.changes()
    for name in ("firewalls/bcryptd-production-probes", "autoscalers", "secrets", "hash.example."):
        assert name in rehearsal.output, name


def test_an_empty_project_becomes_a_fleet_that_serves(deployed: Project) -> None:
    double = deployed.double
    fleet = double.fleet(NAME)
    assert len(fleet.members()) == 3 and fleet.status()["isStable"]
    zones = {member["instance"].split("/")[-3] for member in fleet.managed_instances()}
    assert len(zones) == 3
    template = fleet.managed_instances()[0]["version"]["instanceTemplate"]
    properties = double.get("instanceTemplates", template.split("/")[-1])["properties"]
    assert properties["shieldedInstanceConfig"]["enableSecureBoot"]
    assert "accessConfigs" not in properties["networkInterfaces"][0]
    assert properties["serviceAccounts"][0]["email"].startswith(f"{NAME}@")
    autoscaler = double.get("regionAutoscalers", NAME)["autoscalingPolicy"]
    assert (autoscaler["minNumReplicas"], autoscaler["cpuUtilization"]["utilizationTarget"]) == (
        3,
        0.8,
    )
    rule = double.get("forwardingRules", NAME)
    assert rule["IPAddress"] == double.get("addresses", NAME)["address"]
    record = double.state.dns.records["example"]["hash.example.", "A"]
    assert record["rrdatas"] == [rule["IPAddress"]]


def test_the_key_stands_in_the_secret_alone(deployed: Project) -> None:
    key = (deployed.directory / "key.pem").read_text().splitlines()[5]
    double = deployed.double
    stored = json.dumps(list(double.state.store.resources.values()))
    assert key not in stored and key not in json.dumps([vars(r) for r in double.requests])
    outputs = [path.read_text() for path in deployed.directory.glob("play-*.log")]
    assert outputs and not any(key in output for output in outputs)
    assert not any(double.token in output for output in outputs)


def test_a_second_run_changes_nothing(deployed: Project) -> None:
    since = len(deployed.double.requests)
    again = deployed.deploy("-vvv")
    assert again.changed() == 0, again.changes()
    assert deployed.double.writes(since) == []


def test_the_rehearsal_of_a_third_run_tells_nothing(deployed: Project) -> None:
    again = deployed.deploy("--check")
    assert again.changed() == 0, again.changes()


def test_google_knows_every_request(deployed: Project) -> None:
    """The double answers 400 to what Google's schema does not have; 404 is what is not there yet."""
    refused = [request for request in deployed.first_run if request.status != 200]
    wrong = [request for request in refused if (request.method, request.status) != ("GET", 404)]
    assert refused and not wrong
