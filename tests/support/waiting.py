"""Waiting for events instead of for time to pass."""

import time
from collections.abc import Callable
from typing import Any

LIMIT_S = 120.0  # far above anything that works: only a failure reaches it


def eventually(
    what: str, probe: Callable[[], Any], limit_s: float = LIMIT_S, pause_s: float = 0.005
) -> Any:
    """The first true result of probe, which is asked again and again."""
    end = time.monotonic() + limit_s
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"did not happen in {limit_s:g} s: {what}")
        time.sleep(pause_s)
