"""The whole measurement, from the boot of the hosts to the last failover."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from lab.lab import Lab, lab_or_error
from persistence import (
    connections,
    failover,
    hot,
    limits,
    quorum,
    registration,
    retry,
    stale,
    stores,
)
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


FULL = Plan(4, 100, 16, [2, 8, 16, 28], [1, 4, 8], [1, 4, 12], 3, 4.0, 4, 1.0, True)
QUICK = Plan(2, 20, 4, [2, 12], [1, 6], [4], 1, 1.0, 4, 0.5, False)


def gce_fleet(inventory: str) -> dict[str, Any]:
    defaults = ROOT / "ansible/roles/gce_fleet/defaults/main.yml"
    own = ROOT / f"ansible/inventories/{inventory}/group_vars/gce.yml"
    settings = {**yaml.safe_load(defaults.read_text()), **yaml.safe_load(own.read_text())}
    vcpus = re.search(r"-(\d+)$", str(settings["gce_fleet_machine_type"]))
    assert vcpus is not None, settings["gce_fleet_machine_type"]
    return {
        "fleet": f"GCE, {inventory}",
        "maximum": settings["gce_fleet_maximum"],
        # Of its default, one a zone.
        "surge": len(settings["gce_zones"]),
        "workers": int(vcpus[1]),
    }


def nomad_fleet(environment: str) -> dict[str, Any]:
    text = (ROOT / f"nomad/vars/{environment}.hcl").read_text()
    numbers = dict(re.findall(r"^(\w+) *= (\d+)$", text, re.M))
    return {
        "fleet": f"Nomad, {environment}",
        "maximum": int(numbers["count_max"]),
        "surge": int(numbers["canaries"]),
        "workers": int(numbers["cores"]),
    }


def say(begun: float, what: str) -> None:
    print(f"  {time.monotonic() - begun:5.0f} s  {what}", file=sys.stderr, flush=True)


def failovers(made: stores.Stores, plan: Plan) -> list[dict[str, Any]]:
    rows = [failover.postgresql(made, plan.workers, False, plan.apart_s)]
    made.sql.rebuild()
    rows.append(failover.postgresql(made, plan.workers, True, plan.apart_s))
    if plan.pooled_failover:
        made.sql.rebuild()
        rows.append(failover.postgresql(made, plan.workers, False, plan.apart_s, pooled=True))
    return [*rows, failover.etcd(made, plan.workers)]


def everything(lab: Lab, plan: Plan) -> dict[str, Any]:
    begun = time.monotonic()
    made = stores.begin(lab, plan.vms, plan.max_connections, plan.pool_size)
    data: dict[str, Any] = {
        "plan": plan.__dict__,
        "fleet": [gce_fleet("production"), nomad_fleet("production")],
    }
    say(begun, "hosts are ready")
    steps: dict[str, Callable[[], Any]] = {
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
    }
    for name, step in steps.items():
        data[name] = step()
        say(begun, name)
    data["took_s"] = time.monotonic() - begun
    return data


def measure(quick: bool) -> dict[str, Any]:
    with lab_or_error() as lab:
        return everything(lab, QUICK if quick else FULL)
