"""One service for all tests that only ask; a test that changes or harms it starts its own."""

from collections.abc import Iterator

import pytest

from support.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack() as running:
        yield running
