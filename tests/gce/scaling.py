"""The command line of tests/gce/simulate."""

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from gce.capacity import Engine
from gce.figures import day_picture, signal_picture, sizes_table, tables
from gce.load import HOUR, Day
from gce.scenarios import ENGINES, MEASURED, comparison, engine
from gce.simulation import Outcome, Setting, World, simulate

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENT = DOCS / "scaling.md"
PICTURES = DOCS / "images"
BEGIN, END = "<!-- {}: written by tests/gce/simulate --write-docs -->\n", "<!-- end of {} -->\n"
EXAMPLE_PRICE = 0.035  # dollars; of the size of a list price of E2 with its memory, and not one
SHOWN = {
    "libxcrypt": ("fixed, 23 VMs", "CPU 0.6", "CPU 0.6 + shed"),
    "lanes": ("fixed, 5 VMs", "CPU 0.6", "production: CPU 0.8", "lanes 0.4, CPU 1"),
}


@dataclass(frozen=True)
class Run:
    """All that came out of one call."""

    world: World
    engines: dict[str, Engine]
    outcomes: dict[str, list[Outcome]]
    price: float

    def tables(self) -> str:
        return tables(self.world, self.outcomes, self.price)

    def picture(self) -> str:
        """Of each engine the policies that are shown, or the first four when these were not run."""
        columns = {}
        for name, chosen in self.engines.items():
            found = {
                one.setting.name: one
                for outcomes in self.outcomes.values()
                for one in outcomes
                if one.setting.engine.name == name and one.vcpus == self.world.vcpus
            }
            shown = [found[policy] for policy in SHOWN[name] if policy in found]
            rate = chosen.per_vcpu * self.world.vcpus
            title = f"{name}, {self.world.vcpus} vCPUs: {rate:.1f} hashes/s a VM"
            columns[title] = shown or list(found.values())[:4]
        return day_picture(self.world, columns, self.price)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="tests/gce/simulate",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Lets a day of load pass on a managed instance group of bcryptd, with several policies of\n"
        "scaling, and prints what each costs and refuses. It needs no cloud, no network and no time to\n"
        "speak of; it says the same each time.",
        epilog="The capacity is measured, at cost 12:\n"
        + "\n".join(
            f"  {name:10} {one.hashes:g} hashes/s on {one.cpus} CPUs (docs/benchmarks.md, {one.place})"
            for name, one in MEASURED.items()
        )
        + "\nMeasure yours on the machine type that you mean to use: bcryptd --benchmark",
    )
    found.add_argument(
        "--capacity",
        action="append",
        default=[],
        metavar="ENGINE=HASHES",
        help=f"hashes a second of one vCPU, for {' or '.join(ENGINES)}; may be given for each",
    )
    found.add_argument("--vcpus", type=int, default=2, help="of one VM (default 2)")
    found.add_argument(
        "--price",
        type=float,
        default=EXAMPLE_PRICE,
        help=f"of a vCPU for an hour (default {EXAMPLE_PRICE}, an example: put in your own)",
    )
    found.add_argument(
        "--peak", type=float, default=150.0, help="hashes a second at the day's peak (default 150)"
    )
    found.add_argument(
        "--burst", type=float, default=5.0, help="times the usual load, at 10:30 (default 5)"
    )
    found.add_argument(
        "--boot-time",
        type=float,
        default=60.0,
        help="seconds from a VM's creation until it serves (default 60, an assumption)",
    )
    found.add_argument("--picture", type=Path, metavar="FILE", help="draw the day there, as SVG")
    found.add_argument(
        "--quick", action="store_true", help="three hours and few policies, to see that it works"
    )
    found.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="processes (default: one for each CPU)",
    )
    found.add_argument(
        "--write-docs",
        action="store_true",
        help="write the tables and pictures of docs/scaling.md, with all else as by default",
    )
    return found


def engines_of(capacities: Sequence[str]) -> dict[str, Engine]:
    """Raises ValueError, with what is wrong, for a value that is not ENGINE=HASHES."""
    given: dict[str, float] = {}
    for value in capacities:
        name, _, number = value.partition("=")
        if name not in ENGINES:
            raise ValueError(f"--capacity {value}: '{name}' is none of {', '.join(ENGINES)}")
        try:
            given[name] = float(number)
        except ValueError:
            raise ValueError(f"--capacity {value}: '{number}' is not a number") from None
        if given[name] <= 0:
            raise ValueError(f"--capacity {value}: must be above 0")
    return {name: engine(name, given.get(name)) for name in ENGINES}


def world_of(options: argparse.Namespace) -> World:
    """Raises ValueError, with what is wrong, for numbers that make no day."""
    for name in ("vcpus", "peak", "burst", "boot_time", "jobs"):
        if getattr(options, name) <= 0:
            raise ValueError(f"--{name.replace('_', '-')} must be above 0")
    if options.price < 0:
        raise ValueError("--price must not be below 0")
    world = World(
        Day(options.peak, burst_factor=options.burst),
        vcpus=options.vcpus,
        provision=options.boot_time / 3,
        boot=options.boot_time * 2 / 3,
    )
    return replace(world, begin=9.5 * HOUR, end=12.5 * HOUR) if options.quick else world


def run(options: argparse.Namespace) -> Run:
    engines = engines_of(options.capacity)
    world = world_of(options)
    settings = comparison(world, engines)
    if options.quick:
        settings = {heading: found[:3] for heading, found in settings.items()}
    flat = [setting for found in settings.values() for setting in found]
    done = iter(simulate_all(world, flat, options.jobs))
    outcomes = {heading: [next(done) for _ in found] for heading, found in settings.items()}
    return Run(world, engines, outcomes, options.price)


def simulate_all(world: World, settings: list[Setting], jobs: int) -> list[Outcome]:
    if jobs == 1:
        return [simulate(world, setting) for setting in settings]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(simulate, [world] * len(settings), settings))


def replace_between(document: str, name: str, content: str) -> str:
    """Raises ValueError when the document does not have the two marks."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{DOCUMENT} has no marks for '{name}'")
    return f"{before}{begin}\n{content}\n{end}{after}"


def documented(done: Run, document: str) -> str:
    """The document with its tables as they are now."""
    document = replace_between(document, "tables", done.tables())
    return replace_between(document, "sizes", sizes_table(done.engines))


def pictures(done: Run) -> dict[str, str]:
    """The document's pictures by the names of their files."""
    return {
        "scaling.svg": done.picture(),
        "scaling-signal.svg": signal_picture(done.engines, done.world.vcpus),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 for options that cannot be (by argparse)."""
    reader = parser()
    options = reader.parse_args(arguments)
    usual = reader.parse_args(["--write-docs", f"--jobs={options.jobs}"])
    if options.write_docs and options != usual:
        reader.error("--write-docs takes no other option than --jobs")
    try:
        done = run(options)
    except ValueError as error:
        reader.error(str(error))
    print(done.tables(), end="")
    if options.picture is not None:
        options.picture.write_text(done.picture())
    if options.write_docs:
        DOCUMENT.write_text(documented(done, DOCUMENT.read_text()))
        for name, content in pictures(done).items():
            (PICTURES / name).write_text(content)
    return 0
