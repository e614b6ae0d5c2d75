"""Runs the repository's GCE playbooks, as they are, against a double."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gce.double import Double
from support.daemon import ROOT
from support.play import Play, parse_recap

ANSIBLE = ROOT / "ansible"
LIMIT_S = 900  # of a run that hangs
# The double's time passes by requests, so there is nothing to wait for between two of them.
AT_ONCE = {"gce_api_delay_seconds": 0, "gce_api_poll_seconds": 0}


class Project:
    """An inventory of the repository, for a project of a double; variables are above the inventory's own."""

    def __init__(self, double: Double, directory: Path, environment: str, **variables: Any) -> None:
        self.double = double
        self.inventory = directory / environment
        self.directory = directory
        shutil.copytree(ANSIBLE / "inventories" / environment, self.inventory)
        variables_directory = self.inventory / "group_vars/gce"
        variables_directory.mkdir()
        (self.inventory / "group_vars/gce.yml").rename(variables_directory / "1.yml")
        self.set(**variables)

    def set(self, **variables: Any) -> None:
        text = yaml.safe_dump({**AT_ONCE, **variables})
        (self.inventory / "group_vars/gce/2.yml").write_text(text)

    def play(
        self, playbook: str, *options: str, check: bool = True, inputs: str = "", **variables: Any
    ) -> Play:
        """Runs a playbook. AssertionError: it failed, and `check` is set."""
        command = ["ansible-playbook", f"playbooks/{playbook}", f"--inventory={self.inventory}"]
        command += [*options, f"--extra-vars={json.dumps(variables)}"]
        return self.execute(command, check, inputs)

    def execute(self, command: list[str], check: bool = True, inputs: str = "") -> Play:
        result = subprocess.run(
            command,
            cwd=ANSIBLE,
            env=self.env(),
            input=inputs,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        output = result.stdout + result.stderr
        assert result.returncode == 0 or not check, output
        return Play(result.returncode, output, parse_recap(output))

    def env(self) -> Mapping[str, str]:
        quiet = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.directory / "ansible")}
        return {**os.environ, **self.double.env(), **quiet, "LC_ALL": "C.UTF-8"}
