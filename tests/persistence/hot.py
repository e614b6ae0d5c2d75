"""One counter that all workers count in, beside one of each worker's own."""

import time
from typing import Any

from persistence import load, statistic
from persistence.client.keyvalue import coded, value_of
from persistence.stores import ETCD, SYNCHRONOUS, Stores


def reset(stores: Stores, per_vm: int) -> None:
    names = ["hot", *(f"{vm.name}-{i}" for vm in stores.site.vms for i in range(per_vm))]
    rows = ", ".join(f"('{name}')" for name in names)
    stores.sql.sql(
        f"TRUNCATE counters; INSERT INTO counters (name) VALUES {rows}; ANALYZE counters"
    )
    prefix = {"key": coded("counters/"), "range_end": coded("counters0")}
    stores.members.client().call("deleterange", prefix)


def hot_value(stores: Stores, way: str) -> int:
    if way != ETCD:
        return int(stores.sql.sql("SELECT n FROM counters WHERE name = 'hot'"))
    pair = stores.members.client().get("counters/hot")
    return int(value_of(pair)) if pair else 0


def one(stores: Stores, way: str, hot: bool, per_vm: int, seconds: float) -> dict[str, Any]:
    reset(stores, per_vm)
    store = stores.use(way)
    with load.running(
        stores.site, per_vm, task="count", run="count", hot=hot, store=store
    ) as loaded:
        time.sleep(seconds)
    rows = [row for row in loaded.rows() if row[2] is not None]
    tries = [row[2] for row in rows]
    # What had no answer may have been counted.
    certain = not loaded.total("unknown")
    return {
        "way": way,
        "hot": hot,
        "workers": loaded.workers,
        **statistic.speed([(row[0], row[1]) for row in rows], loaded.begun, loaded.ended),
        "tries": sum(tries) / max(len(tries), 1),
        "most_tries": max(tries, default=0),
        "exact": hot_value(stores, way) == len(rows) if hot and certain else None,
        "errors": dict(loaded.errors()),
    }


def measure(stores: Stores, per_vm: list[int], seconds: float) -> list[dict[str, Any]]:
    return [
        one(stores, way, hot, n, seconds)
        for way in (SYNCHRONOUS, ETCD)
        for hot in (True, False)
        for n in per_vm
    ]
