"""The programs that some tests run the files on. A test that asks for one that is not there is skipped.

script/test-nomad says which there are. Of each the path stands in a variable, or PATH has it.
"""

import os
import shutil
from pathlib import Path

import pytest

VARIABLES = {
    "nomad": "NOMAD_BIN",
    "nomad-autoscaler": "NOMAD_AUTOSCALER_BIN",
    "consul": "CONSUL_BIN",
}


def _engine(program: str) -> Path:
    variable = VARIABLES[program]
    named = os.environ.get(variable)
    found = shutil.which(named or program)
    if found:
        return Path(found)
    if named:
        pytest.fail(f"{variable}: no program {named}")
    pytest.skip(f"{program}: not on PATH, and {variable} is not set")


def nomad() -> Path:
    return _engine("nomad")


def autoscaler() -> Path:
    return _engine("nomad-autoscaler")


def consul() -> Path:
    return _engine("consul")
