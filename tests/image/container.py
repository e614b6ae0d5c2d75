"""A running container of the image, as its clients and its operators ask it."""

import os
import subprocess
from pathlib import Path
from typing import Any

from image.engine import IMAGE, Engine
from lab.command import run
from support.daemon import QUICK
from support.service import Service
from support.waiting import eventually

RUN_DIR = "/run/bcryptd"
TLS_DIR = "/etc/bcryptd/tls"
USER = 33
# All that a container can be denied.
HARDENED = (
    "--read-only",
    f"--tmpfs={RUN_DIR}",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=256m",
    "--memory-swap=256m",
    "--pids-limit=64",
)
# As the image has it, but sooner than a person would want it.
HEALTH = ("--health-interval=1s", "--health-start-period=60s", "--health-retries=2")
# The tests ask it from outside, as Prometheus does.
OPEN = {**QUICK, "BCRYPTD_INTERNAL_ADDRESS": "0.0.0.0", "BCRYPTD_CLIENT_LIMITS": "off"}


def make_certificate(directory: Path, name: str = "localhost") -> Path:
    """A directory to mount, with files that the image's user may read."""
    directory.mkdir(mode=0o755, exist_ok=True)
    key = directory / "certificate.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    run(
        *command.split(),
        *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
        *("-keyout", str(key), "-out", str(directory / "certificate.pem")),
    )
    os.chown(key, USER, USER)
    return directory


class Container(Service):
    """`with` starts one, unless that is done, and takes it away. Settings are variables of its
    environment."""

    def __init__(self, engine: Engine, *options: str, **settings: str) -> None:
        super().__init__("", "localhost", http_port=8000, https_port=8443, internal_port=9180)
        self.engine = engine
        self.options = options
        self.settings = settings
        self.id = ""

    def start(self) -> "Container":
        variables = [f"--env={name}={value}" for name, value in self.settings.items()]
        self.id = self.engine.docker(
            "run", "--detach", *self.options, *variables, IMAGE
        ).stdout.strip()
        self.address = self.inspect()["NetworkSettings"]["IPAddress"]
        return self

    def start_ready(self) -> "Container":
        self.start()
        eventually("container ready", lambda: self.exited() or self.is_ready())
        assert not self.exited(), self.logs()
        return self

    def inspect(self) -> dict[str, Any]:
        return self.engine.inspect(self.id)

    def state(self) -> dict[str, Any]:
        return dict(self.inspect()["State"])

    def exited(self) -> bool:
        return not self.state()["Running"]

    def exit_code(self) -> int:
        """Of a container that ends by itself, or has ended."""
        return int(self.engine.docker("wait", self.id, timeout_s=120).stdout)

    def is_ready(self) -> bool:
        try:
            if self.internal("/readyz").status != 200:
                return False
            status = self.status()
        except OSError:
            return False
        return bool(status["workers_up"] == status["workers_max"])

    def health(self) -> str:
        return str(self.state()["Health"]["Status"])

    def logs(self) -> str:
        """What it has written, to standard output and error."""
        result = self.engine.docker("logs", self.id)
        return result.stdout + result.stderr

    def shell(self, script: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.engine.docker("exec", self.id, "/bin/sh", "-c", script, check=check)

    def process(self, event: str) -> int:
        """The number, as the container has it, of the process that logged an event of bcryptd's first."""
        line = next(x for x in self.logs().splitlines() if f'"event.name":"{event}"' in x)
        return int(line.split('"process.pid":')[1].split(",")[0])

    def changes(self) -> list[str]:
        """What differs in its root file system from the image's."""
        return self.engine.docker("diff", self.id).stdout.splitlines()

    def __enter__(self) -> "Container":
        return self if self.id else self.start_ready()

    def __exit__(self, *_: object) -> None:
        if self.id:
            self.engine.docker("rm", "--force", "--volumes", self.id, check=False)
