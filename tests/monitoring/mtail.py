"""The real mtail with the program that counts nginx's access log."""

import re
import subprocess
from pathlib import Path

from support.daemon import ROOT

PROGRAM = ROOT / "monitoring" / "bcryptd.mtail"


def exported_by_mtail(log: Path) -> str:
    """What it exports after it has read a log once, without its label of the program."""
    command = ["mtail", "--one_shot", "--one_shot_format=prometheus", "--logtostderr"]
    run = subprocess.run(
        [*command, f"--progs={PROGRAM}", f"--logs={log}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return re.sub(r',?prog="[^"]*"', "", run.stdout).replace("{,", "{").replace("{}", "")
