"""The names of series are told from the rest of a query."""

import pytest

from nomad.queries import series


@pytest.mark.parametrize(
    "query, names",
    [
        ('max(a_b{c="${var.d}"})', {"a_b"}),
        ("sum(level:metric:rate2m) or vector(0)", {"level:metric:rate2m"}),
        ('sum by (instance) (rate(a_total{b=~"c|d",e!=""}[5m] offset 1m)) / 2e3', {"a_total"}),
        ("a > bool 1 unless on (zone) group_left (name) b", {"a", "b"}),
        ('label_replace(up == 1, "x", "$1", "y", "(.*)")', {"up"}),
    ],
)
def test_series_of_a_query(query: str, names: set[str]) -> None:
    assert series(query) == names
