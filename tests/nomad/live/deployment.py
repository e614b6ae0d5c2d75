"""The service and its load balancer as jobs of a cluster, submitted by the commands of docs/nomad.md."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.authority import make_pair
from lab.command import run
from lab.lab import Lab, running
from lab.playbook import NAME
from nomad.live.cluster import EDGE, LOOK_S, Cluster
from support.waiting import eventually

PORT = 8000
DEPLOYED_S = 300.0  # a deployment: min_healthy_time for each of its steps


@contextmanager
def file_server(lab: Lab, directory: Path) -> Iterator[str]:
    """This machine's address in the lab, from which hosts fetch the directory's files."""
    address = str(lab.network[1])
    options = ["--bind", address, "--directory", str(directory)]
    with running(lab, "files", [sys.executable, "-m", "http.server", *options, str(PORT)]):
        yield f"http://{address}:{PORT}"


def pack(package: Path, target: Path) -> str:
    """The package's files as an archive, and its checksum."""
    run("sh", "-c", f"dpkg-deb --fsys-tarfile {package} | gzip >{target}")
    return f"sha256:{hashlib.sha256(target.read_bytes()).hexdigest()}"


class Authority:
    """Signs the service's certificates."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificate, self.key = make_pair(directory, "authority", "DNS:authority")

    def issue(self) -> tuple[Path, Path]:
        """A new certificate and its key."""
        request, key = self.directory / "service.csr", self.directory / "service.key"
        certificate = self.directory / "service.pem"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        run("openssl", "req", *curve, *names, "-keyout", str(key), "-out", str(request))
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.key), "-days", "2"]
        names = [
            "-copy_extensions",
            "copy",
            "-in",
            str(request),
            "-out",
            str(certificate),
        ]
        run("openssl", "x509", "-req", *signer, *names)
        return certificate, key


class Deployment:
    """What is submitted with which values. What is in the directory, hosts fetch from the address files."""

    def __init__(self, cluster: Cluster, files: str, directory: Path, package: Path) -> None:
        self.cluster = cluster
        self.files = files
        self.directory = directory
        self.values = {
            "artifact": f"{files}/bcryptd.tar.gz",
            "artifact_checksum": pack(package, directory / "bcryptd.tar.gz"),
            "server_names": NAME,
            # A machine of the lab has too few CPUs to promise some of them away.
            "cores": "0",
            "client_limits": "false",
            # The load is of this machine, which has all hosts of the lab on it.
            "deploy_seconds": "30",
        }
        self.authority = Authority(directory)

    def give_certificates(self) -> None:
        """New ones."""
        certificate, key = self.authority.issue()
        pair = [f"certificate=@{certificate}", f"key=@{key}"]
        put = ["var", "put", "-force", "-out=none"]
        self.cluster.command(*put, "nomad/jobs/bcryptd", *pair)
        authority = f"authority=@{self.authority.certificate}"
        self.cluster.command(*put, "nomad/jobs/load-balancer", *pair, authority)

    def arguments(self, **changes: str) -> list[str]:
        values = {**self.values, **changes}
        words = [f"-var={name}={value}" for name, value in values.items()]
        return ["-var-file=nomad/vars/staging.hcl", *words, "nomad/bcryptd.nomad.hcl"]

    def plan(self, **changes: str) -> str:
        """What it says. (Its exit status tells of changes, too.)"""
        text = self.cluster.command("job", "plan", *self.arguments(**changes), check=False)
        assert "Job Modify Index: " in text, text
        return text

    def submit(self, **changes: str) -> None:
        """Without waiting for what becomes of it."""
        self.cluster.command(
            "job", "run", "-detach", "-preserve-counts", *self.arguments(**changes)
        )

    def run_balancer(self) -> None:
        values = [f"-var=node_class={EDGE}", f"-var=server_name={NAME}"]
        self.cluster.command("job", "run", "-detach", *values, "nomad/load-balancer.nomad.hcl")

    def wait_deployed(self, version: int) -> None:
        """Until the instances of a version have taken over."""

        def done() -> bool:
            latest = self.cluster.deployment("bcryptd")
            if latest["JobVersion"] < version:
                return False
            assert latest["Status"] in ("running", "successful"), latest["StatusDescription"]
            return bool(latest["Status"] == "successful")

        eventually(f"version {version} deployed", done, DEPLOYED_S, pause_s=LOOK_S)
