"""A write, and a read of it at once on another host."""

import subprocess
import time
from typing import Any

from lab.host import Host
from persistence import load, statistic
from persistence.stores import Settings, Stores
from support.waiting import eventually


def one(
    stores: Stores, way: str, store: Settings, reader: Settings, per_vm: int, seconds: float
) -> dict[str, Any]:
    arguments = {"task": "look", "run": f"look-{way}", "store": store, "reader": reader}
    with load.running(stores.site, per_vm, **arguments) as loaded:
        time.sleep(seconds)
    rows = loaded.rows()
    return {
        "way": way,
        "store": store["kind"],
        "reads": len(rows),
        "stale": sum(row[2] for row in rows),
        "pairs_per_s": len(rows) / loaded.duration_s,
        "read_p50_ms": statistic.percentile([1000 * (row[1] - row[0]) for row in rows], 0.5),
        "errors": dict(loaded.errors()),
    }


def by_postgresql(stores: Stores, per_vm: int, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for way, synchronous, apply in (
        ("asynchronous", False, False),
        ("synchronous", True, False),
        ("remote_apply", True, True),
    ):
        stores.sql.set_synchronous(synchronous, apply)
        rows.append(one(stores, way, stores.direct(), stores.standby(), per_vm, seconds))
    stores.sql.set_synchronous(False)
    return rows


def by_etcd(stores: Stores, per_vm: int, seconds: float) -> list[dict[str, Any]]:
    leader, followers = stores.members.wait_complete()
    writer = {"kind": "etcd", "endpoints": [leader.address]}
    reader = {"kind": "etcd", "endpoints": [followers[0].address]}
    return [
        one(stores, way, writer, {**reader, "serializable": way == "serializable"}, per_vm, seconds)
        for way in ("serializable", "linearizable")
    ]


def held_standby(stores: Stores) -> dict[str, Any]:
    """A standby whose replay is held, as by a long query or a full disk: it answers all the same."""
    sql = stores.sql
    write = "INSERT INTO marks VALUES ('held', {0}) ON CONFLICT (name) DO UPDATE SET n = {0}"
    read = "SELECT n FROM marks WHERE name = 'held'"
    sql.sql(write.format(1))
    sql.wait_streaming()
    sql.hold_replay(True)
    sql.sql(write.format(2))
    held = sql.sql(read, sql.standby)
    sql.hold_replay(False)
    eventually("the standby has caught up", lambda: sql.sql(read, sql.standby) == "2", pause_s=0.05)
    return {"written": "2", "read": held}


def etcdctl(host: Host, *words: str) -> subprocess.CompletedProcess[str]:
    """On the member itself, whose cable may be out."""
    options = ["--command-timeout=3s", "--print-value-only"]
    return host.run("env", "ETCDCTL_API=3", "etcdctl", "get", *options, *words, check=False)


def cut_follower(stores: Stores) -> dict[str, Any]:
    """A follower without a network: what it answers by itself, with each kind of read."""
    leader, followers = stores.members.wait_complete()
    client, alone = stores.members.client(leader), followers[0]
    client.write("held", 1)
    stores.members.wait_complete()
    alone.partition(True)
    client.write("held", 2)
    serializable = etcdctl(alone, "marks/held", "--consistency=s")
    linearizable = etcdctl(alone, "marks/held", "--consistency=l")
    alone.partition(False)
    stores.members.wait_complete()
    return {
        "written": "2",
        "read": serializable.stdout.strip(),
        "linearizable": linearizable.stdout.strip() or linearizable.stderr.strip().splitlines()[-1],
        "linearizable_refused": linearizable.returncode != 0,
    }


def measure(stores: Stores, per_vm: int, seconds: float) -> dict[str, Any]:
    return {
        "rows": by_postgresql(stores, per_vm, seconds) + by_etcd(stores, per_vm, seconds),
        "held_standby": held_standby(stores),
        "cut_follower": cut_follower(stores),
    }
