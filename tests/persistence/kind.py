"""For script/figures."""

from typing import Any

from figures.record import Kind
from persistence.pictures import pictures
from persistence.tables import tables


def measure(quick: bool) -> dict[str, Any]:
    # A check of the documents has no need of what a lab needs.
    from persistence import measure as whole

    return whole.measure(quick)


KIND = Kind(
    "PostgreSQL and etcd under simulated VMs: limits, speed, failover", measure, tables, pictures
)
