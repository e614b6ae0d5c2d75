"""The real, unchanged modules and the inventory plugin of google.cloud, run by ansible-playbook."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gce.client import Client
from gce.double import Double
from gce.play import ANSIBLE
from gce.web import Json

# Of its requests, many are wrong on purpose: none goes to the log of the others.
ASKS_WRONGLY = True

REGION = "europe-west1"
CLOUD = "google.cloud.gcp_"
DEBIAN = "projects/debian-cloud/global/images/family/debian-12"


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as opened:
        opened.seed_image("debian-12-v1", "debian-12", "debian-cloud")
        yield opened


def ansible(double: Double, directory: Path, *command: str) -> str:
    """Runs one of Ansible's programs against the double; what it printed. It must end well."""
    own = {
        "ANSIBLE_ACTION_PLUGINS": str(ANSIBLE / "plugins/action"),
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_STDOUT_CALLBACK": "json",
        "LC_ALL": "C.UTF-8",
    }
    result = subprocess.run(
        command,
        env={**os.environ, **double.env(), **own},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def results(double: Double, directory: Path, tasks: list[Json]) -> list[Json]:
    """Runs tasks on this machine; what each of them returned."""
    plays = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
    (directory / "play.yml").write_text(yaml.safe_dump(plays))
    output = ansible(double, directory, "ansible-playbook", "-i", "localhost,", "play.yml")
    return [task["hosts"]["localhost"] for task in json.loads(output)["plays"][0]["tasks"]]


def play(double: Double, directory: Path, tasks: list[Json]) -> list[bool]:
    """Runs tasks on this machine; which of them changed something."""
    return [result.get("changed", False) for result in results(double, directory, tasks)]


def task(module: str, register: str, **arguments: Any) -> Json:
    return {f"{CLOUD}{module}": arguments, "register": register}


NETWORK = task("compute_network", "network", name="net", auto_create_subnetworks=False)
CHECK = task(
    "compute_region_health_check",
    "check",
    name="readyz",
    region=REGION,
    type="HTTP",
    check_interval_sec=5,
    timeout_sec=5,
    http_health_check={"port": 9180, "request_path": "/readyz"},
)
ADDRESS = task("compute_address", "address", name="a", region=REGION)


def test_networks(double: Double, tmp_path: Path) -> None:
    tasks = [
        NETWORK,
        task(
            "compute_subnetwork",
            "subnetwork",
            name="sub",
            region=REGION,
            ip_cidr_range="10.8.0.0/20",
            network="{{ network }}",
            private_ip_google_access=True,
        ),
        task(
            "compute_firewall",
            "firewall",
            name="https",
            network="{{ network }}",
            allowed=[{"ip_protocol": "tcp", "ports": ["443"]}],
            source_ranges=["0.0.0.0/0"],
            target_tags=["web"],
        ),
        task("compute_router", "router", name="r", region=REGION, network="{{ network }}"),
    ]
    assert play(double, tmp_path, tasks) == [True] * 4
    assert play(double, tmp_path, tasks) == [False] * 4
    double.edit("firewalls", "https", sourceRanges=["192.0.2.0/24"])
    double.edit("subnetworks", "sub", privateIpGoogleAccess=False)
    assert play(double, tmp_path, tasks) == [False, True, True, False]
    assert double.get("firewalls", "https")["sourceRanges"] == ["0.0.0.0/0"]
    assert double.get("subnetworks", "sub")["privateIpGoogleAccess"] is True


def test_load_balancer(double: Double, tmp_path: Path) -> None:
    service = task(
        "compute_region_backend_service",
        "service",
        name="service",
        region=REGION,
        load_balancing_scheme="EXTERNAL",
        protocol="TCP",
        health_checks=["{{ check.selfLink }}"],
    )
    rule = task(
        "compute_forwarding_rule",
        "rule",
        name="rule",
        region=REGION,
        ip_address="{{ address.address }}",
        ip_protocol="TCP",
        ports=["443"],
        load_balancing_scheme="EXTERNAL",
        backend_service="{{ service }}",
    )
    tasks = [ADDRESS, CHECK, service, rule]
    assert play(double, tmp_path, tasks) == [True] * 4
    assert play(double, tmp_path, tasks) == [False] * 4
    double.edit("regionHealthChecks", "readyz", unhealthyThreshold=9, checkIntervalSec=30)
    assert play(double, tmp_path, tasks) == [False, True, False, False]
    assert double.get("regionHealthChecks", "readyz")["checkIntervalSec"] == 5


def test_image(double: Double, tmp_path: Path) -> None:
    disk = task(
        "compute_disk",
        "disk",
        name="d",
        zone=f"{REGION}-b",
        source_image=DEBIAN,
    )
    image = task(
        "compute_image",
        "image",
        name="web-1",
        family="web",
        source_disk="{{ disk }}",
        labels={"release": "1"},
    )
    assert play(double, tmp_path, [disk, image]) == [True, True]
    assert play(double, tmp_path, [disk, image]) == [False, False]
    assert double.get("images", "web-1")["sourceDiskId"] == double.get("disks", "d")["id"]
    gone = {**image, f"{CLOUD}compute_image": {"name": "web-1", "state": "absent"}}
    assert play(double, tmp_path, [gone]) == [True]
    assert play(double, tmp_path, [gone]) == [False]


def test_names_and_accounts(double: Double, tmp_path: Path) -> None:
    zone = task("dns_managed_zone", "zone", name="z", dns_name="example.com.", description="d")
    record = task(
        "dns_resource_record_set",
        "record",
        name="hash.example.com.",
        type="A",
        ttl=60,
        target=["192.0.2.1"],
        managed_zone="{{ zone }}",
    )
    email = f"fleet-vm@{double.project}.iam.gserviceaccount.com"
    account = task("iam_service_account", "account", name=email, display_name="Fleet")
    tasks = [zone, record, account]
    assert play(double, tmp_path, tasks) == [True] * 3
    assert play(double, tmp_path, tasks) == [False] * 3
    record[f"{CLOUD}dns_resource_record_set"]["target"] = ["192.0.2.2"]
    assert play(double, tmp_path, [zone, record]) == [False, True]
    found = double.state.dns.records["z"]["hash.example.com.", "A"]
    assert found["rrdatas"] == ["192.0.2.2"]


def request(url: str, **arguments: Any) -> Json:
    headers = {"Authorization": "Bearer {{ lookup('env', 'GCP_ACCESS_TOKEN') }}"}
    return {"ansible.legacy.gce_request": {"url": url, "headers": headers, **arguments}}


def test_requests_are_answered_whatever_the_answer_is(double: Double, tmp_path: Path) -> None:
    """They meet the double by HTTPS_PROXY and SSL_CERT_FILE alone: nothing of the tasks is for it."""
    networks = (
        f"https://compute.googleapis.com/compute/v1/projects/{double.project}/global/networks"
    )
    double.faults.add("GET", "/lost$", "drop")
    done, listed, absent, page, silent = results(
        double,
        tmp_path,
        [
            request(networks, method="POST", body={"name": "net"}),
            request(networks),
            request(f"{networks}/absent"),
            request("https://compute.googleapis.com/none"),
            request(f"{networks}/lost"),
        ],
    )
    assert done["status"] == 200 and done["json"]["kind"] == "compute#operation"
    assert listed["status"] == 200 and listed["json"]["kind"] == "compute#networkList"
    assert absent["status"] == 404 and "was not found" in absent["json"]["error"]["message"]
    assert page["status"] == 404 and "json" not in page and "<title>" in page["content"]
    assert silent["status"] == -1 and silent["msg"]
    assert not any(each["changed"] or each.get("failed") for each in (done, listed, absent, silent))
    assert len(double.called("POST", "/networks")) == 1


def test_a_module_ends_with_a_failed_operation(double: Double, tmp_path: Path) -> None:
    double.faults.add("POST", "/networks$", "503")
    with pytest.raises(AssertionError, match="currently unavailable"):
        play(double, tmp_path, [NETWORK])
    assert play(double, tmp_path, [NETWORK]) == [True]


def test_the_inventory_lists_instances(double: Double, tmp_path: Path) -> None:
    client = Client(double)
    client.make("global/networks", name="net")
    for name, role in (("web-1", "web"), ("db-1", "db")):
        disk = {"boot": True, "initializeParams": {"sourceImage": DEBIAN}}
        client.make(
            f"zones/{REGION}-b/instances",
            name=name,
            machineType=f"zones/{REGION}-b/machineTypes/e2-small",
            disks=[disk],
            networkInterfaces=[{"network": "global/networks/net"}],
            labels={"role": role},
        )
    double.until(lambda: double.get("instances", "db-1")["status"] == "RUNNING")
    settings = {
        "plugin": "google.cloud.gcp_compute",
        "projects": [double.project],
        "auth_kind": "serviceaccount",
        "filters": ["labels.role = web", "status = RUNNING"],
        "hostnames": ["name"],
        "keyed_groups": [{"key": "labels.role", "prefix": "", "separator": ""}],
        "compose": {"ansible_host": "networkInterfaces[0].networkIP"},
    }
    (tmp_path / "gcp.yml").write_text(yaml.safe_dump(settings))
    listed = json.loads(ansible(double, tmp_path, "ansible-inventory", "-i", "gcp.yml", "--list"))
    assert listed["web"]["hosts"] == ["web-1"]
    address = listed["_meta"]["hostvars"]["web-1"]["ansible_host"]
    interfaces = double.get("instances", "web-1")["networkInterfaces"]
    assert address == interfaces[0]["networkIP"]
