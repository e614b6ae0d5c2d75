"""What the gathering of metrics costs, measured again on a small scale."""

import pytest

from bench import metrics
from figures import gathering
from figures.kinds import KINDS
from figures.record import Record, measure


@pytest.fixture(scope="module")
def quick() -> Record:
    return measure("gathering", KINDS["gathering"], True)


def test_what_gathers_takes_little_beside_the_workers(quick: Record) -> None:
    # Far above the promise, which only the benchmark holds on a machine that rests.
    assert 0 < sum(quick.data["shares"].values()) < 20 * metrics.CPU_LIMIT
    assert {"node", "nginx", "mtail", "prometheus"} < set(quick.data["shares"])


def test_each_target_has_series(quick: Record) -> None:
    series = quick.data["series"]
    assert set(series) == {"bcryptd", "node", "nginx", "mtail"}
    assert all(count > 0 for count in series.values())


def test_samples_are_counted_with_their_bytes(quick: Record) -> None:
    """A sample is a time and a value, pressed; in a short run the index is most of it."""
    assert 1 < quick.data["bytes_per_sample"] < 100
    # Each series once, and those of the rules; some begin later than the first look.
    assert quick.data["samples_per_look"] > 0.5 * sum(quick.data["series"].values())


def test_its_table_has_each_program(quick: Record) -> None:
    table = gathering.tables(quick.data)["cost"]
    for name in quick.data["shares"]:
        assert f"… {name} | " in table
