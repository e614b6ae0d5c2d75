"""Prometheus sees the cluster, and the autoscaler follows what it sees."""

from collections.abc import Iterator

import pytest

from lab.client import clients
from lab.host import Host
from lab.lab import Lab
from lab.playbook import Inventory
from nomad import engines
from nomad.live.cluster import LOOK_S, Cluster, archive
from nomad.live.deployment import Deployment
from observe.central import Central
from support.waiting import eventually

BUSY = 16  # clients; more than two instances have lanes for
LEAST, MOST = 2, 4
SCALED_S = 420.0  # the rates are of two minutes
RUNNING = 'max(nomad_nomad_job_summary_running{exported_job="bcryptd"})'


@pytest.fixture(scope="module")
def central(
    lab: Lab,
    cluster: Cluster,
    deployment: Deployment,
    inventory: Inventory,
    hosts: dict[str, Host],
) -> Central:
    """The server, which has Prometheus as well."""
    inventory.skip_tags = ""
    inventory.add_group(
        "monitoring",
        [hosts["server"]],
        firewall_ssh_sources=[f"{lab.network[1]}/32"],
        prometheus_discovery="nomad",
        prometheus_nomad_token=cluster.new_token("prometheus", "nomad/prometheus/policy.hcl"),
    )
    inventory.play("monitoring.yml")
    return Central(hosts["server"])


@pytest.fixture(scope="module")
def autoscaler(
    lab: Lab,
    central: Central,
    cluster: Cluster,
    inventory: Inventory,
    hosts: dict[str, Host],
) -> Iterator[None]:
    """Runs, and takes its time not from days but from this test."""
    inventory.add_group(
        "nomad_autoscaler",
        [hosts["server"]],
        nomad_autoscaler_token=cluster.new_token("autoscaler", "nomad/autoscaler/policy.hcl"),
        **archive(engines.autoscaler(), lab.directory),
    )
    inventory.play("nomad.yml", "--tags=nomad_autoscaler")
    yield
    hosts["server"].run("systemctl", "stop", "nomad-autoscaler.service")


def targets(central: Central) -> set[tuple[str, str]]:
    """Those of Nomad that are up: the job, and the address."""
    return {
        (x["labels"]["job"], x["scrapeUrl"].split("/")[2])
        for x in central.targets()
        if x["health"] == "up" and x["labels"]["job"] in ("bcryptd", "mtail", "nomad")
    }


def wanted(cluster: Cluster, hosts: dict[str, Host]) -> set[tuple[str, str]]:
    listed = {
        (job, address)
        for job, service in (("bcryptd", "bcryptd-metrics"), ("mtail", "bcryptd-mtail"))
        for address in cluster.instances(service)
    }
    return listed | {("nomad", f"{host.address}:4646") for host in hosts.values()}


def test_prometheus_follows_the_instances_and_the_agents(
    central: Central, cluster: Cluster, hosts: dict[str, Host]
) -> None:
    eventually(
        "all targets are up",
        lambda: targets(central) == wanted(cluster, hosts),
        pause_s=LOOK_S,
    )


def test_what_nginx_answers_is_counted_for_its_instance(
    central: Central, cluster: Cluster, address: str
) -> None:
    joined = (
        "sum by (instance) (bcryptd_nginx_requests_total) * 0"
        " + on (instance) sum by (instance) (bcryptd_requests_total)"
    )
    with clients(address):
        eventually(
            "both series of each instance",
            lambda: len(central.query(joined)) == LEAST,
            pause_s=LOOK_S,
        )


def test_load_raises_the_count_and_its_end_lowers_it(
    central: Central,
    cluster: Cluster,
    deployment: Deployment,
    autoscaler: None,
    address: str,
) -> None:
    version = cluster.job_version("bcryptd") + 1
    deployment.submit(scale_seconds="5", scale_cooldown_seconds="20")
    deployment.wait_deployed(version)
    eventually("Nomad's count", lambda: central.value(RUNNING) == LEAST, pause_s=LOOK_S)
    with clients(address, BUSY) as load:
        eventually("more run", lambda: central.value(RUNNING) == MOST, SCALED_S, pause_s=LOOK_S)
        eventually("all are healthy", lambda: len(cluster.healthy("bcryptd")) == MOST, SCALED_S)
    eventually(
        "as few as before",
        lambda: central.value(RUNNING) == LEAST,
        SCALED_S,
        pause_s=LOOK_S,
    )
    assert central.value(f"max_over_time({RUNNING}[20m:5s])") == MOST
    events = cluster.api("/v1/job/bcryptd/scale")["TaskGroups"]["bcryptd"]["Events"]
    counts = [event["Count"] for event in reversed(events) if event["Count"] is not None]
    assert counts[-1] == LEAST and MOST in counts
    print(f"counts {counts}; {load.count()} requests, {len(load.failed)} refused")
