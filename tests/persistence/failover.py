"""The host that takes the writes loses its power under load."""

import time
from typing import Any

from persistence import load, statistic
from persistence.load import Load
from persistence.stores import Stores, registered
from support.waiting import eventually

BEFORE_S, AFTER_S = 1.5, 3.0
STEP_S = 0.25


def told(way: str, loaded: Load, cut: float, owners: dict[str, str]) -> dict[str, Any]:
    made = statistic.requests(loaded.rows())
    return {
        "way": way,
        "gap_s": statistic.gap_s(made, loaded.begun, loaded.ended),
        "longest_wait_s": statistic.longest_wait_s(loaded.reports, loaded.begun, loaded.ended),
        "acknowledged": sum(one.answer == "won" for one in made),
        "retries": statistic.retries(made, owners),
        "timeline": statistic.timeline(made, cut, loaded.begun, loaded.ended, STEP_S),
        **registered(loaded, owners),
    }


def postgresql(
    stores: Stores, per_vm: int, synchronous: bool, apart_s: float, pooled: bool = False
) -> dict[str, Any]:
    """The standby may be apart from the primary for a while before, so that it lacks what was written then. This script is
    the failover manager, and knows at once that the primary is gone."""
    sql = stores.sql
    sql.set_synchronous(synchronous)
    stores.pooler.repoint(sql.primary)
    way = "-".join(
        ["synchronous" if synchronous else "asynchronous", *(["pgbouncer"] if pooled else [])]
    )
    run, store = f"failover-{way}", stores.pooled() if pooled else stores.direct()
    old, new = sql.primary, sql.standby
    with load.running(stores.site, per_vm, task="register", run=run, store=store) as loaded:
        time.sleep(BEFORE_S)
        if apart_s:
            new.partition(True)
            time.sleep(apart_s)
        cut = time.monotonic()
        old.power_cut()
        if apart_s:
            new.partition(False)
        sql.promote()
        promoted = time.monotonic()
        stores.pooler.repoint(new)
        wanted = 1 if pooled else loaded.workers
        eventually("the workers are back", lambda: sql.connections() >= wanted, pause_s=0.1)
        time.sleep(AFTER_S)
    row = told(way, loaded, cut, sql.owners(run))
    return {**row, "apart_s": apart_s, "promote_s": promoted - cut}


def etcd(stores: Stores, per_vm: int) -> dict[str, Any]:
    """Its members choose a leader by themselves."""
    members = stores.members
    leader, _ = members.wait_complete()
    arguments = {"task": "register", "run": "failover-etcd", "store": stores.etcd()}
    with load.running(stores.site, per_vm, **arguments) as loaded:
        time.sleep(BEFORE_S)
        cut = time.monotonic()
        leader.power_cut()
        eventually("a new leader", lambda: members.leader(), pause_s=0.1)
        time.sleep(AFTER_S)
    row = told("etcd", loaded, cut, members.owners("failover-etcd"))
    members.start(leader)
    members.wait_complete()
    return {**row, "apart_s": 0.0}
