"""Machines that go: by a power cut, and by a drain."""

import time

from lab.client import clients
from lab.host import Host
from nomad.live.cluster import LOOK_S, Cluster
from nomad.live.test_job import balanced
from support.waiting import eventually

CLIENTS = 3  # as many as one instance alone has lanes for
MOVED_S = 180.0


def only_on(cluster: Cluster, hosts: dict[str, Host], name: str) -> bool:
    """Whether two healthy instances are there, and the catalogue and the balancer know no others."""
    healthy = cluster.healthy("bcryptd")
    if [x["NodeName"] for x in healthy] != [name, name]:
        return False
    listed = cluster.instances("bcryptd")
    return (
        len(listed) == 2
        and {x.rpartition(":")[0] for x in listed} == {hosts[name].address}
        and balanced(hosts) == listed
    )


def test_a_power_cut_costs_what_was_in_flight_there(
    cluster: Cluster, spread: None, address: str, hosts: dict[str, Host]
) -> None:
    with clients(address, CLIENTS) as load:
        eventually("some requests", lambda: load.count() > CLIENTS)
        hosts["client1"].power_cut()
        cut = time.monotonic()
        eventually(
            "both on client2",
            lambda: only_on(cluster, hosts, "client2"),
            MOVED_S,
            pause_s=LOOK_S,
        )
        moved = time.monotonic() - cut
        answered = load.count()
        eventually("more requests", lambda: load.count() > answered + CLIENTS)
    hosts["client1"].boot()
    cluster.wait_ready("client1")
    # A request is in flight there when it began before the end came.
    assert [x for x in load.failed if x.begun > cut] == []
    assert len(load.failed) <= CLIENTS
    print(f"moved {moved:.0f} s after the cut; {len(load.failed)} of {load.count()} requests lost")


def test_a_drained_machine_gives_its_instances_away(
    cluster: Cluster, spread: None, address: str, hosts: dict[str, Host]
) -> None:
    node = cluster.nodes()["client2"]["ID"]
    with clients(address) as load:
        cluster.command("node", "drain", "-enable", "-yes", "-detach", node)
        eventually(
            "both on client1",
            lambda: only_on(cluster, hosts, "client1"),
            MOVED_S,
            pause_s=LOOK_S,
        )
    assert load.failed == [] and load.count() > 0
    cluster.command("node", "drain", "-disable", "-yes", node)
