"""Both stores on their hosts, and how the workers are told to reach them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.lab import Lab
from persistence import hosts, pooler, statistic
from persistence.etcd import Members
from persistence.load import Load
from persistence.pooler import Pooler
from persistence.postgres import Cluster

Settings = dict[str, Any]
# Ways to store.
ASYNCHRONOUS, SYNCHRONOUS, ETCD = "asynchronous", "synchronous", "etcd"


@dataclass
class Stores:
    site: hosts.Site
    sql: Cluster
    pooler: Pooler
    members: Members

    def use(self, way: str) -> Settings:
        """How to reach the store of a way; PostgreSQL replicates as it says from now on."""
        if way == ETCD:
            return self.etcd()
        self.sql.set_synchronous(way == SYNCHRONOUS)
        return self.direct()

    def owners(self, way: str, run: str) -> dict[str, str]:
        """The claim that has each name of a run."""
        return self.members.owners(run) if way == ETCD else self.sql.owners(run)

    def direct(self) -> Settings:
        """To whichever PostgreSQL is the primary."""
        return {"kind": "postgresql", "dsn": self.sql.direct()}

    def pooled(self) -> Settings:
        dsn = f"{self.sql.dsn(self.pooler.host)} port={pooler.PORT}"
        return {"kind": "postgresql", "dsn": dsn}

    def standby(self) -> Settings:
        return {"kind": "postgresql", "dsn": self.sql.dsn(self.sql.standby)}

    def etcd(self) -> Settings:
        return {"kind": "etcd", "endpoints": self.members.addresses()}


def begin(lab: Lab, vms: int, max_connections: int, pool_size: int) -> Stores:
    site = hosts.boot(lab, vms)
    stores = Stores(site, Cluster(site, max_connections), Pooler(site, pool_size), Members(site))
    stores.sql.begin()
    stores.pooler.begin(stores.sql.primary)
    stores.members.begin()
    return stores


def registered(load: Load, owners: Mapping[str, str]) -> dict[str, Any]:
    """What a load of registrations came to."""
    made = statistic.requests(load.rows())
    checked = statistic.check_names(made, owners)
    answers = max(len(statistic.answered(made)), 1)
    return {
        "workers": load.workers,
        **statistic.speed(statistic.answered(made), load.begun, load.ended),
        "cpu_ms": 1000 * load.total("cpu_s") / answers,
        "unknown": int(load.total("unknown")),
        "unavailable": int(load.total("unavailable")),
        "errors": dict(load.errors()),
        "names": checked,
        "one_winner": statistic.one_winner(checked),
    }
