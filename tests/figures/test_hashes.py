"""The smallest figures of a machine's hashes, measured again."""

import pytest

from figures import hashes, sheet
from figures.kinds import KINDS
from figures.record import Record, measure


@pytest.fixture(scope="module")
def quick() -> Record:
    return measure("hashes", KINDS["hashes"], True)


def test_each_cost_takes_twice_the_work(quick: Record) -> None:
    low, high = (sheet.hash_ms(quick.data, "libxcrypt", cost) for cost in (6, 7))
    assert high / low == pytest.approx(2, rel=0.02)
    rows = [one["rows"]["libxcrypt"][0] for one in quick.data["costs"].values()]
    assert 1.3 < rows[0] / rows[1] < 3, "of cost 4 and of cost 5"


def test_the_service_hashes_with_both_engines(quick: Record) -> None:
    for engine in hashes.ENGINES:
        assert 0 < sheet.through_nginx(quick.data, engine) <= 1
        assert sheet.measured(quick.data, engine, 4).per_vcpu > 0


def test_its_tables_have_each_cost_and_both_engines(quick: Record) -> None:
    tables = hashes.tables(quick.data)
    assert [line.split(" | ")[0] for line in tables["rates"].splitlines()[2:]] == ["| 4", "| 5"]
    assert len(tables["sheet"].splitlines()) == 2 + 8


def test_a_report_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a report of --benchmark"):
        hashes.parsed("bcrypt of cost 10 on 2 CPUs")
