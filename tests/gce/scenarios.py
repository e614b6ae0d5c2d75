"""What is compared: the engines as they were measured, and the policies."""

import math
from dataclasses import dataclass, replace

from gce.capacity import Engine
from gce.simulation import Setting, World


@dataclass(frozen=True)
class Measured:
    """A figure of docs/benchmarks.md: hashes a second of cost 12, through nginx and TLS."""

    hashes: float
    cpus: int
    place: str


MEASURED = {
    "libxcrypt": Measured(11.0, 2, "part overload, cost 12, on 2 x Intel Xeon"),
    "lanes": Measured(51.1, 2, "part lanes, cost 12, on 2 x AMD EPYC (Zen 5)"),
}
# docs/adr/0014-lanes.md has 1, 4 and 5 lanes; 2 and 3 are between them.
SPEEDUPS = {"libxcrypt": (1.0,), "lanes": (1.0, 1.94, 2.85, 3.71, 4.27)}
ENGINES = tuple(MEASURED)


def engine(name: str, per_vcpu: float | None = None) -> Engine:
    """As measured, or with so many hashes a second of one vCPU."""
    found = MEASURED[name]
    return Engine(name, per_vcpu or found.hashes / found.cpus, SPEEDUPS[name])


def fixed_size(world: World, chosen: Engine, share: float = 0.6) -> int:
    """Machines for the usual day's peak at this share of their capacity; of the burst nothing is known."""
    return math.ceil(world.day.peak / (share * chosen.per_vcpu * world.vcpus))


def shed_target(world: World, chosen: Engine, share: float = 0.5) -> float:
    """Refusals a second of a machine that are worth one machine more: what one at this share serves."""
    return round(share * chosen.per_vcpu * world.vcpus, 1)


def signals(world: World, chosen: Engine) -> list[Setting]:
    """One engine with each signal, and nothing else."""
    base = Setting("", chosen, vcpus=world.vcpus)
    refused = shed_target(world, chosen)
    size = fixed_size(world, chosen)
    found = [replace(base, name=f"fixed, {size} VMs", fixed=size)]
    found += [replace(base, name=f"CPU {t:g}", cpu=t) for t in (0.5, 0.6, 0.7, 0.8)]
    found += [replace(base, name="CPU 0.6 + shed", cpu=0.6, shed=refused)]
    if chosen.lanes > 1:
        found += [replace(base, name="CPU 0.9", cpu=0.9)]
        found += [replace(base, name=f"lanes {t:g}", occupancy=t) for t in (0.4, 0.5, 0.6, 0.7)]
        found += [replace(base, name="lanes 0.5 + shed", occupancy=0.5, shed=refused)]
    return found


def production(chosen: Engine) -> Setting:
    """What production's inventory says, ansible/inventories/production/group_vars/gce.yml."""
    return Setting(
        "production: CPU 0.8",
        chosen,
        cpu=0.8,
        minimum=3,
        maximum=40,
        initialisation=120.0,
        scale_in=3,
        scale_in_window=600.0,
    )


def variations(world: World, base: Setting) -> list[Setting]:
    """Production's setting, and one thing at a time changed."""
    refused = shed_target(world, base.engine)
    return [
        base,
        replace(base, name="minimum 6", minimum=6),
        replace(base, name="maximum 20", maximum=20),
        replace(base, name="no scale-in control", scale_in=None),
        replace(base, name="scale-in 1 in 10 min", scale_in=1),
        replace(base, name="cool-down 5 min", initialisation=300.0),
        replace(base, name="cool-down 10 s, too short", initialisation=10.0),
        replace(base, name="boots in 3 min", boot=160.0, initialisation=240.0),
        replace(base, name="samples each 15 s", sample=15.0),
        replace(base, name="predicted", predictive=True),
        replace(base, name="with shed", shed=refused),
        replace(base, name="lanes 0.4, CPU 1", cpu=1.0, occupancy=0.4),
    ]


def comparison(world: World, engines: dict[str, Engine]) -> dict[str, list[Setting]]:
    """All policies that are compared, by the heading of their table."""
    large = replace(world, vcpus=4 * world.vcpus)
    found = {
        f"{name}, {one.vcpus} vCPUs: signals": signals(one, engines[name])
        for name, one in (("libxcrypt", world), ("libxcrypt", large), ("lanes", world))
    }
    heading = f"lanes, {world.vcpus} vCPUs: production's setting, and one thing at a time changed"
    return {**found, heading: variations(world, production(engines["lanes"]))}
