"""Docker, Debian's, as a test's own: its daemon has nothing in common with another one on the machine."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import lab.image
from lab import cleanup, network
from lab.command import CommandError, run
from support.daemon import ROOT
from support.waiting import eventually

DOCKER = "/usr/bin/docker"
DAEMON = "/usr/sbin/dockerd"
TOOLS = (DOCKER, DAEMON, "mmdebstrap", "tar", "ip", "setpriv")
RELEASE = "bookworm"
BASE = "bcryptd-base"
IMAGE = "bcryptd:test"
STOP_S = 60.0


class Unable(RuntimeError):
    """The daemon does not run here; the text says why."""


class Engine:
    """A running dockerd with a bridge of its own; `with` ends it and takes away all that it made."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bcryptd-docker."))
        self.socket = self.directory / "docker.sock"
        self.log = self.directory / "log"
        self.bridge = f"docker-{secrets.token_hex(3)}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """For commands of a person who works with this daemon."""
        client = self.directory / "client"
        client.mkdir(exist_ok=True)
        path = f"{Path(DOCKER).parent}:{os.environ['PATH']}"
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(client), "PATH": path}

    def docker(
        self, *arguments: str, check: bool = True, timeout_s: float = 900
    ) -> subprocess.CompletedProcess[str]:
        return run(DOCKER, *arguments, check=check, timeout_s=timeout_s, env=self.environment)

    def inspect(self, name: str) -> dict[str, Any]:
        found = json.loads(self.docker("inspect", name).stdout)[0]
        assert isinstance(found, dict)
        return found

    def command(self) -> list[str]:
        settings = self.directory / "daemon.json"
        settings.write_text("{}\n")
        return [
            "setpriv",
            "--pdeathsig=TERM",  # with the tests, however these end
            DAEMON,
            f"--config-file={settings}",
            f"--data-root={self.directory / 'data'}",
            f"--exec-root={self.directory / 'exec'}",
            f"--pidfile={self.directory / 'pid'}",
            f"--host=unix://{self.socket}",
            f"--bridge={self.bridge}",
            # Containers are reached from here, by the bridge or by docker-proxy, and reach nobody.
            "--iptables=false",
            "--ip-forward=false",
            "--ip-masq=false",
        ]

    def answers(self) -> bool:
        return self.docker("version", check=False).returncode == 0

    def exited(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def start(self) -> None:
        with cleanup.alone():
            network.make_bridge(self.bridge)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually("dockerd answers", lambda: self.exited() or self.answers(), pause_s=0.1)
        if self.exited():
            raise Unable("\n".join(self.log.read_text().splitlines()[-3:]))

    def remove_containers(self) -> None:
        names = self.docker("ps", "--all", "--quiet", check=False).stdout.split()
        if names:
            self.docker("rm", "--force", "--volumes", *names, check=False)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.remove_containers()
            self.process.terminate()
            try:
                self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            mounted = line.split()[1]
            if mounted.startswith(f"{self.directory}/"):
                run("umount", "--lazy", mounted, check=False)
        run("ip", "link", "delete", self.bridge, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "Engine":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def import_base(self, tag: str = BASE) -> str:
        """The base that an image is built on, with this machine's ways to its packages."""
        root = lab.image.root(RELEASE, lab.image.BASE)
        with subprocess.Popen(
            ["tar", "--create", f"--directory={root}", "."], stdout=subprocess.PIPE
        ) as tar:
            imported = subprocess.run(
                [DOCKER, "import", "-", tag],
                stdin=tar.stdout,
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                timeout=600,
            )
        assert tar.returncode == 0 and imported.returncode == 0, imported.stderr
        return tag

    def build(self, tag: str = IMAGE, more: str = "") -> str:
        """The image, from the checkout, with more packages. The network is this machine's, to reach these."""
        values = [f"--build-arg=BASE={self.import_base()}", f"--build-arg=MORE={more}"]
        self.docker("build", "--network=host", *values, f"--tag={tag}", str(ROOT))
        return tag


def why_not() -> str | None:
    """What is missing to run a dockerd here, or None."""
    if os.geteuid() != 0:
        return "dockerd is run by root only"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (script/bootstrap image)"
    return None


@contextmanager
def engine_or_skip() -> Iterator[Engine]:
    """For a fixture: a Docker, or the reason why there can be none here."""
    reason = why_not()
    if reason is not None:
        pytest.skip(f"no Docker here: {reason}")
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(Engine())
        except (Unable, CommandError) as error:
            pytest.skip(f"no Docker here: {error}")
        yield engine
