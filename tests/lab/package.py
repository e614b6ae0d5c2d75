"""The package of the service."""

from pathlib import Path

from lab.command import run
from support.daemon import ROOT


def build_package() -> Path:
    """Without lintian, which script/test package has."""
    output = run(str(ROOT / "script/package"), "--no-lint", cwd=ROOT).stdout
    return ROOT / output.splitlines()[-1]
