"""The same registrations by the same workers, on one store after the other, in rounds."""

import time
from statistics import median
from typing import Any

from persistence import load
from persistence.stores import ASYNCHRONOUS, ETCD, SYNCHRONOUS, Stores, registered

WAYS = (ASYNCHRONOUS, SYNCHRONOUS, ETCD)
KEPT = ("per_s", "p50_ms", "p99_ms", "max_ms", "cpu_ms")


def once(stores: Stores, way: str, per_vm: int, turn: int, seconds: float) -> dict[str, Any]:
    run, store = f"registration-{way}-{per_vm}-{turn}", stores.use(way)
    with load.running(stores.site, per_vm, task="register", run=run, store=store) as loaded:
        time.sleep(seconds)
    return registered(loaded, stores.owners(way, run))


def level(stores: Stores, per_vm: int, rounds: int, seconds: float) -> dict[str, Any]:
    turns = [
        {way: once(stores, way, per_vm, turn, seconds) for way in WAYS} for turn in range(rounds)
    ]
    ratios = [turn[SYNCHRONOUS]["per_s"] / turn[ETCD]["per_s"] for turn in turns]
    return {
        "workers": per_vm * len(stores.site.vms),
        "ratio": [min(ratios), median(ratios), max(ratios)],
        "one_winner": all(one["one_winner"] for turn in turns for one in turn.values()),
        **{way: {name: median(turn[way][name] for turn in turns) for name in KEPT} for way in WAYS},
    }


def measure(stores: Stores, per_vm: list[int], rounds: int, seconds: float) -> list[dict[str, Any]]:
    return [level(stores, n, rounds, seconds) for n in per_vm]
