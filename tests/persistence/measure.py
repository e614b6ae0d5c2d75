"""The whole measurement, from the boot of the hosts to the last failover."""

import re
import sys
import time
from dataclasses import dataclass
from typing import Any

import yaml

from lab.lab import Lab
from persistence import connections, failover, hot, limits, quorum, registration, retry, stale, stores
from support.daemon import ROOT


@dataclass(frozen=True)
class Plan:
    vms: int
    max_connections: int
    pool_size: int
    connections: list[int]  # workers a VM, here and below
    hot: list[int]
    registration: list[int]
    rounds: int
    seconds: float  # of each load
    workers: int  # of the loads of one level
    apart_s: float
    pooled_failover: bool


FULL = Plan(4, 100, 16, [2, 8, 16, 24, 36], [1, 4, 8], [1, 4, 12], 3, 4.0, 4, 1.0, True)
QUICK = Plan(2, 20, 4, [2, 12], [1, 6], [4], 1, 1.5, 4, 0.7, False)


def fleet() -> list[dict[str, Any]]:
    """The largest fleet of each inventory, with what a rollout adds for a while."""
    found = []
    defaults = ROOT / "ansible/roles/gce_fleet/defaults/main.yml"
    for name in ("staging", "production"):
        own = (ROOT / f"ansible/inventories/{name}/group_vars/gce.yml").read_text()
        settings = {**yaml.safe_load(defaults.read_text()), **yaml.safe_load(own)}
        machine = str(settings["gce_fleet_machine_type"])
        vcpus = re.search(r"-(\d+)$", machine)
        assert vcpus is not None, machine
        found.append(
            {
                "inventory": name,
                "maximum": settings["gce_fleet_maximum"],
                # Of its default, one a zone.
                "surge": len(settings["gce_zones"]),
                "workers": int(vcpus[1]),
            }
        )
    return found


def say(begun: float, what: str) -> None:
    print(f"  {time.monotonic() - begun:5.0f} s  {what}", file=sys.stderr, flush=True)


def failovers(made: stores.Stores, plan: Plan) -> list[dict[str, Any]]:
    rows = [failover.postgresql(made, plan.workers, False, plan.apart_s)]
    made.sql.rebuild()
    rows.append(failover.postgresql(made, plan.workers, True, plan.apart_s))
    if plan.pooled_failover:
        made.sql.rebuild()
        rows.append(failover.postgresql(made, plan.workers, False, 0.0, pooled=True))
    return [*rows, failover.etcd(made, plan.workers)]


def everything(lab: Lab, plan: Plan) -> dict[str, Any]:
    begun = time.monotonic()
    made = stores.begin(lab, plan.vms, plan.max_connections, plan.pool_size)
    data: dict[str, Any] = {"plan": plan.__dict__, "fleet": fleet()}
    say(begun, "hosts are ready")
    for name, step in {
        "connections": lambda: connections.measure(made, plan.connections, plan.seconds),
        "hot": lambda: hot.measure(made, plan.hot, plan.seconds * 0.75),
        "registration": lambda: registration.measure(
            made, plan.registration, plan.rounds, plan.seconds
        ),
        "stale": lambda: stale.measure(made, 1, plan.seconds / 2),
        "retry": lambda: retry.measure(made, plan.workers, plan.seconds / 4),
        "limits": lambda: limits.measure(made),
        "failover": lambda: failovers(made, plan),
        "quorum": lambda: quorum.measure(made),
    }.items():
        data[name] = step()
        say(begun, name)
    data["took_s"] = time.monotonic() - begun
    return data


def measure(quick: bool) -> dict[str, Any]:
    with Lab() as lab:
        return everything(lab, QUICK if quick else FULL)
