"""Compute's resources: what the double adds, compares and refuses as Google's server does."""

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
WWW = "https://www.googleapis.com/compute/v1/projects/example-project/"


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as opened:
        opened.seed_image("debian-12-v1", "debian-12", "debian-cloud")
        yield opened


@pytest.fixture
def client(double: Double) -> Client:
    return Client(double)


@pytest.fixture
def network(client: Client) -> str:
    return client.make("global/networks", name="net", autoCreateSubnetworks=False)


@pytest.fixture
def subnetwork(client: Client, network: str) -> str:
    given = {"name": "sub", "network": network, "ipCidrRange": "10.8.0.0/20"}
    return client.make(f"{REGION}/subnetworks", **given)


def make_check(client: Client, name: str = "readyz", **more: Any) -> str:
    probe = {"port": 9180, "requestPath": "/readyz"}
    given = {"type": "HTTP", "httpHealthCheck": probe, **more}
    return client.make(f"{REGION}/healthChecks", name=name, **given)


def make_service(client: Client, **more: Any) -> str:
    checks = [make_check(client)]
    return client.make(f"{REGION}/backendServices", name="service", healthChecks=checks, **more)


def test_the_server_fills_defaults_and_links(client: Client, subnetwork: str) -> None:
    found = client.get(f"{REGION}/subnetworks/sub")
    assert found["network"] == f"{WWW}global/networks/net"
    assert found["region"] == f"{WWW}{REGION}"
    assert found["gatewayAddress"] == "10.8.0.1"
    assert found["logConfig"] == {"enable": False}
    assert found["kind"] == "compute#subnetwork" and int(found["id"])
    assert client.get("global/networks/net")["subnetworks"] == [subnetwork]


def test_short_links_become_full_ones(client: Client, network: str) -> None:
    client.make(
        "global/firewalls",
        name="fw",
        network="global/networks/net",
        allowed=[{"IPProtocol": "tcp"}],
    )
    found = client.get("global/firewalls/fw")
    assert found["network"] == network
    assert (found["direction"], found["priority"], found["disabled"]) == ("INGRESS", 1000, False)
    assert found["sourceRanges"] == ["0.0.0.0/0"]


def test_numbers_come_back_as_google_writes_them(client: Client) -> None:
    make_check(client, checkIntervalSec="7", timeoutSec="6")
    assert client.get(f"{REGION}/healthChecks/readyz")["checkIntervalSec"] == 7
    client.make(f"{ZONE}/disks", name="d", sizeGb=12)
    assert client.get(f"{ZONE}/disks/d")["sizeGb"] == "12"


@pytest.mark.parametrize(
    "network, status, reason",
    [
        ("global/networks/none", 404, "notFound"),
        ("none", 400, "invalid"),
        (f"{REGION}/addresses/net", 400, "invalid"),
        ("https://example.org/compute/v1/projects/p/global/networks/net", 400, "invalid"),
    ],
)
def test_a_reference_must_lead_somewhere(
    client: Client, network: str, status: int, reason: str
) -> None:
    body = {"name": "r", "network": network}
    reply = client.compute("POST", f"{REGION}/routers", body)
    assert (reply.status, reply.reason) == (status, reason)


@pytest.mark.parametrize("name", ["", "Big", "-x", "x-", "a" * 64, "a.b"])
def test_a_name_must_be_one(client: Client, name: str) -> None:
    assert client.compute("POST", "global/networks", {"name": name}).reason == "invalid"


def test_what_is_used_stays(client: Client, subnetwork: str) -> None:
    reply = client.compute("DELETE", "global/networks/net")
    assert (reply.status, reply.reason) == (400, "resourceInUseByAnotherResource")
    client.done("DELETE", f"{REGION}/subnetworks/sub")
    client.done("DELETE", "global/networks/net")
    assert client.double.links() == []


def test_a_user_that_comes_meanwhile_stops_a_deletion(client: Client, network: str) -> None:
    started = client.compute("POST", f"{REGION}/routers", {"name": "r", "network": network})
    reply = client.compute("DELETE", "global/networks/net")
    assert reply.reason == "resourceInUseByAnotherResource"
    client.wait(started)


def test_a_subnetwork_grows_and_opens(client: Client, subnetwork: str) -> None:
    path = f"{REGION}/subnetworks/sub"
    assert (
        client.compute("POST", f"{path}/expandIpCidrRange", {"ipCidrRange": "10.8.0.0/24"}).status
        == 400
    )
    client.done("POST", f"{path}/expandIpCidrRange", {"ipCidrRange": "10.8.0.0/16"})
    client.done("POST", f"{path}/setPrivateIpGoogleAccess", {"privateIpGoogleAccess": True})
    found = client.get(path)
    assert (found["ipCidrRange"], found["privateIpGoogleAccess"]) == ("10.8.0.0/16", True)


def test_ranges_do_not_overlap(client: Client, subnetwork: str, network: str) -> None:
    body = {"name": "other", "network": network, "ipCidrRange": "10.8.1.0/24"}
    assert client.compute("POST", f"{REGION}/subnetworks", body).status == 400


def test_what_is_fixed_cannot_change(client: Client, subnetwork: str) -> None:
    fingerprint = client.get(f"{REGION}/subnetworks/sub")["fingerprint"]
    body = {"ipCidrRange": "10.9.0.0/20", "fingerprint": fingerprint}
    reply = client.compute("PATCH", f"{REGION}/subnetworks/sub", body)
    assert reply.status == 400 and "ipCidrRange" in reply.body["error"]["message"]


def test_a_patch_keeps_what_it_does_not_name_and_a_put_does_not(client: Client) -> None:
    make_check(client, description="x", unhealthyThreshold=4)
    path = f"{REGION}/healthChecks/readyz"
    client.done("PATCH", path, {"httpHealthCheck": {"requestPath": "/livez"}})
    found = client.get(path)
    assert found["httpHealthCheck"] == {
        "port": 9180,
        "requestPath": "/livez",
        "proxyHeader": "NONE",
    }
    assert found["unhealthyThreshold"] == 4
    client.done("PUT", path, {"name": "readyz", "type": "HTTP"})
    put = client.get(path)
    assert (put["unhealthyThreshold"], put["httpHealthCheck"]["port"]) == (2, 80)
    assert "description" not in put and put["id"] == found["id"]


def test_a_patch_with_null_takes_a_field_away(client: Client) -> None:
    make_check(client, description="x")
    client.done("PATCH", f"{REGION}/healthChecks/readyz", {"description": None})
    assert "description" not in client.get(f"{REGION}/healthChecks/readyz")


@pytest.mark.parametrize("given", [None, "b2xk"])
def test_a_fingerprint_is_wanted(client: Client, given: str | None) -> None:
    make_service(client)
    path = f"{REGION}/backendServices/service"
    body = {"connectionDraining": {"drainingTimeoutSec": 60}}
    old = {} if given is None else {"fingerprint": given}
    reply = client.compute("PATCH", path, {**body, **old})
    assert (reply.status, reply.reason) == (412, "conditionNotMet")
    before = client.get(path)["fingerprint"]
    client.done("PATCH", path, {**body, "fingerprint": before})
    assert client.get(path)["fingerprint"] != before


def test_labels_need_the_fingerprint_of_the_labels(client: Client) -> None:
    client.make(
        "global/images", name="i", sourceImage="projects/debian-cloud/global/images/debian-12-v1"
    )
    path = "global/images/i"
    labels = {"labels": {"release": "1"}}
    assert client.compute("POST", f"{path}/setLabels", labels).status == 412
    print_of = client.get(path)["labelFingerprint"]
    client.done("POST", f"{path}/setLabels", {**labels, "labelFingerprint": print_of})
    assert client.get(path)["labels"] == {"release": "1"}
    stale = client.compute("POST", f"{path}/setLabels", {**labels, "labelFingerprint": print_of})
    assert stale.reason == "conditionNotMet"


def test_an_address_is_given_and_in_use(client: Client) -> None:
    address = client.make(f"{REGION}/addresses", name="a")
    found = client.get(f"{REGION}/addresses/a")
    assert (found["status"], found["addressType"]) == ("RESERVED", "EXTERNAL")
    service = make_service(client)
    rule = client.make(
        f"{REGION}/forwardingRules",
        name="r",
        IPAddress=address,
        ports=["443"],
        backendService=service,
    )
    assert client.get(f"{REGION}/forwardingRules/r")["IPAddress"] == found["address"]
    used = client.get(f"{REGION}/addresses/a")
    assert (used["status"], used["users"]) == ("IN_USE", [rule])
    assert client.get(f"{REGION}/backendServices/service")["usedBy"] == [{"reference": rule}]
    for path in ("addresses/a", "backendServices/service"):
        reply = client.compute("DELETE", f"{REGION}/{path}")
        assert reply.reason == "resourceInUseByAnotherResource"


def test_a_forwarding_rule_must_fit(client: Client) -> None:
    service = make_service(client)
    path = f"{REGION}/forwardingRules"
    good: Json = {"ports": ["443"], "backendService": service}
    bodies: tuple[Json, ...] = (
        {**good, "ports": []},
        {**good, "IPProtocol": "UDP"},
        {**good, "loadBalancingScheme": "INTERNAL"},
        {**good, "IPAddress": "192.0.2.1"},
        {"ports": ["443"]},
    )
    for bad in bodies:
        assert client.compute("POST", path, {"name": "r", **bad}).status in (400, 404), bad
    client.make(path, name="r", **good)
    address = client.get(f"{path}/r")["IPAddress"]
    again = client.compute("POST", path, {"name": "r2", **good, "IPAddress": address})
    assert again.status == 400
    fixed = client.compute("PATCH", f"{path}/r", {"ports": ["80"]})
    assert fixed.status == 400


def test_nat_on_a_router(client: Client, network: str) -> None:
    client.make(f"{REGION}/routers", name="r", network=network)
    nat = {"name": "nat", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}
    client.done("PATCH", f"{REGION}/routers/r", {"nats": [nat]})
    (found,) = client.get(f"{REGION}/routers/r")["nats"]
    assert found["natIpAllocateOption"] == "AUTO_ONLY"
    assert client.compute("PATCH", f"{REGION}/routers/r", {"nats": [{"name": "x"}]}).status == 400


def test_cloud_armor(client: Client) -> None:
    policy = client.make(f"{REGION}/securityPolicies", name="p", type="CLOUD_ARMOR_NETWORK")
    path = f"{REGION}/securityPolicies/p"
    assert [rule["priority"] for rule in client.get(path)["rules"]] == [2147483647]
    rule = {"priority": 1000, "action": "deny", "networkMatch": {"srcIpRanges": ["192.0.2.0/24"]}}
    client.done("POST", f"{path}/addRule", rule)
    assert client.compute("POST", f"{path}/addRule", rule).status == 400
    client.done("POST", f"{path}/patchRule?priority=1000", {"preview": True})
    assert client.get(f"{path}/getRule?priority=1000")["preview"] is True
    client.done("POST", f"{path}/removeRule?priority=1000")
    assert len(client.get(path)["rules"]) == 1
    client.make(f"{REGION}/networkEdgeSecurityServices", name="edge", securityPolicy=policy)
    second = client.compute("POST", f"{REGION}/networkEdgeSecurityServices", {"name": "edge2"})
    assert second.status == 400
    assert client.compute("DELETE", path).reason == "resourceInUseByAnotherResource"
    make_service(client)
    target = f"{REGION}/backendServices/service"
    client.done("POST", f"{target}/setSecurityPolicy", {"securityPolicy": policy})
    assert client.get(target)["securityPolicy"] == policy
    client.done("POST", f"{target}/setSecurityPolicy", {})
    assert "securityPolicy" not in client.get(target)


def test_families_of_images(double: Double, client: Client) -> None:
    for name in ("i-1", "i-2"):
        double.seed_image(name, "web")
        double.advance(60)
    assert client.get("global/images/family/web")["name"] == "i-2"
    client.done("POST", "global/images/i-2/deprecate", {"state": "DEPRECATED"})
    assert client.get("global/images/family/web")["name"] == "i-1"
    assert client.compute("GET", "global/images/family/none").status == 404
    listed = client.get("global/images?filter=family%20%3D%20web&orderBy=creationTimestamp%20desc")
    assert [image["name"] for image in listed["items"]] == ["i-2", "i-1"]


def test_filters_and_pages(double: Double, client: Client) -> None:
    for name, role in (("a", "x"), ("b", "y"), ("c", "x")):
        double.seed_image(name, "f", labels={"role": role})

    def names(query: str) -> list[str]:
        return [item["name"] for item in client.get(f"global/images?{query}").get("items", [])]

    assert names("filter=labels.role+%3D+x") == ["a", "c"]
    assert names("filter=(labels.role+%3D+x)+(name+%3D+c)") == ["c"]
    assert names("filter=name+%3D+a+OR+name+%3D+b") == ["a", "b"]
    assert names("filter=name+eq+%22a%7Cb%22") == ["a", "b"]
    assert names("filter=labels.role+!%3D+x") == ["b"]
    assert names("filter=labels.role:*") == ["a", "b", "c"]
    assert client.compute("GET", "global/images?filter=nmae%3Da").status == 400
    assert client.compute("GET", "global/images?filter=(name%3Da").status == 400
    page = client.get("global/images?maxResults=2")
    assert [item["name"] for item in page["items"]] == ["a", "b"]
    assert names(f"pageToken={page['nextPageToken']}") == ["c"]


def test_what_is_always_there(client: Client) -> None:
    assert len(client.get("regions/europe-west1")["zones"]) == 3
    assert client.get("zones/europe-west1-b")["region"] == f"{WWW}regions/europe-west1"
    assert client.get(f"{ZONE}/machineTypes/e2-standard-2")["guestCpus"] == 2
    assert client.compute("GET", f"{ZONE}/machineTypes/e2-huge-2").status == 404
    assert client.get("")["name"] == "example-project"
    assert "europe-west1-c" in [zone["name"] for zone in client.get("zones")["items"]]


def test_drift_is_made_and_seen(double: Double, client: Client) -> None:
    make_service(client)
    path = f"{REGION}/backendServices/service"
    before = client.get(path)
    double.edit("regionBackendServices", "service", sessionAffinity="CLIENT_IP")
    after = client.get(path)
    assert after["sessionAffinity"] == "CLIENT_IP" and after["fingerprint"] != before["fingerprint"]
    with pytest.raises(KeyError):
        double.edit("healthChecks", "readyz", description="that one is regional")
