"""The service as a job: it runs, is found, and answers through the load balancer."""

import ssl

from lab.client import clients, serves
from lab.host import Host
from nomad.live.cluster import EDGE, LOOK_S, Cluster
from nomad.live.conftest import CLIENTS
from nomad.live.deployment import Deployment
from nomad.live.test_agents import is_well
from support.waiting import eventually

UPSTREAM = "grep -h 'server .* max_fails=1' /var/lib/nomad/alloc/*/nginx/local/nginx/nginx.conf"


def balanced(hosts: dict[str, Host]) -> set[str]:
    """The instances in the load balancer's configuration."""
    lines = hosts[EDGE].shell(UPSTREAM, check=False).splitlines()
    return {line.split()[1] for line in lines}


def test_the_job_is_valid(cluster: Cluster, deployment: Deployment) -> None:
    said = cluster.command("job", "validate", *deployment.arguments())
    assert "Job validation successful" in said and "warning" not in said.lower()


def test_a_plan_of_what_runs_changes_nothing(deployment: Deployment) -> None:
    text = deployment.plan()
    assert "All tasks successfully allocated" in text
    assert "create" not in text and "update" not in text.replace("in-place update", "")


def test_instances_are_registered_and_found(
    cluster: Cluster, spread: None, hosts: dict[str, Host]
) -> None:
    listed = cluster.instances("bcryptd")
    assert {x.rpartition(":")[0] for x in listed} == {hosts[name].address for name in CLIENTS}
    eventually("the balancer has them", lambda: balanced(hosts) == listed, pause_s=LOOK_S)


def test_a_deployer_is_refused_what_is_not_his(deployment: Deployment) -> None:
    deployer = deployment.cluster
    node = deployer.nodes()["client1"]["ID"]
    for command in (["acl", "token", "list"], ["node", "drain", "-enable", "-yes", node]):
        assert "403" in deployer.command(*command, check=False)


def test_it_answers_through_the_load_balancer(address: str) -> None:
    assert serves(address)


def test_the_catalogue_s_checks_are_passed(cluster: Cluster, deployment: Deployment) -> None:
    for allocation in cluster.healthy("bcryptd"):
        checks = cluster.api(f"/v1/client/allocation/{allocation['ID']}/checks").values()
        assert {x["Check"]: x["Status"] for x in checks} == {
            "ready": "success",
            "alive": "success",
        }


def test_a_restart_of_an_agent_ends_no_instance(address: str, hosts: dict[str, Host]) -> None:
    client, look = hosts["client1"], "pgrep --oldest --exact bcryptd; pgrep --oldest --exact nginx"
    before = client.shell(look)
    with clients(address) as load:
        client.shell("systemctl restart nomad.service")
        eventually("the agent is well", lambda: is_well(client), pause_s=LOOK_S)
    assert client.shell(look) == before
    assert load.failed == [] and load.count() > 0


def test_a_renewed_certificate_is_taken_without_an_error(
    cluster: Cluster, deployment: Deployment, address: str
) -> None:
    before = ssl.get_server_certificate((address, 443))
    with clients(address) as load:
        deployment.give_certificates()
        eventually(
            "the new one is shown",
            lambda: ssl.get_server_certificate((address, 443)) != before,
            pause_s=LOOK_S,
        )
    assert load.failed == [] and load.count() > 0
