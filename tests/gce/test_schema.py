"""Google's schema says what is wrong in a request."""

from typing import Any

import pytest

from gce.schema import Schema

MANAGER: dict[str, Any] = {
    "name": "fleet",
    "targetSize": 3,
    "baseInstanceName": "fleet",
    "versions": [{"instanceTemplate": "global/instanceTemplates/t", "targetSize": {"percent": 10}}],
    "updatePolicy": {
        "type": "PROACTIVE",
        "minimalAction": "REPLACE",
        "mostDisruptiveAllowedAction": "REPLACE",
        "maxSurge": {"fixed": "3"},
    },
    "autoHealingPolicies": [{"healthCheck": "x", "initialDelaySec": 300}],
    "allInstancesConfig": {"properties": {"labels": {"a": "b"}}},
}
AUTOSCALER: dict[str, Any] = {
    "name": "a",
    "target": "x",
    "autoscalingPolicy": {
        "mode": "ONLY_SCALE_OUT",
        "maxNumReplicas": 10,
        "cpuUtilization": {"utilizationTarget": 0.6, "predictiveMethod": "OPTIMIZE_AVAILABILITY"},
        "scalingSchedules": {"night": {"schedule": "0 0 * * *", "durationSec": 3600}},
    },
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema()


def problems(schema: Schema, message: str, body: Any) -> list[str]:
    return [problem.where for problem in schema.check_body(message, body)]


def test_good_bodies_pass(schema: Schema) -> None:
    assert problems(schema, "InstanceGroupManager", MANAGER) == []
    assert problems(schema, "Autoscaler", AUTOSCALER) == []


def test_a_number_of_64_bits_is_a_string_or_a_number(schema: Schema) -> None:
    assert problems(schema, "Disk", {"sizeGb": "10"}) == []
    assert problems(schema, "Disk", {"sizeGb": 10}) == []
    assert problems(schema, "Disk", {"sizeGb": "ten"}) == ["sizeGb"]
    assert problems(schema, "Disk", {"sizeGb": 1.5}) == ["sizeGb"]
    assert problems(schema, "Disk", {"sizeGb": True}) == ["sizeGb"]


def test_null_means_not_given(schema: Schema) -> None:
    assert problems(schema, "Network", {"mtu": None}) == []


@pytest.mark.parametrize(
    "message, body, where",
    [
        ("Network", {"nmae": "x"}, "nmae"),
        ("InstanceGroupManager", {"updatePolicy": {"maxSurge": {"fix": 1}}}, "updatePolicy.maxSurge.fix"),
        ("InstanceGroupManager", {"versions": [{}, {"size": 1}]}, "versions[1].size"),
        ("InstanceGroupManager", {"versions": {}}, "versions"),
        ("Network", {"autoCreateSubnetworks": "false"}, "autoCreateSubnetworks"),
        ("Network", {"mtu": 2**31}, "mtu"),
        ("Network", {"name": 3}, "name"),
        ("Network", {"routingConfig": "REGIONAL"}, "routingConfig"),
        ("Image", {"labels": {"a": 1}}, "labels.a"),
        ("Image", {"labels": []}, "labels"),
        ("Autoscaler", {"autoscalingPolicy": {"cpuUtilization": {"utilizationTarget": "much"}}},
         "autoscalingPolicy.cpuUtilization.utilizationTarget"),
        ("Network", [], "Network"),
    ],
)  # fmt: skip
def test_a_wrong_field_or_type_is_found(
    schema: Schema, message: str, body: Any, where: str
) -> None:
    assert problems(schema, message, body) == [where]


@pytest.mark.parametrize(
    "message, body, good",
    [
        # Values of the schema itself.
        ("HealthCheck", {"type": "HTPP"}, {"type": "HTTP"}),
        ("Autoscaler", {"autoscalingPolicy": {"mode": "UP"}}, {"autoscalingPolicy": {"mode": "OFF"}}),
        # Values that stand in comments only.
        ("InstanceGroupManagerUpdatePolicy", {"minimalAction": "REPLACED"}, {"minimalAction": "NONE"}),
        ("Address", {"networkTier": "GOLD"}, {"networkTier": "STANDARD"}),
        # Each value of a list.
        ("Subnetwork", {"logConfig": {"metadata": "ALL"}}, {"logConfig": {"metadata": "CUSTOM_METADATA"}}),
    ],
)  # fmt: skip
def test_a_wrong_value_of_an_enumeration_is_found(
    schema: Schema, message: str, body: Any, good: Any
) -> None:
    assert len(problems(schema, message, body)) == 1
    assert problems(schema, message, good) == []


def test_every_named_enumeration_is_there(schema: Schema) -> None:
    """The comments are read as their writer means them: no field names an enumeration without values."""
    for (message, number), enum in schema.comments.enum_of.items():
        if message in schema.tree and message != "Error":
            fields = schema.tree[message]["fields"]
            name = next(name for name, field in fields.items() if field["id"] == number)
            assert enum in schema.tree[message]["nested"], (message, name)


def test_routes_and_their_names(schema: Schema) -> None:
    base = "/compute/v1/projects/p"
    found = schema.match("GET", f"{base}/global/images/family/debian-12")
    assert found is not None and found[0].name == "Images.GetFromFamily"
    found = schema.match("PATCH", f"{base}/regions/r/healthChecks/h")
    assert found is not None and found[0].name == "RegionHealthChecks.Patch"
    assert found[1] == {"project": "p", "region": "r", "healthCheck": "h"}
    assert schema.body_message(found[0]) == "HealthCheck"
    assert schema.match("PUT", f"{base}/regions/r/autoscalers/a") is None
    assert schema.match("GET", f"{base}/regions//healthChecks") is None


def test_parameters_after_the_path(schema: Schema) -> None:
    resize = schema.methods["RegionInstanceGroupManagers.Resize"]
    assert schema.check_query(resize, {"size": "4", "alt": "json"}) == []
    assert [p.where for p in schema.check_query(resize, {})] == ["size"]
    assert [p.where for p in schema.check_query(resize, {"size": "four"})] == ["size"]
    assert [p.where for p in schema.check_query(resize, {"size": "4", "force": "1"})] == ["force"]


def test_what_only_the_server_writes_is_left_out(schema: Schema) -> None:
    body = {"name": "n", "selfLink": "x", "mtu": "1500"}
    assert schema.writable("Network", body) == {"name": "n", "mtu": 1500}
    surge = {"updatePolicy": {"maxSurge": {"fixed": "3", "calculated": 9}}}
    assert schema.writable("InstanceGroupManager", surge) == {
        "updatePolicy": {"maxSurge": {"fixed": 3}}
    }
