"""The smallest figures of a machine's hashes, measured again."""

import pytest

from figures import hashes, sheet
from figures.kinds import KINDS
from figures.record import Record, measure


@pytest.fixture(scope="module")
def quick() -> Record:
    return measure("hashes", KINDS["hashes"], True)


def test_a_step_of_the_cost_takes_twice_as_long(quick: Record) -> None:
    """Two steps here; other programs may have taken CPU from one of them."""
    rows = [one["rows"]["libxcrypt"][0] for one in quick.data["costs"].values()]
    assert 2 < rows[0] / rows[1] < 8


def test_the_service_hashes_with_both_engines(quick: Record) -> None:
    for engine in hashes.ENGINES:
        assert sheet.measured(quick.data, engine, 10).per_vcpu > 0
        assert sheet.beside_hash_s(quick.data, engine) >= 0


def test_its_tables_have_each_cost_and_both_engines(quick: Record) -> None:
    tables = hashes.tables(quick.data)
    assert [line.split(" | ")[0] for line in tables["rates"].splitlines()[2:]] == ["| 8", "| 10"]
    assert len(tables["sheet"].splitlines()) == 2 + 8


def test_a_report_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a report of --benchmark"):
        hashes.parsed("bcrypt of cost 10 on 2 CPUs")
