"""One short measurement for all tests: it boots eight hosts."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.lab import lab_or_skip
from persistence.measure import QUICK, everything


@pytest.fixture(scope="session")
def data() -> Iterator[dict[str, Any]]:
    with lab_or_skip() as lab:
        yield everything(lab, QUICK)
