"""Cloud DNS, Secret Manager, IAM and the project's policy."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from gce.client import Client, Reply
from gce.double import Double
from gce.secret_manager import crc32c
from gce.web import Json

# Of its requests, many are wrong on purpose: none goes to the log of the others.
ASKS_WRONGLY = True

DNS = "https://dns.googleapis.com/dns/v1/projects/example-project/managedZones"
SECRETS = "https://secretmanager.googleapis.com/v1/projects/example-project/secrets"
IAM = "https://iam.googleapis.com/v1/projects/example-project/serviceAccounts"
PROJECT = "https://cloudresourcemanager.googleapis.com/v1/projects/example-project"
EMAIL = "fleet-vm@example-project.iam.gserviceaccount.com"


@pytest.fixture
def client() -> Iterator[Client]:
    with Double() as double:
        yield Client(double)


def good(reply: Reply) -> Any:
    assert reply.status == 200, reply
    return reply.body


def make_zone(client: Client) -> None:
    zone = {"name": "z", "dnsName": "example.com.", "description": "d"}
    good(client.send("POST", DNS, zone))


def record(address: str) -> dict[str, Any]:
    return {"name": "hash.example.com.", "type": "A", "ttl": 60, "rrdatas": [address]}


def test_records_change_as_a_whole_and_take_time(client: Client) -> None:
    make_zone(client)
    change = good(client.send("POST", f"{DNS}/z/changes", {"additions": [record("192.0.2.1")]}))
    assert change["status"] == "pending"
    client.double.advance(10)
    assert good(client.send("GET", f"{DNS}/z/changes/{change['id']}"))["status"] == "done"
    wrong = {"deletions": [record("192.0.2.9")], "additions": [record("192.0.2.2")]}
    assert client.send("POST", f"{DNS}/z/changes", wrong).reason == "conditionNotMet"
    twice = client.send("POST", f"{DNS}/z/changes", {"additions": [record("192.0.2.2")]})
    assert twice.reason == "alreadyExists"
    right = {"deletions": [record("192.0.2.1")], "additions": [record("192.0.2.2")]}
    good(client.send("POST", f"{DNS}/z/changes", right))
    found = good(client.send("GET", f"{DNS}/z/rrsets?name=hash.example.com.&type=A"))["rrsets"]
    assert [r["rrdatas"] for r in found] == [["192.0.2.2"]]
    assert client.send("DELETE", f"{DNS}/z").reason == "containerNotEmpty"
    good(client.send("POST", f"{DNS}/z/changes", {"deletions": [record("192.0.2.2")]}))
    good(client.send("DELETE", f"{DNS}/z"))
    assert client.send("GET", f"{DNS}/z").status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"additions": [{**record("192.0.2.1"), "name": "hash.example.org."}]},
        {"additions": [{**record("192.0.2.1"), "ttl": "60"}]},
        {"additions": [{**record("192.0.2.1"), "data": []}]},
        {"added": []},
    ],
)
def test_nonsense_in_a_change_is_refused(client: Client, body: Any) -> None:
    make_zone(client)
    assert client.send("POST", f"{DNS}/z/changes", body).status == 400


def test_a_secret_and_its_versions(client: Client) -> None:
    automatic: Json = {"replication": {"automatic": {}}}
    made = good(client.send("POST", f"{SECRETS}?secretId=key", automatic))
    assert made["name"] == "projects/123456789012/secrets/key"
    again = client.send("POST", f"{SECRETS}?secretId=key", automatic)
    assert (again.status, again.body["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert client.send("GET", f"{SECRETS}/key/versions/latest:access").status == 404
    for text in (b"one", b"two"):
        data = base64.b64encode(text).decode()
        payload = {"data": data, "dataCrc32c": str(crc32c(text))}
        good(client.send("POST", f"{SECRETS}/key:addVersion", {"payload": payload}))
    latest = good(client.send("GET", f"{SECRETS}/key/versions/latest:access"))
    assert latest["name"].endswith("/versions/2")
    assert base64.b64decode(latest["payload"]["data"]) == b"two"
    good(client.send("POST", f"{SECRETS}/key/versions/1:destroy", {}))
    gone = client.send("GET", f"{SECRETS}/key/versions/1:access")
    assert gone.body["error"]["status"] == "FAILED_PRECONDITION"
    listed = good(client.send("GET", f"{SECRETS}/key/versions"))["versions"]
    assert [version["state"] for version in listed] == ["ENABLED", "DESTROYED"]
    good(client.send("DELETE", f"{SECRETS}/key"))
    assert client.send("GET", f"{SECRETS}/key").status == 404


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    "payload", [{"data": "!"}, {"data": ""}, {"data": "aGk=", "dataCrc32c": "1"}, {"text": "hi"}]
)
def test_a_bad_payload_is_refused(client: Client, payload: Any) -> None:
    good(client.send("POST", f"{SECRETS}?secretId=key", {"replication": {"automatic": {}}}))
    assert client.send("POST", f"{SECRETS}/key:addVersion", {"payload": payload}).status == 400


def test_a_patch_of_a_secret_needs_a_mask(client: Client) -> None:
    good(client.send("POST", f"{SECRETS}?secretId=key", {"replication": {"automatic": {}}}))
    labels = {"labels": {"a": "b"}}
    assert client.send("PATCH", f"{SECRETS}/key", labels).status == 400
    assert client.send("PATCH", f"{SECRETS}/key?updateMask=replication", labels).status == 400
    assert good(client.send("PATCH", f"{SECRETS}/key?updateMask=labels", labels))["labels"]
    assert client.send("POST", f"{SECRETS}?secretId=k2", {}).status == 400
    unknown = client.send("POST", f"{SECRETS}?secretId=k2", {"replica": {}})
    assert "Cannot find field" in unknown.body["error"]["message"]


def make_account(client: Client) -> Any:
    body = {"accountId": "fleet-vm", "serviceAccount": {"displayName": "Fleet"}}
    return good(client.send("POST", IAM, body))


def test_other_projects_are_forbidden(client: Client) -> None:
    for url in (DNS, SECRETS, IAM, f"{PROJECT}:getIamPolicy"):
        other = url.replace("example-project", "other")
        body: Any = {} if url.endswith("Policy") else None
        assert client.send("GET" if body is None else "POST", other, body).status == 403


def test_service_accounts(client: Client) -> None:
    assert client.send("GET", f"{IAM}/{EMAIL}").status == 404
    assert make_account(client)["email"] == EMAIL
    assert client.send("POST", IAM, {"accountId": "fleet-vm"}).status == 409
    assert client.send("POST", IAM, {"accountId": "x"}).status == 400
    change = {"serviceAccount": {"displayName": "New"}, "updateMask": "displayName"}
    good(client.send("PATCH", f"{IAM}/{EMAIL}", change))
    assert good(client.send("GET", f"{IAM}/{EMAIL}"))["displayName"] == "New"
    # What the module sends for a change is not what the API takes.
    wrong = {"accountId": "fleet-vm", "serviceAccount": {"displayName": "New"}}
    assert client.send("PUT", f"{IAM}/{EMAIL}", wrong).status == 400
    good(client.send("DELETE", f"{IAM}/{EMAIL}"))
    assert client.send("GET", f"{IAM}/{EMAIL}").status == 404


def test_policies_need_the_present_etag_and_members_that_exist(client: Client) -> None:
    good(client.send("POST", f"{SECRETS}?secretId=key", {"replication": {"automatic": {}}}))
    for get, method, set_ in (
        (f"{SECRETS}/key:getIamPolicy", "GET", f"{SECRETS}/key:setIamPolicy"),
        (f"{PROJECT}:getIamPolicy", "POST", f"{PROJECT}:setIamPolicy"),
    ):
        body: Any = None if method == "GET" else {}
        etag = good(client.send(method, get, body))["etag"]
        role = "roles/secretmanager.secretAccessor"
        binding = {"role": role, "members": [f"serviceAccount:{EMAIL}"]}
        policy = {"policy": {"etag": etag, "bindings": [binding]}}
        if not client.double.state.iam.accounts:
            assert client.send("POST", set_, policy).status == 400
            make_account(client)
        good(client.send("POST", set_, policy))
        stale = client.send("POST", set_, policy)
        assert (stale.status, stale.body["error"]["status"]) == (409, "ABORTED")
        assert good(client.send(method, get, body))["bindings"] == [binding]


def test_the_policy_of_a_secret_goes_with_it(client: Client) -> None:
    automatic: Json = {"replication": {"automatic": {}}}
    good(client.send("POST", f"{SECRETS}?secretId=key", automatic))
    binding = {"role": "roles/viewer", "members": ["user:a@example.com"]}
    good(client.send("POST", f"{SECRETS}/key:setIamPolicy", {"policy": {"bindings": [binding]}}))
    good(client.send("DELETE", f"{SECRETS}/key"))
    good(client.send("POST", f"{SECRETS}?secretId=key", automatic))
    assert "bindings" not in good(client.send("GET", f"{SECRETS}/key:getIamPolicy"))
