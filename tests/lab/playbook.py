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
AT_ONCE = {"site_serial": "100%"}
# Hosts, clients and Ansible share this machine's CPUs: some wait is no queue of a host's own.
PATIENT = {"deadline_ms": 5000, "queue_target_ms": 900}


class Inventory:
    """Staging's own variables, with hosts of the lab in its groups and what must differ there."""

    # What measures the hosts has tests of its own, which set this to nothing.
    skip_tags = "node_exporter,nginx_exporter,mtail"

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.directory = lab.directory / f"inventory-{name}"
        shutil.copytree(ANSIBLE / "inventories" / "staging", self.directory)
        self.groups: dict[str, list[Host]] = {}
        self.vault_password = lab.directory / "vault-password"
        self.vault_password.write_text(secrets.token_hex(16))

    def add_group(self, group: str, hosts: list[Host], **changes: Any) -> None:
        """Hosts of a group, and what of its variables must differ."""
        directory = self.directory / "group_vars" / group
        directory.mkdir()
        common = directory.with_suffix(".yml")
        if common.exists():
            common.rename(directory / "1.yml")
        # Read after 1.yml, and so above it.
        self.write(f"group_vars/{group}/2.yml", changes)
        self.write_hosts(hosts, group)

    def write_hosts(self, hosts: list[Host], group: str = "bcryptd") -> None:
        self.groups[group] = hosts
        tree = {
            name: {"hosts": {host.name: self.lab.host_variables(host) for host in members}}
            for name, members in self.groups.items()
        }
        self.write("hosts.yml", {"all": {"children": tree}})

    def write(self, name: str, value: Any) -> None:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(value))

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
        return self.execute(command, check, current, {**AT_ONCE, **variables})

    def documented(
        self,
        line: str,
        values: Mapping[str, str] | None = None,
        current: bool = False,
        at_once: bool = True,
    ) -> Play:
        """Runs a command of the document, with values as in document.command(), for this inventory; on
        all hosts at once as play() does, unless the first of them shall be alone."""
        words = shlex.split(document.command(line, values))
        assert words[1] == "-i" and words[2].startswith("inventories/")
        return self.execute(
            [words[0], *words[3:]], current=current, variables=AT_ONCE if at_once else {}
        )

    def execute(
        self,
        command: list[str],
        check: bool = True,
        current: bool = False,
        variables: dict[str, Any] | None = None,
    ) -> Play:
        command = [*command, f"--inventory={self.directory}"]
        if self.skip_tags:
            command.append(f"--skip-tags={self.skip_tags}")
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


def defaults(role: str) -> dict[str, Any]:
    text = (ANSIBLE / "roles" / role / "defaults" / "main.yml").read_text()
    return dict(yaml.safe_load(text))


def client_limits() -> tuple[int, int]:
    """Requests a second of a client, and how many it may send at once above that."""
    role = defaults("nginx")
    return int(role["nginx_client_rate"]), int(role["nginx_client_burst"])


def settings(**changes: Any) -> dict[str, Any]:
    """Staging's own of bcryptd, but for these; in a name _ stands for -."""
    own = yaml.safe_load((ANSIBLE / "inventories/staging/group_vars/bcryptd.yml").read_text())
    changed = {name.replace("_", "-"): value for name, value in changes.items()}
    return {**own["bcryptd_settings"], **changed}


def staging(
    lab: Lab, web: list[Host], package: Path, others: list[str], **changes: Any
) -> Inventory:
    """The service on these hosts. This machine administers them; it and the others, addresses, may do what
    a health check and a load test may."""
    administrator = f"{lab.network[1]}/32"
    trusted = [administrator, *(f"{address}/32" for address in others)]
    inventory = Inventory(lab, "staging")
    own = {
        "bcryptd_package": str(package),
        "firewall_ssh_sources": [administrator],
        "firewall_internal_sources": trusted,
        "firewall_unlimited_sources": trusted,
        "nginx_unlimited_networks": trusted,
        "intrusion_never": ["127.0.0.0/8", *trusted],
    }
    inventory.add_group("bcryptd", web, **{**own, **changes})
    return inventory
