"""The same registrations by the same workers, on one store after the other, in rounds."""

import time
from statistics import median
from typing import Any

from persistence import load
from persistence.stores import Stores, registered

KEPT = ("per_s", "p50_ms", "p99_ms", "max_ms", "cpu_ms")


def once(stores: Stores, kind: str, per_vm: int, turn: int, seconds: float) -> dict[str, Any]:
    run, store = f"registration-{per_vm}-{turn}", stores.settings(kind)
    with load.running(stores.site, per_vm, task="register", run=run, store=store) as loaded:
        time.sleep(seconds)
    return registered(loaded, stores.owners(kind, run))


def level(stores: Stores, per_vm: int, rounds: int, seconds: float) -> dict[str, Any]:
    kinds = ("postgresql", "etcd")
    turns = [
        {kind: once(stores, kind, per_vm, turn, seconds) for kind in kinds}
        for turn in range(rounds)
    ]
    ratios = [turn["postgresql"]["per_s"] / turn["etcd"]["per_s"] for turn in turns]
    return {
        "workers": per_vm * len(stores.site.vms),
        "ratio": [min(ratios), median(ratios), max(ratios)],
        "one_winner": all(one["one_winner"] for turn in turns for one in turn.values()),
        **{
            kind: {name: median(turn[kind][name] for turn in turns) for name in KEPT}
            for kind in kinds
        },
    }


def measure(stores: Stores, per_vm: list[int], rounds: int, seconds: float) -> list[dict[str, Any]]:
    return [level(stores, n, rounds, seconds) for n in per_vm]
