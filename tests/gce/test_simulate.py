"""The simulated day, its tables and pictures, and docs/scaling.md."""

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gce import scaling
from gce.load import DAY, HOUR, Day, Event
from gce.scenarios import MEASURED, SPEEDUPS, engine, production
from gce.simulation import Outcome, Setting, World, simulate

ROOT = Path(__file__).resolve().parents[2]
LANES = engine("lanes")
WORLD = World(Day(150.0))
INVENTORY = (
    "minimum",
    "maximum",
    "target",
    "cool_down_seconds",
    "scale_in_maximum",
    "scale_in_seconds",
)
MORNING = replace(WORLD, begin=9 * HOUR, end=12 * HOUR)


@pytest.fixture(scope="module")
def full() -> scaling.Run:
    """What tests/gce/simulate runs without options."""
    return scaling.run(scaling.parser().parse_args([]))


def outcome(run: scaling.Run, heading: str, name: str) -> Outcome:
    found = next(outcomes for title, outcomes in run.outcomes.items() if title.startswith(heading))
    return next(one for one in found if one.setting.name == name)


def test_the_day_has_a_burst_that_comes_within_a_minute() -> None:
    day = Day(100.0)
    begin = day.burst.begin
    assert day.rate(begin + 60) == pytest.approx(5 * day.rate(begin), rel=0.01)
    assert day.factor(day.burst.end + 300) == 1
    assert day.factor(begin - DAY + 120) == 1, "the days before have no burst"
    assert max(day.usual(minute * 60.0) for minute in range(1440)) == 1
    assert day.usual(-HOUR) == day.usual(23 * HOUR)


def test_a_fixed_fleet_costs_what_it_is_and_loses_a_zone() -> None:
    found = simulate(WORLD, Setting("fixed", LANES, fixed=6))
    lost = (WORLD.day.zone_loss.end - WORLD.day.zone_loss.begin) / HOUR
    assert found.machine_hours == pytest.approx(6 * 24 - 2 * lost, abs=0.2)
    assert found.largest == 6
    assert len(found.minutes) == 1440
    lost_zone = WORLD.day.zone_loss
    before = Event(lost_zone.begin - HOUR, lost_zone.begin)
    assert found.shed_share(lost_zone) > 10 * found.shed_share(before)


def test_the_same_run_gives_the_same_whatever_computes_it() -> None:
    settings = [production(LANES), Setting("lanes", LANES, occupancy=0.5)]
    alone = scaling.simulate_all(MORNING, settings, 1)
    assert alone == scaling.simulate_all(MORNING, settings, 2)
    assert alone[0].minutes != alone[1].minutes


def test_all_that_was_asked_for_was_asked_in_the_minutes() -> None:
    found = simulate(MORNING, production(LANES))
    asked = sum(minute.offered for minute in found.minutes) * 60
    steps = range(int(MORNING.begin) + 10, int(MORNING.end) + 10, 10)
    assert asked == pytest.approx(sum(WORLD.day.rate(step) * 10 for step in steps))


def test_refusals_as_a_signal_shorten_a_burst_where_cpu_is_blind() -> None:
    blind = Setting("blind", engine("libxcrypt"), cpu=0.8)
    seeing = replace(blind, shed=4.0)
    refused = [simulate(MORNING, one).shed_share(WORLD.day.burst) for one in (blind, seeing)]
    assert refused[1] < 0.6 * refused[0]


def test_prediction_has_the_machines_before_the_morning() -> None:
    early = replace(WORLD, begin=6 * HOUR, end=9 * HOUR)
    usual = Setting("usual", LANES, cpu=0.8, initialisation=1800.0)
    found = [simulate(early, replace(usual, predictive=on)).machine_hours for on in (False, True)]
    assert found[1] > 1.05 * found[0]


def test_the_argument_of_the_document_is_in_the_numbers(full: scaling.Run) -> None:
    cpu = outcome(full, "lanes, 2 vCPUs: signals", "CPU 0.6")
    made = outcome(full, "lanes, 2 vCPUs: production", "production: CPU 0.8")
    occupancy = outcome(full, "lanes, 2 vCPUs: production", "lanes 0.4, CPU 1")
    assert cpu.fullness < 0.2
    assert occupancy.machine_hours < 0.75 * made.machine_hours
    burst = full.world.day.burst
    assert occupancy.shed_share(burst) == pytest.approx(made.shed_share(burst), abs=0.01)
    hurried = outcome(full, "lanes, 2 vCPUs: production", "cool-down 10 s, too short")
    assert hurried.largest > made.largest
    assert made.largest < made.setting.maximum
    small = outcome(full, "libxcrypt, 2 vCPUs", "CPU 0.5")
    large = outcome(full, "libxcrypt, 8 vCPUs", "CPU 0.5")
    assert small.shed_share() > 0.1 > 0.01 > large.shed_share()


def test_the_document_has_the_numbers_and_pictures_of_a_run(full: scaling.Run) -> None:
    """Otherwise: tests/gce/simulate --write-docs, then read the document's text again."""
    document = scaling.DOCUMENT.read_text()
    assert scaling.documented(full, document) == document
    for name, content in scaling.pictures(full).items():
        assert (scaling.PICTURES / name).read_text() == content, name
        assert f"images/{name}" in document


def test_the_pictures_can_be_read(full: scaling.Run) -> None:
    for name, content in scaling.pictures(full).items():
        tree = ElementTree.fromstring(content)
        places = [
            float(number)
            for line in tree.iter("{http://www.w3.org/2000/svg}polyline")
            for number in re.findall(r"-?[\d.]+", line.attrib["points"])
        ]
        assert len(places) > 400
        assert 0 <= min(places) and max(places) < 860
        assert tree.attrib["aria-label"]
        assert len(content) < 200_000, name


def test_production_has_what_was_simulated_as_production() -> None:
    """Otherwise change the inventory or scenarios.production(), and write the document anew."""
    inventory = ROOT / "ansible/inventories/production/group_vars/gce.yml"
    values = yaml.safe_load(inventory.read_text())
    chosen = production(LANES)
    assert {name: values.get(f"gce_fleet_{name}") for name in INVENTORY} == {
        "minimum": chosen.minimum,
        "maximum": chosen.maximum,
        "target": chosen.cpu,
        "cool_down_seconds": chosen.initialisation,
        "scale_in_maximum": chosen.scale_in,
        "scale_in_seconds": chosen.scale_in_window,
    }
    assert values["gce_fleet_machine_type"].endswith(f"-{WORLD.vcpus}")


def test_measured_figures_are_those_of_the_documents() -> None:
    benchmarks = (ROOT / "docs/benchmarks.md").read_text()
    for name, measured in MEASURED.items():
        assert (
            f" {measured.hashes:g} (" in benchmarks
            or f"{measured.hashes:.1f} hashes/s" in benchmarks
        )
        assert len(SPEEDUPS[name]) == (5 if name == "lanes" else 1)
    decision = (ROOT / "docs/adr/0014-lanes.md").read_text()
    line = next(line for line in decision.splitlines() if line.startswith("| as it is, gcc |"))
    given = [float(cell.split()[0]) for cell in line.split("|")[2:5]]
    assert [SPEEDUPS["lanes"][place] for place in (0, 3, 4)] == given


def simulated(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "tests/gce/simulate"), *arguments], capture_output=True, text=True
    )


def test_the_program_prints_tables_and_draws(tmp_path: Path) -> None:
    picture = tmp_path / "day.svg"
    done = simulated(
        "--quick", "--capacity=lanes=20", "--vcpus=4", "--price=1", f"--picture={picture}"
    )
    assert done.returncode == 0, done.stderr
    assert "**lanes, 4 vCPUs: signals**" in done.stdout
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| CPU")]
    assert rows and all(len(row) == 11 for row in rows)
    hours, cost = float(rows[0][1]), float(rows[0][2])
    assert cost == pytest.approx(4 * hours, abs=2.1)
    title = "lanes, 4 vCPUs: 80.0 hashes/s a VM"
    assert title in picture.read_text()
    ElementTree.parse(picture)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--capacity=lane=3", "'lane' is none of libxcrypt, lanes"),
        ("--capacity=lanes=fast", "'fast' is not a number"),
        ("--capacity=lanes=0", "must be above 0"),
        ("--vcpus=0", "--vcpus must be above 0"),
        ("--price=-1", "--price must not be below 0"),
        ("--write-docs --quick", "takes no other option"),
    ],
)
def test_options_that_cannot_be_are_refused(argument: str, sentence: str) -> None:
    done = simulated(*argument.split())
    assert done.returncode == 2
    assert sentence in done.stderr


def test_help_says_where_the_capacity_comes_from() -> None:
    done = simulated("--help")
    assert done.returncode == 0
    assert "51.1 hashes/s on 2 CPUs (docs/benchmarks.md" in done.stdout
