"""A cluster of Nomad on hosts of a lab, brought up by its playbook: one server and its clients."""

import base64
import hashlib
import json
import re
import secrets
import zipfile
from pathlib import Path
from typing import Any

from lab.command import run
from lab.host import Host
from lab.lab import Lab
from lab.playbook import Inventory
from support.daemon import ROOT
from support.waiting import eventually

API = "https://127.0.0.1:4646"
EDGE = "edge"  # the class of the machines with the load balancer
LOOK_S = 0.5  # between two looks at the cluster


def version(program: Path) -> str:
    """As 1.2.3."""
    said = run(str(program), "version").stdout
    found = re.search(r"v(\d+\.\d+\.\d+\S*)", said)
    assert found, said
    return found[1]


def archive(program: Path, directory: Path) -> dict[str, str]:
    """The program as its vendor releases it, and what the roles need to know of that."""
    path = directory / f"{program.name}.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.write(program, program.name)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    role = program.name.replace("-", "_")
    return {
        f"{role}_source": "archive",
        f"{role}_version": version(program),
        f"{role}_archive": str(path),
        f"{role}_archive_checksum": f"sha256:{checksum}",
    }


def new_key() -> str:
    """A key for the gossip."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def inventory(
    lab: Lab, program: Path, server: Host, clients: list[Host], edges: list[Host]
) -> Inventory:
    """Who of the hosts is what."""
    result = Inventory(lab, "nomad")
    administrator = f"{lab.network[1]}/32"
    result.add_group(
        "nomad",
        [server, *clients, *edges],
        firewall_ssh_sources=[administrator],
        nomad_gossip_key=new_key(),
        **archive(program, lab.directory),
    )
    result.add_group("nomad_servers", [server])
    result.add_group("nomad_clients", [*clients, *edges])
    for number, host in enumerate(clients):
        result.write(f"host_vars/{host.name}.yml", {"nomad_zone": f"zone-{'ab'[number % 2]}"})
    for host in edges:
        result.write(f"host_vars/{host.name}.yml", {"nomad_node_class": EDGE})
    return result


class Cluster:
    """The cluster, spoken to on its server as a person does after logging in there."""

    def __init__(self, program: Path, server: Host, token: str = "") -> None:
        self.program = program
        self.server = server
        self.token = token

    def environment(self) -> dict[str, str]:
        tls = self.server.root / "etc/bcryptd-tls"
        return {
            "NOMAD_ADDR": API,
            "NOMAD_CACERT": str(tls / "authority.pem"),
            "NOMAD_CLIENT_CERT": str(tls / "certificate.pem"),
            "NOMAD_CLIENT_KEY": str(tls / "key.pem"),
            "NOMAD_TOKEN": self.token,
        }

    def command(self, *arguments: str, check: bool = True) -> str:
        """Output of a command of Nomad, run in the repository."""
        command = self.server.from_its_network([str(self.program), *arguments])
        result = run(*command, check=check, env=self.environment(), cwd=ROOT)
        return result.stdout + ("" if check else result.stderr)

    def api(self, path: str) -> Any:
        return json.loads(self.command("operator", "api", "-X", "GET", path))

    def bootstrap(self) -> None:
        """Takes the first token, which may do everything."""
        self.token = json.loads(self.command("acl", "bootstrap", "-json"))["SecretID"]

    def new_token(self, name: str, policy: str) -> str:
        """One with the rights of a file."""
        self.command("acl", "policy", "apply", name, policy)
        said = self.command("acl", "token", "create", f"-name={name}", f"-policy={name}", "-json")
        return str(json.loads(said)["SecretID"])

    def of_deployer(self) -> "Cluster":
        """The cluster, for who has the rights to deploy and no others."""
        return Cluster(
            self.program, self.server, self.new_token("deploy", "nomad/deploy/policy.hcl")
        )

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Clients by their names."""
        return {node["Name"]: node for node in self.api("/v1/nodes")}

    def ready(self) -> set[str]:
        return {name for name, node in self.nodes().items() if node["Status"] == "ready"}

    def wait_ready(self, *names: str) -> None:
        eventually(
            f"{', '.join(names)} ready",
            lambda: self.ready() >= set(names),
            pause_s=LOOK_S,
        )

    def allocations(self, job: str) -> list[dict[str, Any]]:
        """Those that run, or shall."""
        found: list[dict[str, Any]] = self.api(f"/v1/job/{job}/allocations")
        return [
            x
            for x in found
            if x["DesiredStatus"] == "run" and x["ClientStatus"] in ("pending", "running")
        ]

    def healthy(self, job: str) -> list[dict[str, Any]]:
        return [
            x
            for x in self.allocations(job)
            if x["ClientStatus"] == "running" and (x["DeploymentStatus"] or {}).get("Healthy")
        ]

    def deployment(self, job: str) -> dict[str, Any]:
        """The latest one."""
        found: dict[str, Any] = self.api(f"/v1/job/{job}/deployment")
        return found

    def job_version(self, job: str) -> int:
        return int(self.api(f"/v1/job/{job}")["Version"])

    def instances(self, service: str) -> set[str]:
        """What the catalogue lists, as ADDRESS:PORT."""
        return {f"{x['Address']}:{x['Port']}" for x in self.api(f"/v1/service/{service}")}
