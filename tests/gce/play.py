"""Runs the repository's GCE playbooks, as they are, against a double."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gce.client import Client
from gce.double import Double, Logged
from support.daemon import ROOT
from support.play import Play, parse_recap

ANSIBLE = ROOT / "ansible"
LIMIT_S = 900  # of a run that hangs
# The double's time passes by requests, so there is nothing to wait for between two of them.
AT_ONCE = {"gce_api_delay_seconds": 0, "gce_api_poll_seconds": 0}

# Of what is in the image, the playbooks only look at the hash; tests say what it is.
IMAGE = {"gce_image_content": "first", "gce_image_package": str(ROOT / "README.md")}


def deployable(double: Double) -> None:
    """Makes what there is before the first run: Debian's image, images of two releases of ours, as gce_image
    would have made them, and the zone of the DNS."""
    double.seed_image("debian-12-v1", "debian-12", project="debian-cloud")
    for environment in ("staging", "production"):
        for content in ("first", "second"):
            name = f"bcryptd-{environment}"
            labels = {"bcryptd": name, "content": content}
            double.seed_image(f"{name}-{content}", name, labels=labels)
    zone = {"name": "example", "dnsName": "example.", "description": "theirs"}
    url = f"https://dns.googleapis.com/dns/v1/projects/{double.project}/managedZones"
    assert Client(double).send("POST", url, zone).status == 200
    double.requests.clear()


def add_foreign(double: Double) -> dict[str, str]:
    """Adds what others have in the project, partly under a name that ours could have; by link, as it was."""
    own = f"projects/{double.project}/global"
    theirs: dict[str, dict[str, Any]] = {
        f"{own}/networks/default": {"kind": "compute#network", "autoCreateSubnetworks": True},
        f"{own}/images/bcryptd-production-mine": {"kind": "compute#image", "status": "READY"},
        f"{own}/firewalls/bcryptd-production-mine": {"kind": "compute#firewall", "priority": 1},
    }
    with double.lock:
        store = double.state.store
        for link, resource in theirs.items():
            store.put(link, store.stamped(link, resource["kind"], resource))
        return {link: json.dumps(store.resources[link]) for link in theirs}


def make_pair(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate of the service, and its key."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subject = ["-subj", "/CN=hash.example", "-days", "9"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def production(double: Double, directory: Path, **variables: Any) -> "Project":
    """inventories/production, with a certificate of its own."""
    certificate, key = make_pair(directory)
    files = {
        "gce_secrets_certificate_file": str(certificate),
        "gce_secrets_key_file": str(key),
    }
    return Project(double, directory, "production", **{**files, **variables})


class Project:
    """An inventory of the repository, for a project of a double; variables are above the inventory's own."""

    def __init__(self, double: Double, directory: Path, environment: str, **variables: Any) -> None:
        self.double = double
        self.inventory = directory / environment
        self.directory = directory
        self.first_run: list[Logged] = []  # what its rehearsal and its first run asked
        shutil.copytree(ANSIBLE / "inventories" / environment, self.inventory)
        variables_directory = self.inventory / "group_vars/gce"
        variables_directory.mkdir()
        (self.inventory / "group_vars/gce.yml").rename(variables_directory / "1.yml")
        self.set(**variables)

    def set(self, **variables: Any) -> None:
        text = yaml.safe_dump({**AT_ONCE, **variables})
        (self.inventory / "group_vars/gce/2.yml").write_text(text)

    def set_for_builder(self, **variables: Any) -> None:
        """Variables of the host that an image is built on, above the inventory's own."""
        directory = self.inventory / "group_vars/gce_builder"
        directory.mkdir()
        directory.with_suffix(".yml").rename(directory / "1.yml")
        (directory / "2.yml").write_text(yaml.safe_dump(variables))

    def play(
        self, playbook: str, *options: str, check: bool = True, inputs: str = "", **variables: Any
    ) -> Play:
        """Runs a playbook. AssertionError: it failed, and `check` is set."""
        command = ["ansible-playbook", f"playbooks/{playbook}", f"--inventory={self.inventory}"]
        command += [*options, f"--extra-vars={json.dumps(variables)}"]
        return self.execute(command, check, inputs)

    def deploy(self, *options: str, check: bool = True, **variables: Any) -> Play:
        """gce.yml, with the image that deployable() made."""
        return self.play("gce.yml", *options, check=check, **{**IMAGE, **variables})

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
        number = len(list(self.directory.glob("play-*.log")))
        (self.directory / f"play-{number}.log").write_text(output)
        assert result.returncode == 0 or not check, output
        return Play(result.returncode, output, parse_recap(output))

    def env(self) -> Mapping[str, str]:
        quiet = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.directory / "ansible")}
        return {**os.environ, **self.double.env(), **quiet, "LC_ALL": "C.UTF-8"}
