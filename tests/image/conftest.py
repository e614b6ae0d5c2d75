"""One Docker for all tests, with the image built in it; each test runs its own containers."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.container import make_certificate
from image.engine import Engine, engine_or_skip

# A reply that never comes is a failure, not a run without an end.
socket.setdefaulttimeout(120)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with engine_or_skip() as running:
        running.build()
        yield running


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the certificate that containers mount."""
    return make_certificate(tmp_path_factory.mktemp("image") / "tls")
