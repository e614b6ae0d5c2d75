"""Answers that are lost on their way: the request was done, its client does not know, and asks again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.command import run
from lab.host import Host
from persistence import load, statistic
from persistence.client.keyvalue import PORT
from persistence.stores import ASYNCHRONOUS, ETCD, Stores, registered

RULES = """table inet lost {
    chain answers {
        type filter hook input priority filter;
        tcp sport { 5432, %d } drop
    }
}
"""
LOST_S = 2.0  # longer than any client's patience: a second, which the kernel looks at when it sends again


def firewall(host: Host, *command: str, rules: str = "") -> None:
    run(*host.from_its_network(["nft", *command]), stdin=rules)


@contextmanager
def answers_lost(hosts: list[Host]) -> Iterator[None]:
    """What the VMs send arrives, and nothing comes back."""
    for host in hosts:
        firewall(host, "-f", "-", rules=RULES % PORT)
    try:
        yield
    finally:
        for host in hosts:
            firewall(host, "delete", "table", "inet", "lost")


def one(stores: Stores, way: str, per_vm: int, seconds: float) -> dict[str, Any]:
    name, store = f"retry-{way}", stores.use(way)
    with load.running(stores.site, per_vm, task="register", run=name, store=store) as loaded:
        time.sleep(seconds)
        with answers_lost(stores.site.vms):
            time.sleep(LOST_S)
        # libpq is patient for two seconds with a connection that it begins.
        time.sleep(LOST_S + seconds)
    owners = stores.owners(way, name)
    made = statistic.requests(loaded.rows())
    return {
        "way": way,
        "retries": statistic.retries(made, owners),
        "names": registered(loaded, owners)["names"],
    }


def measure(stores: Stores, per_vm: int, seconds: float) -> list[dict[str, Any]]:
    return [one(stores, way, per_vm, seconds) for way in (ASYNCHRONOUS, ETCD)]
