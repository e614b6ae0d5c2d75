"""The double as a server: routes, signing in, operations, time, faults, its log."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gce.client import COMPUTE, Client
from gce.double import LOG, Double
from gce.faults import KINDS
from gce.web import Json

# Of its requests, many are wrong on purpose: none goes to the log of the others.
ASKS_WRONGLY = True

TESTS = Path(__file__).parents[1]
NETWORK: Json = {"name": "net", "autoCreateSubnetworks": False}


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as opened:
        yield opened


@pytest.fixture
def client(double: Double) -> Client:
    return Client(double)


def test_what_no_api_has_is_a_page(client: Client) -> None:
    for url in (
        f"{COMPUTE}projects/example-project/global/netwroks",
        "https://dns.googleapis.com/dns/v1/projects/example-project/zones",
        "https://storage.googleapis.com/storage/v1/b",
        # Only regional managers have this name, and v1 has no PUT for them.
        f"{COMPUTE}projects/example-project/global/regionInstanceGroupManagers",
    ):
        reply = client.send("GET", url)
        assert reply.status == 404 and "<html" in reply.body
    put = client.compute("PUT", "regions/europe-west1/instanceGroupManagers/fleet", {})
    assert put.status == 404 and "<html" in put.body


def test_an_api_answers_at_its_own_hosts_only(client: Client) -> None:
    path = "compute/v1/projects/example-project/global/networks"
    assert client.send("GET", f"https://www.googleapis.com/{path}").status == 200
    assert client.send("GET", f"https://dns.googleapis.com/{path}").status == 404


def test_a_body_is_checked_by_the_schema(client: Client) -> None:
    for body in (
        {**NETWORK, "routing": "REGIONAL"},
        {**NETWORK, "mtu": "big"},
        {**NETWORK, "routingConfig": {"routingMode": "REGION"}},
    ):
        reply = client.compute("POST", "global/networks", body)
        assert reply.status == 400 and reply.reason == "invalid"
    reply = client.compute("POST", "global/networks?region=x", NETWORK)
    assert reply.status == 400 and "region" in reply.body["error"]["message"]
    assert client.compute("POST", "global/networks").status == 400
    assert client.double.links() == []


def test_absence_is_json(client: Client) -> None:
    reply = client.compute("GET", "global/networks/net")
    assert (reply.status, reply.reason) == (404, "notFound")
    assert reply.body["error"]["code"] == 404
    assert client.compute("GET", "regions/mars-north1/addresses").status == 404


def test_only_the_own_project_and_token_are_served(double: Double, client: Client) -> None:
    other = client.send("GET", f"{COMPUTE}projects/other/global/networks")
    assert (other.status, other.reason) == (403, "forbidden")
    stranger = Client(double, token="guessed")
    assert stranger.compute("GET", "global/networks").status == 401


def test_signing_in_needs_the_account(double: Double) -> None:
    client = Client(double, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert client.send("POST", double.token_uri, "grant_type=password").status == 400


def test_an_effect_is_seen_when_its_operation_is_done(double: Double, client: Client) -> None:
    started = client.compute("POST", "global/networks", NETWORK)
    assert started.body["status"] == "RUNNING" and started.body["operationType"] == "insert"
    assert client.compute("GET", "global/networks/net").status == 404
    ended = client.wait(started)
    assert ended.body["progress"] == 100 and "error" not in ended.body
    network = client.send("GET", ended.body["targetLink"]).body
    assert network["id"] == ended.body["targetId"]
    client.compute("PATCH", "global/networks/net", {"mtu": 1500})
    assert double.get("networks", "net")["mtu"] == 1460
    double.advance(10)
    assert double.get("networks", "net")["mtu"] == 1500


def test_time_passes_by_requests_alone(client: Client) -> None:
    before = client.double.clock.now()
    client.compute("GET", "global/networks")
    assert client.double.clock.now() == before + client.double.step


def test_waiting_for_an_operation_ends_it(client: Client) -> None:
    started = client.compute("POST", "global/networks", NETWORK)
    ended = client.send("POST", f"{started.body['selfLink']}/wait")
    assert ended.body["status"] == "DONE"


def test_what_is_being_created_is_not_ready(client: Client) -> None:
    client.double.world.operations.seconds = 1000
    client.compute("POST", "global/networks", NETWORK)
    subnetwork = {"name": "s", "network": "global/networks/net", "ipCidrRange": "10.0.0.0/24"}
    reply = client.compute("POST", "regions/europe-west1/subnetworks", subnetwork)
    assert (reply.status, reply.reason) == (400, "resourceNotReady")
    again = client.compute("POST", "global/networks", NETWORK)
    assert (again.status, again.reason) == (409, "alreadyExists")


def test_what_is_being_deleted_is_not_ready(client: Client) -> None:
    client.make("global/networks", **NETWORK)
    client.double.world.operations.seconds = 1000
    client.compute("DELETE", "global/networks/net")
    reply = client.compute("PATCH", "global/networks/net", {"mtu": 1500})
    assert (reply.status, reply.reason) == (400, "resourceNotReady")


def test_quota(double: Double, client: Client) -> None:
    double.state.store.quotas["networks"] = 1
    client.make("global/networks", **NETWORK)
    reply = client.compute("POST", "global/networks", {"name": "net2"})
    assert (reply.status, reply.reason) == (403, "quotaExceeded")


@pytest.mark.parametrize(
    "kind, status", [("429", 429), ("503", 503), ("500", 500), ("403", 403), ("resource_not_ready", 400)]
)  # fmt: skip
def test_a_fault_comes_so_often(double: Double, client: Client, kind: str, status: int) -> None:
    double.faults.add("POST", "/networks$", kind, times=2)
    replies = [client.compute("POST", "global/networks", NETWORK).status for _ in range(3)]
    assert replies == [status, status, 200]
    assert [(a.kind, a.method) for a in double.faults.applied] == [(kind, "POST")] * 2


def test_an_operation_that_fails_has_no_effect(double: Double, client: Client) -> None:
    double.faults.add("POST", "/networks$", "operation_error")
    ended = client.end("POST", "global/networks", NETWORK)
    assert ended.body["status"] == "DONE"
    assert ended.body["error"]["errors"][0]["code"] == "RESOURCE_OPERATION_RATE_EXCEEDED"
    assert client.compute("GET", "global/networks/net").status == 404
    client.make("global/networks", **NETWORK)


def test_a_deletion_that_fails_leaves_what_was(double: Double, client: Client) -> None:
    client.make("global/networks", **NETWORK)
    double.faults.add("DELETE", "/networks/", "operation_error")
    assert "error" in client.end("DELETE", "global/networks/net").body
    client.done("DELETE", "global/networks/net")


def test_a_dropped_request_is_not_carried_out_and_a_lost_answer_is(
    double: Double, client: Client
) -> None:
    double.faults.add("POST", "/networks$", "drop")
    with pytest.raises(OSError):
        client.compute("POST", "global/networks", NETWORK)
    assert double.requests[-1].status == 0
    double.faults.add("POST", "/networks$", "lost_answer")
    with pytest.raises(OSError):
        client.compute("POST", "global/networks", NETWORK)
    assert client.compute("POST", "global/networks", NETWORK).status == 409


def test_the_first_of_each_call_fails(double: Double, client: Client) -> None:
    double.faults.fail_first("503")
    statuses = [
        client.compute("GET", path).status
        for path in ("global/networks", "global/networks", "global/networks/x", "global/networks/y")
    ]
    assert statuses == [503, 200, 503, 404]
    double.faults.clear()
    assert client.compute("GET", "global/firewalls").status == 200


def test_an_unknown_fault_is_refused(double: Double) -> None:
    assert "drop" in KINDS
    with pytest.raises(ValueError, match="teapot"):
        double.faults.add("GET", "", "teapot")


def test_the_log_has_every_request_and_no_secret(
    tmp_path: Path, double: Double, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    secrets = "https://secretmanager.googleapis.com/v1/projects/example-project/secrets"
    client.send("POST", f"{secrets}?secretId=key", {"replication": {"automatic": {}}})
    client.send("POST", f"{secrets}/key:addVersion", {"payload": {"data": "aHVzaA=="}})
    client.compute("GET", "global/netwroks")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(line["method"], line["status"]) for line in lines] == [
        ("POST", 200),
        ("POST", 200),
        ("GET", 404),
    ]
    assert lines[0]["body"] == {"replication": {"automatic": {}}}
    assert lines[0]["path"] == "/v1/projects/example-project/secrets?secretId=key"
    assert "aHVzaA" not in (tmp_path / "log").read_text()
    assert "aHVzaA" not in repr(double.requests)
    assert len(double.called("POST", "/secrets")) == 2


def test_a_write_sent_again_is_carried_out_once(double: Double, client: Client) -> None:
    path = "global/networks?requestId=6f1f2f4e-0d5c-4a4c-9f0e-6f5d0d1f7a10"
    double.faults.add("POST", "/networks$", "lost_answer")
    with pytest.raises(OSError):
        client.compute("POST", path, NETWORK)
    again = client.wait(client.compute("POST", path, NETWORK))
    assert "error" not in again.body and len(double.links()) == 1


def test_a_mistake_of_the_double_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        with Double() as double:
            monkeypatch.setattr(double, "api_of", lambda _: 1 // 0)
            assert Client(double).compute("GET", "global/networks").status == 500


def test_many_clients_at_once(double: Double) -> None:
    statuses = []

    def create(number: int) -> None:
        reply = Client(double).compute("POST", "global/networks", {"name": f"n{number}"})
        statuses.append(reply.status)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    double.advance(10)
    assert statuses == [200] * 20 and len(double.links()) == 20


def test_a_person_starts_one_by_a_command() -> None:
    command = [sys.executable, "-m", "gce", "--image", "debian-cloud/debian-12"]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        exports = [process.stdout.readline() for _ in range(12)]
        process.terminate()  # It may still be at its last line.
        assert process.wait(timeout=30) == 0
    assert all(line.startswith("export ") for line in exports)
    assert any("HTTPS_PROXY=http://127.0.0.1:" in line for line in exports)


def test_it_stops_and_takes_its_files_away() -> None:
    with Double() as double:
        Client(double).compute("GET", "global/networks")
        directory, thread = double.directory, double.server.thread
    assert not directory.exists() and not thread.is_alive()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", double.server.port))
