"""The client program of a simulated VM, without a lab: no store listens."""

import json
import os
import subprocess
import sys
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

from persistence.client.__main__ import Signals, all_ready, fork_worker, told
from support.daemon import ROOT

PATIENCE_S = 60
REFUSED = {"store": {"kind": "etcd", "endpoints": ["127.0.0.1"]}, "task": "register", "run": "r"}
BROKEN: dict[str, Any] = {**REFUSED, "store": {"kind": "etcd"}}


def test_a_worker_that_ends_before_it_is_ready_is_an_error() -> None:
    said = json.dumps({**BROKEN, "vm": "vm", "workers": 2}) + "\n"
    command = [sys.executable, "-m", "persistence.client"]
    done = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=ROOT / "tests",
        check=False,
    )
    assert done.returncode != 0 and done.stdout == ""
    assert "KeyError" in done.stderr and "a worker ended before it was ready" in done.stderr


@pytest.mark.parametrize("second, ready", [(REFUSED, True), (BROKEN, False)])
def test_others_that_wait_do_not_hide_it(second: dict[str, Any], ready: bool) -> None:
    signals = Signals()
    results = [fork_worker(f"vm-{i}", said, signals) for i, said in enumerate((REFUSED, second))]
    answers: SimpleQueue[bool] = SimpleQueue()
    Thread(target=lambda: answers.put(all_ready(signals, len(results))), daemon=True).start()
    try:
        assert answers.get(timeout=PATIENCE_S) == ready
    finally:
        signals.stop[0] = 1
        os.close(signals.go[1])
    told_all = [told(reading) for reading in results]
    assert json.loads(told_all[0])["worker"] == "vm-0"
    assert bool(told_all[1]) == ready
