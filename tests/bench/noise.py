"""How much CPU other programs of the machine take while something is measured, and measuring again
when it was too much."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.stack import children

TICKS = os.sysconf("SC_CLK_TCK")
QUIET = 0.03  # share of all CPUs that others may take in a round
QUIET_WAIT_S = 120.0


def machine_seconds() -> float:
    """CPU time of everything on the machine, and what its host took from it (steal)."""
    fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, _irq, _softirq, steal = fields
    return (user + nice + system + steal) / TICKS


def own_seconds() -> float:
    """CPU time of this process and all below it, those that have ended included."""
    total = 0
    for pid in [os.getpid(), *children(os.getpid())]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(x) for x in fields[11:15])
    return total / TICKS


@dataclass
class Noise:
    """The share of all CPUs that others took."""

    share: float = 0.0


@contextmanager
def measured() -> Iterator[Noise]:
    noise = Noise()
    begin, machine, own = time.monotonic(), machine_seconds(), own_seconds()
    yield noise
    others = (machine_seconds() - machine) - (own_seconds() - own)
    cpus = os.cpu_count() or 1
    noise.share = max(0.0, others) / (time.monotonic() - begin) / cpus


def wait_for_quiet() -> None:
    """Waits until others take little, or not any longer."""
    end = time.monotonic() + QUIET_WAIT_S
    while time.monotonic() < end:
        with measured() as noise:
            time.sleep(1.0)
        if noise.share <= QUIET:
            return


@dataclass
class Round:
    values: dict[str, Any]
    others: float


def rounds(count: int, run: Callable[[], dict[str, Any]], patient: bool = True) -> list[Round]:
    """The results of count rounds in which others took little CPU. Up to three times as many are
    tried; then the quietest are taken, whatever they show. Results play no part in the choice."""
    done: list[Round] = []
    for _ in range(count * 3 if patient else count):
        if patient:
            wait_for_quiet()
        with measured() as noise:
            values = run()
        done.append(Round(values, noise.share))
        if sum(r.others <= QUIET for r in done) >= count:
            break
    return sorted(done, key=lambda r: r.others)[:count]
