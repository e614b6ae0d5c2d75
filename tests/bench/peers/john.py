"""John the Ripper's own benchmark of bcrypt: what software for guessing gets out of the same CPUs."""

import os
import re
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.peers.services import end, spawn
from bench.tools import WORKER_NICE

COST = 5  # the one that it measures


def blocks(cost: int) -> int:
    """Blowfish block encryptions in a hash: a key schedule has 9 for the P-array and 512 for the S-boxes;
    there is one with salt and password, then one with each of them 2^cost times; at the end three
    blocks are encrypted 64 times each."""
    return 521 * ((2 << cost) + 1) + 192


def parse(text: str) -> float:
    found = re.search(r"^Raw:\s+(\d+)([KM]?) c/s real", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"not what John the Ripper prints: {text!r}")
    return float(found[1]) * {"": 1, "K": 1e3, "M": 1e6}[found[2]]


def per_s(cost: int, seconds: float) -> float:
    """Hashes a second of one process for each CPU, all at the same time."""
    with ExitStack() as cleanup:
        directory = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="bcryptd-john.")))
        running: list[tuple[subprocess.Popen[bytes], Path]] = []
        for cpu in os.sched_getaffinity(0):
            command = ["taskset", "--cpu-list", str(cpu), "john", f"--test={seconds:.0f}"]
            log = directory / f"log-{cpu}"
            environment = {"HOME": str(directory), "OMP_NUM_THREADS": "1"}
            process = spawn([*command, "--format=bcrypt"], environment, log, WORKER_NICE)
            cleanup.callback(end, process)
            running.append((process, log))
        for process, _ in running:
            process.wait(timeout=seconds + 60)
        total = sum(parse(log.read_text()) for _, log in running)
    return total * blocks(COST) / blocks(cost)
