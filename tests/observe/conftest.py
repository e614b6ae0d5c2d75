"""Each file has a lab and hosts of its own, so that files can run at the same time."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from lab.lab import Lab, lab_or_skip
from lab.package import build_package
from observe.receiver import Receiver
from support.daemon import ROOT


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with lab_or_skip() as opened:
        yield opened


@pytest.fixture(scope="session")
def package() -> Path:
    """The package; files that run at the same time build it one after the other."""
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_package()
    finally:
        os.close(lock)


@pytest.fixture(scope="module")
def receiver(lab: Lab) -> Iterator[Receiver]:
    """Where the Alertmanager of the lab sends its notices."""
    with Receiver(str(lab.network[1])) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """The times that docs/observability.md tells."""
    reports = [x for kind in terminalreporter.stats.values() for x in kind]
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == "measured" and report.when == "call":
                terminalreporter.write_line(str(value))
