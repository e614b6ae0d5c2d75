"""The calculation of docs/capacity.md, and its command."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from figures import capacity, record, sheet
from figures.sheet import Demand
from gce.capacity import Engine

# A machine whose numbers can be followed by heart: 10 hashes a second of cost 10 on each of 2 CPUs, and
# the service takes as long as a hash beside each.
DATA: dict[str, Any] = {
    "costs": {
        "10": {
            "cpus": 2,
            "lanes": 2,
            "rows": {"libxcrypt": [20.0, 100.0], "1": [20.0, 100.0], "2": [30.0, 133.0]},
        }
    },
    "service": {"cost": 10, "per_s": {"libxcrypt": 10.0, "lanes": 15.0}},
}
MACHINE = {"CPU": "2 × Some CPU", "memory": "4 GiB", "system": "Debian 12"}


@pytest.fixture
def figures(tmp_path: Path) -> str:
    return str(record.Record("hashes", "2026-01-31", False, MACHINE, DATA).write(tmp_path))


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert capacity.main([*arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_an_engine_is_what_was_measured_less_what_the_service_takes() -> None:
    assert sheet.measured(DATA, "libxcrypt", 10) == Engine("libxcrypt", 5.0)
    lanes = sheet.measured(DATA, "lanes", 10)
    assert (lanes.per_vcpu, lanes.speedups) == (7.5, (1.0, 1.5))


def test_a_cost_that_was_not_measured_has_the_exact_ratio_of_the_work() -> None:
    """521 (2^(c+1) + 1) + 192 block encryptions, see docs/performance.md."""
    ratio = (521 * (2**13 + 1) + 192) / (521 * (2**11 + 1) + 192)
    assert sheet.hash_ms(DATA, "lanes", 12) == pytest.approx(133 * ratio)
    bare = DATA | {"service": {"cost": 10, "per_s": {"libxcrypt": 20.0, "lanes": 30.0}}}
    assert sheet.measured(bare, "lanes", 12).per_vcpu == pytest.approx(15 / ratio)


def test_what_the_service_takes_beside_a_hash_is_the_same_at_each_cost() -> None:
    bare_s = sheet.hash_ms(DATA, "libxcrypt", 14) / 1000
    served_s = 1 / sheet.measured(DATA, "libxcrypt", 14).per_vcpu
    assert served_s == pytest.approx(bare_s + 0.1)


def test_a_vm_is_filled_until_it_refuses_what_is_allowed() -> None:
    engine = sheet.measured(DATA, "lanes", 10)
    share = sheet.full_at(engine, 4, 0.01)
    offered = share * engine.per_vcpu * 4
    assert engine.work(offered, 4).shed / offered == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    "needed, zones, vms",
    [(0.1, 3, 3), (2.0, 3, 3), (2.1, 3, 5), (4.0, 3, 6), (4.0, 1, 4), (6, 2, 12)],
)
def test_one_zone_less_is_enough(needed: float, zones: int, vms: int) -> None:
    assert sheet.fleet_size(needed, zones) == vms
    assert vms - sheet.lost_with_a_zone(vms, zones) >= needed


@pytest.mark.parametrize(
    "engine", [Engine("libxcrypt", 1.0), Engine("lanes", 1.0, (1.0, 1.9, 2.6))]
)
def test_a_larger_vm_can_be_fuller_up_to_any_size(engine: Engine) -> None:
    shares = [sheet.full_at(engine, vcpus, 0.001) for vcpus in (1, 2, 8, 64, 180, 256, 416)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.95


def test_a_share_does_not_depend_on_the_speed() -> None:
    fast, slow = Engine("libxcrypt", 1000.0), Engine("libxcrypt", 0.0001)
    assert sheet.full_at(fast, 4, 0.01) == sheet.full_at(slow, 4, 0.01)


def test_numbers_that_need_too_many_vms_are_an_error() -> None:
    with pytest.raises(ValueError, match="see to the numbers"):
        sheet.fleet_size(sheet.LIMIT * 2.0, 3)


def test_the_price_is_that_of_the_vms() -> None:
    demand = Demand(requests=10, cost=10, engine="lanes", vcpus=4, price=0.5, mean=0.25, zones=1)
    fleet = sheet.computed(DATA, demand)
    assert fleet.per_vm == 30.0
    assert fleet.vms == math.ceil(10 / (30.0 * fleet.full))
    assert fleet.price_hour == fleet.vms * 4 * 0.5
    assert fleet.price_million == pytest.approx(fleet.price_hour / (2.5 * 3600) * 1e6)
    assert fleet.price_million_full == pytest.approx(2.0 / (30.0 * 3600) * 1e6)


def test_more_load_a_higher_cost_and_fewer_refusals_need_more() -> None:
    base = Demand(requests=50, cost=10)
    vms = sheet.computed(DATA, base).vms
    for more in (replace(base, requests=100), replace(base, cost=12), replace(base, refused=1e-5)):
        assert sheet.computed(DATA, more).vms > vms


def test_the_command_answers(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    assert capacity.main(["50", "--cost", "10", "--figures", figures]) == 0
    text = capsys.readouterr().out
    fleet = sheet.computed(DATA, Demand(requests=50, cost=10))
    assert f"VMs               {fleet.vms:,}, of which {fleet.lost} may be lost" in text
    assert "2026-01-31, 2 × Some CPU" in text


@pytest.mark.parametrize(
    "change", [{"costs": {}}, {"service": {"cost": 10, "per_s": {"lanes": 0}}}]
)
def test_figures_of_nothing_are_refused(
    change: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = record.Record("hashes", "2026-01-31", False, MACHINE, DATA | change).write(tmp_path)
    with pytest.raises(SystemExit):
        capacity.main(["10", "--figures", str(broken)])
    assert "no figures of" in capsys.readouterr().err


def test_own_hashes_are_taken_instead(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    usual = answer(capsys, "50", "--figures", figures)
    own = answer(capsys, "50", "--figures", figures, "--hashes", "100")
    assert own["fleet"]["per_vm"] == pytest.approx(
        2 / (1 / 100 + 1 / 15)
    )  # 2 vCPUs, and the service
    assert own["fleet"]["vms"] < usual["fleet"]["vms"]
    assert own["measured"].startswith("not here")


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        (["0"], "requests: 0 must be above 0"),
        (["many"], "invalid float value"),
        (["nan"], "requests: nan must be above 0"),
        (["10", "--cost", "3"], "cost: 3 is not from 4 to 31"),
        (["10", "--refused", "1"], "refused: 1 is not between 0 and 1"),
        (["10", "--mean", "0"], "mean: 0 is not above 0"),
        (["10", "--price", "-1"], "price: -1 must not be below 0"),
        (["10", "--vcpus", "5000"], "vcpus: 5000 is above 1024"),
        (["10", "--zones", "0"], "zones: 0 must be above 0"),
        (["10", "--engine", "md5"], "invalid choice"),
        (["1e9"], "see to the numbers"),
        (["10", "--cost", "31"], "see to the numbers"),
        (["10", "--figures", "/nonexistent"], "no figures of 'script/figures hashes'"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: list[str], wrong: str, capsys: pytest.CaptureFixture[str], figures: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        capacity.main(["--figures", figures, *arguments])
    assert ended.value.code == 2
    assert wrong in capsys.readouterr().err
