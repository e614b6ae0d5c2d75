"""The command line of script/capacity."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figures import record, sheet
from figures.sheet import Demand, Fleet
from gce.capacity import Engine

LARGEST_VCPUS = 1024
DESCRIPTION = """Computes how many VMs a load needs, and what a million hashes cost, from the hashes a
second that were measured. What counts is the peak: requests come by chance, so a VM refuses some long
before it is full, and one zone may be lost."""
EPILOG = """Measure a machine of the type that you mean to use: there, script/figures --quick hashes, and
give the file that it writes to --figures; or bcryptd --benchmark, and give a vCPU's share to --hashes."""


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="script/capacity", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False
    )
    add = found.add_argument
    add("requests", type=float, metavar="REQUESTS", help="hashes a second at the peak")
    add("--cost", type=int, default=Demand.cost, help="4 to 31 (%(default)s)")
    add("--engine", choices=("libxcrypt", "lanes"), default=Demand.engine, help="(%(default)s)")
    add("--vcpus", type=int, default=Demand.vcpus, help="of a VM (%(default)s)")
    add(
        "--price",
        type=float,
        default=Demand.price,
        help="of a vCPU for an hour (%(default)s, an example)",
    )
    add("--refused", type=float, default=Demand.refused, help="share at the peak (%(default)s)")
    add(
        "--zones", type=int, default=Demand.zones, help="one may be lost; 1: none may (%(default)s)"
    )
    add(
        "--mean",
        type=float,
        default=Demand.mean,
        help="load of a day, as a share of the peak (%(default)s)",
    )
    add(
        "--hashes",
        type=float,
        help="hashes a second of one vCPU at this cost, all lanes busy, instead of the measured",
    )
    add("--figures", type=Path, help="measured figures (docs/figures/hashes.json)")
    add("--json", action="store_true", help="print JSON")
    return found


def check(options: argparse.Namespace) -> None:
    """Raises ValueError, with what is wrong, for numbers that make no sense."""
    for name in ("requests", "vcpus", "zones", "hashes"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name}: {value:g} must be above 0")
    if options.vcpus > LARGEST_VCPUS:
        raise ValueError(f"vcpus: {options.vcpus} is above {LARGEST_VCPUS}")
    if not 4 <= options.cost <= 31:
        raise ValueError(f"cost: {options.cost} is not from 4 to 31")
    if not 0 < options.refused < 1:
        raise ValueError(f"refused: {options.refused:g} is not between 0 and 1")
    if not 0 < options.mean <= 1:
        raise ValueError(f"mean: {options.mean:g} is not above 0 and at most 1")
    if not 0 <= options.price < float("inf"):
        raise ValueError(f"price: {options.price:g} must not be below 0")


def demand_of(options: argparse.Namespace) -> Demand:
    return Demand(**{name: getattr(options, name) for name in Demand.__dataclass_fields__})


def figures_of(path: Path | None) -> record.Record:
    """Raises ValueError for a file that has no such figures."""
    path = path or record.DIRECTORY / "hashes.json"
    try:
        found = record.Record(**json.loads(path.read_text()))
        for engine in ("libxcrypt", "lanes"):
            sheet.measured(found.data, engine, Demand.cost)
        found.source()
    except (OSError, ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise ValueError(f"{path}: no figures of 'script/figures hashes': {error}") from error
    return found


def engine_of(measured: record.Record, demand: Demand, hashes: float | None) -> Engine:
    found = sheet.measured(measured.data, demand.engine, demand.cost)
    if hashes is None:
        return found
    beside_s = sheet.beside_hash_s(measured.data, demand.engine)
    return Engine(found.name, sheet.in_service(hashes, beside_s), found.speedups)


def text(demand: Demand, engine: Engine, fleet: Fleet, source: str) -> str:
    lines = [
        (
            "a VM",
            f"{fleet.per_vm:.3g} hashes/s of cost {demand.cost}, {demand.vcpus} vCPUs, {engine.name}"
            f" (lanes a vCPU: {engine.lanes})",
        ),
        ("a hash", f"{fleet.hash_ms:,.0f} ms while all lanes are busy"),
        ("full at most", f"{fleet.full:.0%}, so that {demand.refused:.2%} or less is refused"),
        ("VMs", f"{fleet.vms:,}, of which {fleet.lost} may be lost with a zone"),
        (
            "price",
            f"{fleet.price_hour:,.2f} an hour, {fleet.price_hour * sheet.HOURS_A_MONTH:,.0f} a month",
        ),
        (
            "a million hashes",
            f"{fleet.price_million:,.2f} at {demand.mean:.0%} of the peak;"
            f" {fleet.price_million_full:,.2f} if all VMs were always full",
        ),
        ("measured", source),
    ]
    width = max(len(name) for name, _ in lines)
    return "".join(f"{name:{width}}  {value}\n" for name, value in lines)


def source_of(measured: record.Record, hashes: float | None) -> str:
    if hashes is not None:
        return "not here: --hashes; how lanes share a vCPU, and what nginx takes, " + measured.date
    return f"{measured.date}, {measured.machine['CPU']}" + (
        ", a short trial" if measured.quick else ""
    )


def answer(options: argparse.Namespace) -> str:
    check(options)
    measured = figures_of(options.figures)
    demand = demand_of(options)
    engine = engine_of(measured, demand, options.hashes)
    ms = sheet.hash_ms(measured.data, demand.engine, demand.cost)
    if options.hashes is not None:
        ms = 1000 * engine.lanes / options.hashes
    found = sheet.fleet(demand, engine, ms)
    source = source_of(measured, options.hashes)
    if options.json:
        content: dict[str, Any] = {
            "demand": asdict(demand),
            "fleet": asdict(found),
            "measured": source,
        }
        return json.dumps(content, indent=1) + "\n"
    return text(demand, engine, found, source)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 for options that cannot be (by argparse)."""
    reader = parser()
    options = reader.parse_args(arguments)
    try:
        print(answer(options), end="")
    except ValueError as error:
        reader.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
