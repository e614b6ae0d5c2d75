"""New versions under load, and versions that do not work."""

from lab.client import clients, service
from nomad.live.cluster import LOOK_S, Cluster
from nomad.live.deployment import DEPLOYED_S, Deployment
from support.waiting import eventually

# A new version is one with another default cost: a hash tells which one made it.
NEW = {"settings": '{ BCRYPTD_COST = "11" }'}
BROKEN = {"settings": '{ BCRYPTD_COST = "99" }'}


def cost(address: str) -> str:
    """Of a hash that an instance makes by default."""
    answer = service(address).post("/v1/hash", {"password": "hunter2"})
    assert answer.status == 200
    return str(answer.json()["hash"]).split("$")[2]


def test_a_new_version_comes_by_canary_without_a_failed_request(
    cluster: Cluster, deployment: Deployment, address: str
) -> None:
    version = cluster.job_version("bcryptd") + 1
    with clients(address) as load:
        deployment.submit(**NEW)
        deployment.wait_deployed(version)
    group = cluster.deployment("bcryptd")["TaskGroups"]["bcryptd"]
    assert len(group["PlacedCanaries"]) == 1 and group["Promoted"]
    assert cost(address) == "11"
    assert load.failed == [] and load.count() > 0


def test_a_broken_version_reverts_by_itself(
    cluster: Cluster, deployment: Deployment, address: str
) -> None:
    broken = cluster.job_version("bcryptd") + 1
    running = {x["ID"] for x in cluster.healthy("bcryptd")}
    before = cost(address)
    with clients(address) as load:
        deployment.submit(**BROKEN)
        eventually(
            "the version before is back",
            lambda: cluster.job_version("bcryptd") > broken,
            DEPLOYED_S,
            pause_s=LOOK_S,
        )
        deployment.wait_deployed(broken + 1)
    assert {x["ID"] for x in cluster.healthy("bcryptd")} == running
    assert cost(address) == before
    assert load.failed == [] and load.count() > 0


def test_a_person_goes_back_by_hand(cluster: Cluster, deployment: Deployment, address: str) -> None:
    version = cluster.job_version("bcryptd")
    with clients(address) as load:
        deployment.submit(settings='{ BCRYPTD_COST = "10" }')
        deployment.wait_deployed(version + 1)
        assert cost(address) == "10"
        cluster.command("job", "revert", "-detach", "bcryptd", str(version))
        deployment.wait_deployed(version + 2)
    assert cost(address) != "10"
    assert load.failed == [] and load.count() > 0
