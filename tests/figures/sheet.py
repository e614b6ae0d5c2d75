"""How many VMs a load needs and what a million hashes cost, computed of measured figures."""

import math
from dataclasses import dataclass, replace
from typing import Any

from bench.peers.john import blocks
from figures.tables import rounded, table
from gce.capacity import Engine
from gce.scaling import EXAMPLE_PRICE

HOURS_A_MONTH = 730
UNIT = (
    1e6  # hashes a second of a VM of which only the share counts; the model rounds to thousandths
)
LIMIT = 100_000  # VMs; more is a mistake in the numbers


@dataclass(frozen=True)
class Demand:
    """What is asked for; each default is one of script/capacity."""

    requests: float  # hashes a second at the peak
    cost: int = 12
    engine: str = "lanes"
    vcpus: int = 2  # of a VM
    price: float = EXAMPLE_PRICE  # of a vCPU for an hour
    refused: float = 0.001  # share at the peak
    zones: int = 3  # one of them may be lost; 1: none may
    mean: float = 0.5  # load of the whole day, as a share of the peak


@dataclass(frozen=True)
class Fleet:
    """What it takes."""

    per_vm: float  # hashes a second, at the most
    full: float  # share of that at which the refusals are as many as allowed
    vms: int
    lost: int  # of them, with a zone
    hash_ms: float  # while all lanes are busy
    price_hour: float
    price_million: float  # at the mean load
    price_million_full: float  # were all VMs always full


def engine_name(data: dict[str, Any], engine: str, cost: int) -> str:
    """The row of a benchmark."""
    return "libxcrypt" if engine == "libxcrypt" else str(data["costs"][str(cost)]["lanes"])


def nearest(data: dict[str, Any], cost: int) -> int:
    return min((int(known) for known in data["costs"]), key=lambda known: abs(known - cost))


def beside_hash_s(data: dict[str, Any], engine: str) -> float:
    """CPU seconds that nginx, TLS, FastCGI and the client of the measurement take of a CPU for a hash,
    whatever its cost."""
    service = data["service"]
    found = data["costs"][str(service["cost"])]
    bare = found["rows"][engine_name(data, engine, service["cost"])][0] / found["cpus"]
    served = service["per_s"][engine] / found["cpus"]
    return float(max(0.0, 1 / served - 1 / bare))


def in_service(bare: float, beside_s: float) -> float:
    """Hashes a second of a CPU that has the rest to do as well."""
    return 1 / (1 / bare + beside_s)


def measured(data: dict[str, Any], engine: str, cost: int) -> Engine:
    """The engine as a part of the service. A cost that was not measured is computed of the nearest one
    by the exact ratio of the work."""
    known = nearest(data, cost)
    found = data["costs"][str(known)]
    bare = found["rows"][engine_name(data, engine, known)][0] / found["cpus"]
    per_vcpu = in_service(bare * blocks(known) / blocks(cost), beside_hash_s(data, engine))
    return Engine(engine, per_vcpu, speedups(data, engine, known))


def speedups(data: dict[str, Any], engine: str, known: int) -> tuple[float, ...]:
    """Of each number of lanes, against one."""
    if engine == "libxcrypt":
        return (1.0,)
    found = data["costs"][str(known)]
    one = found["rows"]["1"][0]
    return tuple(found["rows"][str(lanes)][0] / one for lanes in range(1, found["lanes"] + 1))


def hash_ms(data: dict[str, Any], engine: str, cost: int) -> float:
    """With all lanes busy."""
    known = nearest(data, cost)
    ms = float(data["costs"][str(known)]["rows"][engine_name(data, engine, known)][1])
    return ms * blocks(cost) / blocks(known)


def full_at(engine: Engine, vcpus: int, refused: float) -> float:
    """The share of its capacity at which a VM refuses so much, as requests come by chance. It depends
    on the number of places and how lanes share a CPU, not on the speed."""
    unit = Engine(engine.name, UNIT / vcpus, engine.speedups)
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if unit.work(middle * UNIT, vcpus).shed <= refused * middle * UNIT:
            low = middle
        else:
            high = middle
    return low


def fleet_size(needed: float, zones: int) -> int:
    """VMs of which so many are left without one zone; one in each zone at least."""
    least = max(zones, math.ceil(min(needed, LIMIT)))
    for vms in range(least, LIMIT):
        if vms - lost_with_a_zone(vms, zones) >= needed:
            return vms
    raise ValueError(f"more than {LIMIT:,} VMs: see to the numbers")


def lost_with_a_zone(vms: int, zones: int) -> int:
    return math.ceil(vms / zones) if zones > 1 else 0


def fleet(demand: Demand, engine: Engine, ms: float) -> Fleet:
    """Raises ValueError where no number of VMs does it."""
    per_vm = engine.per_vcpu * demand.vcpus
    full = full_at(engine, demand.vcpus, demand.refused)
    usable = max(per_vm * full, demand.requests / LIMIT)
    vms = fleet_size(demand.requests / usable, demand.zones)
    price_hour = vms * demand.vcpus * demand.price
    million = 1e6 / 3600
    return Fleet(
        per_vm=per_vm,
        full=full,
        vms=vms,
        lost=lost_with_a_zone(vms, demand.zones),
        hash_ms=ms,
        price_hour=price_hour,
        price_million=price_hour / (demand.requests * demand.mean) * million,
        price_million_full=demand.vcpus * demand.price / per_vm * million,
    )


def computed(data: dict[str, Any], demand: Demand) -> Fleet:
    found = measured(data, demand.engine, demand.cost)
    return fleet(demand, found, hash_ms(data, demand.engine, demand.cost))


def overview(data: dict[str, Any]) -> str:
    """The sheet of docs/capacity.md."""
    loads = (10, 100, 1000)
    head = ["cost", "engine", "vCPUs of a VM", "a VM, hashes/s", "full at most"]
    head += [f"VMs for {load:,}/s" for load in loads] + ["a million hashes, at 100/s"]
    rows = []
    for cost in (10, 12):
        for engine in ("libxcrypt", "lanes"):
            for vcpus in (2, 8):
                base = Demand(requests=1, cost=cost, engine=engine, vcpus=vcpus)
                found = [computed(data, replace(base, requests=load)) for load in loads]
                row = [str(cost), engine, str(vcpus), rounded(found[0].per_vm)]
                row += [f"{found[0].full:.0%}", *(f"{one.vms:,}" for one in found)]
                rows.append([*row, f"{found[1].price_million:.2f}"])
    return table(head, rows, left=2)
