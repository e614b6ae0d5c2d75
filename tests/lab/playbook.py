"""Runs the repository's playbooks against the hosts of a lab."""

import json
import secrets
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab import document
from lab.command import run
from lab.host import Host
from lab.lab import Lab
from lab.tools import in_tools
from support.daemon import ROOT
from support.play import Play, parse_recap

ANSIBLE = ROOT / "ansible"
NAME = "hash.staging.example"  # what inventories/staging calls the service


class Inventory:
    """Staging's own variables, with the lab's hosts and what must differ there."""

    def __init__(self, lab: Lab, name: str, hosts: list[Host], **changes: Any) -> None:
        self.lab = lab
        self.directory = lab.directory / f"inventory-{name}"
        shutil.copytree(ANSIBLE / "inventories" / "staging", self.directory)
        self.write_hosts(hosts)
        # Read after bcryptd.yml, and so above it.
        (self.directory / "group_vars/bcryptd").mkdir()
        (self.directory / "group_vars/bcryptd.yml").rename(
            self.directory / "group_vars/bcryptd/1.yml"
        )
        self.write("group_vars/bcryptd/2.yml", changes)
        self.vault_password = lab.directory / "vault-password"
        self.vault_password.write_text(secrets.token_hex(16))

    def write_hosts(self, hosts: list[Host]) -> None:
        members = {host.name: self.lab.host_variables(host) for host in hosts}
        self.write("hosts.yml", {"all": {"children": {"bcryptd": {"hosts": members}}}})

    def write(self, name: str, value: Any) -> None:
        (self.directory / name).write_text(yaml.safe_dump(value))

    def play(
        self,
        playbook: str,
        *options: str,
        check: bool = True,
        current: bool = False,
        **variables: Any,
    ) -> Play:
        """Runs a playbook by this machine's Ansible, or by a current one; on all hosts at once, to
        save time, which only site.yml lets itself be told."""
        command = ["ansible-playbook", f"playbooks/{playbook}", *options]
        return self.execute(command, check, current, {"site_serial": "100%", **variables})

    def documented(
        self, line: str, values: Mapping[str, str] | None = None, current: bool = False
    ) -> Play:
        """Runs a command of the document, with values as in document.command(), for this inventory."""
        words = shlex.split(document.command(line, values))
        assert words[1] == "-i" and words[2].startswith("inventories/")
        return self.execute([words[0], *words[3:]], current=current)

    def execute(
        self,
        command: list[str],
        check: bool = True,
        current: bool = False,
        variables: dict[str, Any] | None = None,
    ) -> Play:
        command = [*command, f"--inventory={self.directory}"]
        if variables:
            command.append(f"--extra-vars={json.dumps(variables)}")
        env = {
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(self.lab.directory / "ansible"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.vault_password),
            "LC_ALL": "C.UTF-8",
        }
        if current:
            command = in_tools(self.lab, command, env, ANSIBLE)
        result = run(*command, check=check, env=env, cwd=ANSIBLE)
        output = result.stdout + result.stderr
        number = len(self.logs())
        (self.lab.directory / f"play-{number}.log").write_text(output)
        return Play(result.returncode, output, parse_recap(output))

    def logs(self) -> list[Path]:
        """What Ansible has printed so far, a file each run."""
        return list(self.lab.directory.glob("play-*.log"))
