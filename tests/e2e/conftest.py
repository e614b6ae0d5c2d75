"""One service for all tests that only ask; a test that changes or harms it starts its own."""

from collections.abc import Iterator

import socket

import pytest

from support.stack import Stack

# A reply that never comes is a failure, not a run without an end.
socket.setdefaulttimeout(120)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack() as running:
        yield running
