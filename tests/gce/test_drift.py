"""What somebody changed by hand is told by --check, and mended by exactly the call that it takes."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pytest

from gce.double import Double
from gce.play import Project

NAME = "bcryptd-production"
REGION = "regions/europe-west1"
ACCOUNT = f"{NAME}@example-project.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Drift:
    """A field of a resource, what somebody set it to, and the calls that mend it."""

    what: str
    make: Callable[[Double], None]
    mended: tuple[tuple[str, str], ...]


def changed(resource: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The top-level field of a path ("nats.0.filter"), as it is with another value there."""
    field, *rest = path.split(".")
    if not rest:
        return {field: value}
    top = copy.deepcopy(resource[field])
    inner = top
    for word in rest[:-1]:
        inner = inner[int(word)] if word.isdigit() else inner[word]
    inner[int(rest[-1]) if rest[-1].isdigit() else rest[-1]] = value
    return {field: top}


def patched(kind: str, name: str, where: str, *fields: tuple[str, Any]) -> list[Drift]:
    """Drifts of one resource that a PATCH mends."""
    return [drift(kind, name, path, value, ("PATCH", where)) for path, value in fields]


def drift(kind: str, name: str, path: str, value: Any, *mended: tuple[str, str]) -> Drift:
    def make(double: Double) -> None:
        double.edit(kind, name, **changed(double.get(kind, name), path, value))

    return Drift(f"{kind} {name} {path}", make, mended)


def foreign_reader(double: Double) -> None:
    policies = double.state.secrets.iam.policies.items()
    policy = next(policy for name, policy in policies if name.endswith(f"/secrets/{NAME}-tls"))
    policy["bindings"][0]["members"].append(f"serviceAccount:{double.account}")


def other_record(double: Double) -> None:
    double.state.dns.records["example"]["hash.example.", "A"]["rrdatas"] = ["192.0.2.1"]


LABELS = {"bcryptd": NAME, "environment": "somebody's"}
LINK = "https://www.googleapis.com/compute/v1/projects/example-project"
RESOURCES: list[list[Drift]] = [
    patched(
        "networks",
        NAME,
        f"global/networks/{NAME}",
        ("routingConfig", {"routingMode": "GLOBAL"}),
    ),
    [
        drift(
            "subnetworks",
            NAME,
            "privateIpGoogleAccess",
            False,
            ("POST", f"{REGION}/subnetworks/{NAME}/setPrivateIpGoogleAccess"),
        ),
        *patched(
            "subnetworks",
            NAME,
            f"{REGION}/subnetworks/{NAME}",
            ("logConfig", {"enable": True, "flowSampling": 0.5}),
        ),
    ],
    patched(
        "firewalls",
        f"{NAME}-ssh",
        f"global/firewalls/{NAME}-ssh",
        ("sourceRanges", ["0.0.0.0/0"]),
        ("allowed", [{"IPProtocol": "tcp"}]),
        ("allowed.0.ports", ["22", "3389"]),
        ("priority", 1),
        ("disabled", True),
        ("targetTags", ["somebody"]),
        ("description", f"bcryptd: {NAME}, changed"),
    ),
    patched(
        "routers",
        NAME,
        f"{REGION}/routers/{NAME}",
        ("nats", []),
        ("nats.0.logConfig", {"enable": False, "filter": "ALL"}),
        ("nats.0.sourceSubnetworkIpRangesToNat", "ALL_SUBNETWORKS_ALL_IP_RANGES"),
        ("description", f"bcryptd: {NAME}, changed"),
    ),
    [
        drift(
            "addresses", NAME, "labels", LABELS, ("POST", f"{REGION}/addresses/{NAME}/setLabels")
        ),
        drift("addresses", NAME, "labels", None, ("POST", f"{REGION}/addresses/{NAME}/setLabels")),
    ],
    patched(
        "regionHealthChecks",
        f"{NAME}-readyz",
        f"{REGION}/healthChecks/{NAME}-readyz",
        ("checkIntervalSec", 30),
        ("unhealthyThreshold", 9),
        ("healthyThreshold", 1),
        ("timeoutSec", 1),
        ("httpHealthCheck.requestPath", "/livez"),
        ("httpHealthCheck.port", 80),
        ("logConfig", {"enable": False}),
    ),
    patched(
        "regionHealthChecks",
        f"{NAME}-livez",
        f"{REGION}/healthChecks/{NAME}-livez",
        ("httpHealthCheck.requestPath", "/readyz"),
        ("unhealthyThreshold", 2),
        ("checkIntervalSec", 10),
        ("description", f"bcryptd: {NAME}, changed"),
    ),
    [
        *patched(
            "regionBackendServices",
            NAME,
            f"{REGION}/backendServices/{NAME}",
            ("connectionDraining.drainingTimeoutSec", 0),
            ("sessionAffinity", "CLIENT_IP"),
            ("backends", []),
            ("connectionTrackingPolicy.trackingMode", "PER_SESSION"),
            ("healthChecks", [f"{LINK}/{REGION}/healthChecks/{NAME}-livez"]),
            ("logConfig", {"enable": True, "sampleRate": 1.0}),
        ),
    ],
    [
        drift(
            "forwardingRules",
            NAME,
            "labels",
            LABELS,
            ("POST", f"{REGION}/forwardingRules/{NAME}/setLabels"),
        ),
        drift(
            "forwardingRules",
            NAME,
            "ports",
            ["443"],
            ("DELETE", f"{REGION}/forwardingRules/{NAME}"),
            ("POST", f"{REGION}/forwardingRules"),
            ("POST", f"{REGION}/forwardingRules/{NAME}/setLabels"),
        ),
    ],
    patched(
        "regionInstanceGroupManagers",
        NAME,
        f"{REGION}/instanceGroupManagers/{NAME}",
        ("updatePolicy.maxUnavailable", {"fixed": 3, "calculated": 3}),
        ("updatePolicy.type", "OPPORTUNISTIC"),
        ("autoHealingPolicies", []),
        ("autoHealingPolicies.0.initialDelaySec", 5),
        ("instanceLifecyclePolicy.forceUpdateOnRepair", "NO"),
        ("baseInstanceName", "somebody"),
        ("description", f"bcryptd: {NAME}, changed"),
    ),
    patched(
        "regionAutoscalers",
        NAME,
        f"{REGION}/autoscalers",
        ("autoscalingPolicy.maxNumReplicas", 100),
        ("autoscalingPolicy.mode", "OFF"),
        ("autoscalingPolicy.cpuUtilization.utilizationTarget", 0.9),
        ("autoscalingPolicy.coolDownPeriodSec", 600),
        ("autoscalingPolicy.scaleInControl.maxScaledInReplicas", {"fixed": 9, "calculated": 9}),
        ("autoscalingPolicy.cpuUtilization.predictiveMethod", "OPTIMIZE_AVAILABILITY"),
        ("description", f"bcryptd: {NAME}, changed"),
    ),
    [
        Drift(
            "readers of the secret", foreign_reader, (("POST", f"secrets/{NAME}-tls:setIamPolicy"),)
        ),
        Drift("record", other_record, (("POST", "managedZones/example/changes"),)),
    ],
]
# One of each resource at a time, so that a run shows many.
ROUNDS = [[d for d in drifts if d is not None] for drifts in zip_longest(*RESOURCES)]


@pytest.mark.parametrize("drifts", ROUNDS, ids=range(len(ROUNDS)))
def test_drift_is_told_and_mended_by_one_call(deployed: Project, drifts: list[Drift]) -> None:
    double = deployed.double
    for each in drifts:
        each.make(double)
    told = deployed.deploy("--check")
    assert told.changed() == len(drifts), told.changes()
    since = len(double.requests)
    deployed.deploy()
    expected = sorted(call for each in drifts for call in each.mended)
    assert sorted(double.writes(since)) == expected


def test_what_does_not_carry_our_mark_is_not_taken_over(deployed: Project) -> None:
    """Unless one says so: gce_destroy.yml would delete it."""
    double = deployed.double
    double.edit("networks", NAME, description="theirs")
    refused = deployed.deploy("--tags=gce_network", check=False)
    assert refused.status != 0 and refused.says("somebody else may have made it")
    double.edit("networks", NAME, description=f"bcryptd: {NAME}")
    account = double.state.iam.accounts[ACCOUNT]
    account["displayName"] = "theirs"
    refused = deployed.deploy("--tags=gce_secrets", check=False)
    assert refused.status != 0 and refused.says("somebody else may have made it")
    since = len(double.requests)
    deployed.deploy("--tags=gce_secrets", gce_adopt=True)
    assert double.writes(since) == [("PATCH", f"serviceAccounts/{ACCOUNT}")]
    assert account["displayName"] == f"bcryptd: {NAME}"


def test_a_rule_for_nobody_is_no_rule(deployed: Project) -> None:
    """Google would take it for one for everybody."""
    double = deployed.double
    link = f"projects/{double.project}/global/firewalls/{NAME}-ssh"
    deployed.deploy("--tags=gce_network", gce_network_ssh_ranges=[])
    assert link not in double.links()
    deployed.deploy("--tags=gce_network")
    assert link in double.links()


def test_a_disabled_certificate_is_followed_by_a_new_one(deployed: Project) -> None:
    double = deployed.double
    versions = double.state.secrets.versions[f"{NAME}-tls"]
    versions[-1]["state"] = "DISABLED"
    deployed.deploy("--tags=gce_secrets")
    assert [version["state"] for version in versions][-2:] == ["DISABLED", "ENABLED"]


def test_the_filter_at_the_edge_comes_changes_and_goes(deployed: Project) -> None:
    double = deployed.double
    policy = f"{REGION}/securityPolicies/{NAME}"
    on: dict[str, Any] = {"gce_lb_edge_policy": True, "gce_lb_edge_denied_ranges": ["192.0.2.0/24"]}
    deployed.deploy("--tags=gce_lb", **on)
    rules = double.get("regionSecurityPolicies", NAME)["rules"]
    assert [rule["action"] for rule in rules if rule["priority"] == 1000] == ["deny"]
    assert double.get("regionBackendServices", NAME)["securityPolicy"].endswith(policy)
    again = deployed.deploy("--tags=gce_lb", **on)
    assert again.changed() == 0, again.changes()
    since = len(double.requests)
    on["gce_lb_edge_denied_ranges"] = ["192.0.2.0/24", "198.51.100.0/24"]
    deployed.deploy("--tags=gce_lb", **on)
    assert double.writes(since) == [("POST", f"{policy}/patchRule")]
    deployed.deploy("--tags=gce_lb", gce_lb_edge_policy="false")
    assert not double.get("regionBackendServices", NAME).get("securityPolicy")
