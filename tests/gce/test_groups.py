"""Instances, managed instance groups and autoscalers by the API, over simulated machines."""

from collections.abc import Iterator
from typing import Any

import pytest

from gce.client import Client
from gce.double import Double
from gce.web import Json

# Of its requests, many are wrong on purpose: none goes to the log of the others.
ASKS_WRONGLY = True

REGION = "regions/europe-west1"
ZONE = "zones/europe-west1-b"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
MANAGER = f"{REGION}/instanceGroupManagers/fleet"
UPDATES = {
    "type": "PROACTIVE",
    "minimalAction": "REPLACE",
    "maxSurge": {"fixed": 3},
    "maxUnavailable": {"fixed": 0},
}


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as opened:
        opened.seed_image("debian-12-v1", "debian-12", "debian-cloud")
        yield opened


@pytest.fixture
def client(double: Double) -> Client:
    found = Client(double)
    found.make("global/networks", name="net", autoCreateSubnetworks=False)
    subnetwork = {"network": "global/networks/net", "ipCidrRange": "10.8.0.0/20"}
    found.make(f"{REGION}/subnetworks", name="sub", **subnetwork)
    return found


def properties(**more: Any) -> Json:
    disk = {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": IMAGE}}
    return {
        "machineType": "e2-standard-2",
        "disks": [disk],
        "networkInterfaces": [{"subnetwork": f"{REGION}/subnetworks/sub"}],
        "labels": {"role": "web"},
        **more,
    }


def make_template(client: Client, name: str, **more: Any) -> str:
    return client.make("global/instanceTemplates", name=name, properties=properties(**more))


def make_fleet(client: Client, **more: Any) -> str:
    template = make_template(client, "t1")
    probe = {"type": "HTTP", "httpHealthCheck": {"port": 9180, "requestPath": "/livez"}}
    check = client.make(f"{REGION}/healthChecks", name="livez", **probe)
    return client.make(
        f"{REGION}/instanceGroupManagers",
        name="fleet",
        targetSize=3,
        versions=[{"instanceTemplate": template}],
        updatePolicy=UPDATES,
        autoHealingPolicies=[{"healthCheck": check, "initialDelaySec": 300}],
        **more,
    )


def settle(double: Double) -> None:
    fleet = double.fleet("fleet")
    double.until(lambda: fleet.stable and fleet.version_reached)


def managed(client: Client) -> list[Any]:
    reply = client.compute("POST", f"{MANAGER}/listManagedInstances")
    return list(reply.body["managedInstances"])


def test_an_instance_has_a_disk_an_address_and_an_end(double: Double, client: Client) -> None:
    body = {**properties(), "machineType": f"{ZONE}/machineTypes/e2-small"}
    client.make(f"{ZONE}/instances", name="builder", **body)
    double.until(lambda: double.get("instances", "builder")["status"] == "RUNNING")
    found = client.get(f"{ZONE}/instances/builder")
    assert found["networkInterfaces"][0]["networkIP"]
    assert found["networkInterfaces"][0]["network"].endswith("/global/networks/net")
    disk = client.get(f"{ZONE}/disks/builder")
    assert disk["users"] == [found["selfLink"]] and disk["sourceImageId"]
    assert client.compute("DELETE", f"{ZONE}/disks/builder").status == 400
    client.done("DELETE", f"{ZONE}/instances/builder")
    assert client.compute("GET", f"{ZONE}/disks/builder").status == 404


def test_an_image_needs_a_disk_that_nobody_writes_to(double: Double, client: Client) -> None:
    client.make(
        f"{ZONE}/instances",
        name="builder",
        **{**properties(), "machineType": f"{ZONE}/machineTypes/e2-small"},
    )
    image = {"name": "i", "sourceDisk": f"{ZONE}/disks/builder", "family": "web"}
    refused = client.compute("POST", "global/images", image)
    assert refused.reason == "resourceInUseByAnotherResource"
    client.done("POST", f"{ZONE}/instances/builder/stop")
    assert client.get(f"{ZONE}/instances/builder")["status"] == "TERMINATED"
    client.make("global/images", **image)
    found = client.get("global/images/family/web")
    assert (found["name"], found["diskSizeGb"], found["status"]) == ("i", "10", "READY")
    client.done("POST", f"{ZONE}/instances/builder/start")
    assert client.get(f"{ZONE}/instances/builder")["status"] != "TERMINATED"


def test_an_instance_needs_what_it_names(client: Client) -> None:
    good: Json = {"name": "b", **properties(), "machineType": f"{ZONE}/machineTypes/e2-small"}
    changes: tuple[Json, ...] = (
        {"machineType": f"{ZONE}/machineTypes/e2-none"},
        {"networkInterfaces": [{"network": "global/networks/net"}]},
        {"disks": [{"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}]},
    )
    for change in changes:
        reply = client.compute("POST", f"{ZONE}/instances", {**good, **change})
        assert reply.status in (400, 404), change


def test_a_template_names_its_machine_type_and_cannot_change(client: Client) -> None:
    bad = properties(machineType=f"{ZONE}/machineTypes/e2-small")
    reply = client.compute("POST", "global/instanceTemplates", {"name": "t", "properties": bad})
    assert reply.status == 400
    make_template(client, "t", shieldedInstanceConfig={"enableSecureBoot": True})
    found = client.get("global/instanceTemplates/t")["properties"]
    assert found["shieldedInstanceConfig"]["enableVtpm"] is True
    assert found["networkInterfaces"][0]["network"].startswith("https://www.googleapis.com/")
    assert client.compute("PATCH", "global/instanceTemplates/t", {}).status == 404


def test_a_group_comes_up_and_shows_its_instances(double: Double, client: Client) -> None:
    make_fleet(client)
    found = client.get(MANAGER)
    assert found["baseInstanceName"] == "fleet" and len(found["distributionPolicy"]["zones"]) == 3
    assert found["updatePolicy"]["maxSurge"] == {"fixed": 3, "calculated": 3}
    assert found["status"]["isStable"] is False
    settle(double)
    assert client.get(MANAGER)["currentActions"]["none"] == 3
    assert {m["instanceHealth"][0]["detailedHealthState"] for m in managed(client)} == {"HEALTHY"}
    group = client.get(f"{REGION}/instanceGroups/fleet")
    assert group["size"] == 3 and group["network"].endswith("/net")
    listed = client.compute("POST", f"{REGION}/instanceGroups/fleet/listInstances", {})
    assert len(listed.body["items"]) == 3
    everything = client.get(
        "aggregated/instances?filter=labels.role+%3D+web+AND+status+%3D+RUNNING"
    )
    zones = [zone for zone, content in everything["items"].items() if "instances" in content]
    assert len(zones) == 3
    zone = zones[0]
    (instance,) = client.get(f"{zone}/instances")["items"]
    assert client.get(f"{zone}/instances/{instance['name']}") == instance
    assert instance["networkInterfaces"][0]["networkIP"]


def test_a_template_in_use_stays(client: Client) -> None:
    make_fleet(client)
    for path in ("global/instanceTemplates/t1", f"{REGION}/healthChecks/livez"):
        assert client.compute("DELETE", path).reason == "resourceInUseByAnotherResource"


def test_a_rolling_update_by_patch(double: Double, client: Client) -> None:
    make_fleet(client)
    settle(double)
    new = make_template(client, "t2")
    old = client.get(MANAGER)["versions"][0]["instanceTemplate"]
    canary: list[Json] = [{"name": "old", "instanceTemplate": old}]
    canary += [{"name": "canary", "instanceTemplate": new, "targetSize": {"fixed": 1}}]
    client.done("PATCH", MANAGER, {"versions": canary})
    settle(double)
    assert sorted(m["version"]["instanceTemplate"] for m in managed(client)) == [old, old, new]
    client.done("PATCH", MANAGER, {"instanceTemplate": new})
    settle(double)
    assert [m["version"]["instanceTemplate"] for m in managed(client)] == [new] * 3
    client.done("DELETE", "global/instanceTemplates/t1")


@pytest.mark.parametrize(
    "change",
    [
        {"updatePolicy": {"maxSurge": {"percent": 20}}},
        {"updatePolicy": {"maxSurge": {"fixed": 0}}},
        {"versions": [{"instanceTemplate": "global/instanceTemplates/t1", "targetSize": {"fixed": 1}}]},
        {"distributionPolicy": {"zones": [{"zone": "zones/europe-west1-b"}]}},
        {"autoHealingPolicies": [{"initialDelaySec": 4000}]},
        {"targetSize": -1},
    ],
)  # fmt: skip
def test_nonsense_in_a_group_is_refused(client: Client, change: Any) -> None:
    make_fleet(client)
    assert client.compute("PATCH", MANAGER, change).status == 400


def test_a_fingerprint_of_a_group_may_be_left_out_but_not_be_old(client: Client) -> None:
    make_fleet(client)
    old = client.get(MANAGER)["fingerprint"]
    policy = {"updatePolicy": {"type": "OPPORTUNISTIC"}}
    client.done("PATCH", MANAGER, policy)
    assert client.compute("PATCH", MANAGER, {**policy, "fingerprint": old}).status == 412


def test_size_by_hand_and_by_the_autoscaler(double: Double, client: Client) -> None:
    target = make_fleet(client)
    client.done("POST", f"{MANAGER}/resize?size=4")
    assert client.get(MANAGER)["targetSize"] == 4
    path = f"{REGION}/autoscalers"
    policy = {"minNumReplicas": 5, "maxNumReplicas": 8, "coolDownPeriodSec": 90}
    client.make(path, name="scaler", target=target, autoscalingPolicy=policy)
    assert client.get(MANAGER)["targetSize"] == 5
    found = client.get(f"{path}/scaler")
    assert found["autoscalingPolicy"]["cpuUtilization"]["utilizationTarget"] == 0.6
    assert client.get(MANAGER)["status"]["autoscaler"] == found["selfLink"]
    change = {"autoscalingPolicy": {"minNumReplicas": 6}}
    client.done("PATCH", f"{path}?autoscaler=scaler", change)
    after = client.get(f"{path}/scaler")
    assert after["autoscalingPolicy"]["maxNumReplicas"] == 8 and after["recommendedSize"] == 6
    client.done("PATCH", MANAGER, {"updatePolicy": {"type": "OPPORTUNISTIC"}})
    assert client.get(MANAGER)["targetSize"] == 6
    assert client.compute("DELETE", MANAGER).reason == "resourceInUseByAnotherResource"
    bad = {"autoscalingPolicy": {"minNumReplicas": 9}}
    assert client.compute("PATCH", f"{path}?autoscaler=scaler", bad).status == 400
    assert client.compute("PATCH", f"{path}?autoscaler=none", change).status == 404
    second = {"name": "s2", "target": target, "autoscalingPolicy": policy}
    assert client.compute("POST", path, second).status == 400
    client.done("DELETE", f"{path}/scaler")
    assert "autoscaler" not in client.get(MANAGER)["status"]


def test_a_group_goes_when_its_instances_have_gone(double: Double, client: Client) -> None:
    make_fleet(client)
    settle(double)
    started = client.compute("DELETE", MANAGER)
    double.advance(double.world.operations.seconds + 1)
    assert client.send("GET", started.body["selfLink"]).body["status"] == "RUNNING"
    client.wait(started)
    assert client.compute("GET", MANAGER).status == 404
    assert client.compute("GET", f"{REGION}/instanceGroups/fleet").status == 404
    everything = client.get("aggregated/instances")["items"].values()
    assert not any("instances" in zone for zone in everything)


def test_a_network_with_instances_stays(double: Double, client: Client) -> None:
    make_fleet(client)
    settle(double)
    reply = client.compute("DELETE", f"{REGION}/subnetworks/sub")
    assert reply.reason == "resourceInUseByAnotherResource"
    client.done("DELETE", MANAGER)
    client.done("DELETE", "global/instanceTemplates/t1")
    client.done("DELETE", f"{REGION}/healthChecks/livez")
    client.done("DELETE", f"{REGION}/subnetworks/sub")
    client.done("DELETE", "global/networks/net")
    assert double.links() == []


def test_a_machine_that_dies_of_itself(double: Double, client: Client) -> None:
    body = {**properties(), "machineType": f"{ZONE}/machineTypes/e2-small"}
    client.make(f"{ZONE}/instances", name="builder", **body)
    double.machines.delete("builder")
    double.advance(60)
    assert client.get(f"{ZONE}/instances/builder")["status"] == "TERMINATED"
    client.done("DELETE", f"{ZONE}/instances/builder")


def test_an_instance_that_somebody_deletes_comes_back(double: Double, client: Client) -> None:
    make_fleet(client)
    settle(double)
    name = managed(client)[0]["instance"].partition("/example-project/")[2]
    client.done("DELETE", name)
    double.advance(30)
    settle(double)
    assert len(managed(client)) == 3


def test_health_as_the_load_balancer_sees_it(double: Double, client: Client) -> None:
    make_fleet(client)
    group = client.get(MANAGER)["instanceGroup"]
    probe = {"type": "HTTP", "httpHealthCheck": {"port": 9180, "requestPath": "/readyz"}}
    check = client.make(f"{REGION}/healthChecks", name="readyz", **probe)
    client.make(
        f"{REGION}/backendServices", name="s", healthChecks=[check], backends=[{"group": group}]
    )
    path = f"{REGION}/backendServices/s/getHealth"
    settle(double)
    reply = client.compute("POST", path, {"group": group})
    assert [s["healthState"] for s in reply.body["healthStatus"]] == ["HEALTHY"] * 3
    ill = make_template(client, "t2", labels={"simulated": "never-ready"})
    client.done("PATCH", MANAGER, {"instanceTemplate": ill})
    settle(double)
    reply = client.compute("POST", path, {"group": group})
    assert [s["healthState"] for s in reply.body["healthStatus"]] == ["UNHEALTHY"] * 3
    assert client.compute("POST", path, {"group": check}).status == 400
    assert client.compute("DELETE", MANAGER).reason == "resourceInUseByAnotherResource"
