"""One watched host for all tests that only ask its Prometheus."""

from collections.abc import Iterator

import pytest

from monitoring.live import Live


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """Under load, and with a value in every series that one host can have."""
    with Live() as running:
        running.cause()
        yield running
