"""Runs the repository's playbooks against the hosts of a lab."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.command import run
from lab.host import Host
from lab.lab import Lab
from support.daemon import ROOT

ANSIBLE = ROOT / "ansible"
NAME = "hash.staging.example"  # what inventories/staging calls the service


@dataclass
class Play:
    """The end of a run."""

    status: int
    output: str
    hosts: dict[str, dict[str, int]]  # its recap

    def changed(self) -> int:
        return sum(host["changed"] for host in self.hosts.values())

    def says(self, text: str) -> bool:
        """Whether it was printed; Ansible breaks its lines anywhere."""
        return text in " ".join(self.output.split())

    def changes(self) -> str:
        """The tasks that changed something, with their differences."""
        tasks = self.output.split("\nTASK [")
        return "\nTASK [".join(task for task in tasks if "\nchanged: [" in task)


def parse_recap(output: str) -> dict[str, dict[str, int]]:
    hosts = {}
    for line in output.rpartition("PLAY RECAP")[2].splitlines()[1:]:
        name, colon, counts = line.partition(":")
        if colon:
            pairs = (pair.split("=") for pair in counts.split())
            hosts[name.strip()] = {key: int(value) for key, value in pairs}
    return hosts


class Inventory:
    """Staging's own variables, with the lab's hosts and what must differ there."""

    def __init__(self, lab: Lab, name: str, hosts: list[Host], **changes: Any) -> None:
        self.lab = lab
        self.directory = lab.directory / f"inventory-{name}"
        shutil.copytree(ANSIBLE / "inventories" / "staging", self.directory)
        members = {host.name: lab.host_variables(host) for host in hosts}
        self.write("hosts.yml", {"all": {"children": {"bcryptd": {"hosts": members}}}})
        # Read after bcryptd.yml, and so above it.
        (self.directory / "group_vars/bcryptd").mkdir()
        (self.directory / "group_vars/bcryptd.yml").rename(
            self.directory / "group_vars/bcryptd/1.yml"
        )
        self.write("group_vars/bcryptd/2.yml", changes)

    def write(self, name: str, value: Any) -> None:
        (self.directory / name).write_text(yaml.safe_dump(value))

    def play(self, playbook: str, *options: str, check: bool = True, **variables: Any) -> Play:
        result = run(
            "ansible-playbook",
            f"--inventory={self.directory}",
            f"--extra-vars={json.dumps(variables)}",
            *options,
            str(ANSIBLE / "playbooks" / playbook),
            check=check,
            env={
                "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_HOME": str(self.lab.directory / "ansible"),
                "LC_ALL": "C.UTF-8",
            },
        )
        output = result.stdout + result.stderr
        number = len(list(self.lab.directory.glob("play-*.log")))
        (self.lab.directory / f"play-{number}.log").write_text(output)
        return Play(result.returncode, output, parse_recap(output))
