"""Tools of a newer Debian than this machine's, in a root of their own: a current Ansible, testssl.sh."""

from collections.abc import Mapping
from pathlib import Path

from lab import image
from lab.lab import Lab
from support.daemon import ROOT

RELEASE = "trixie"


def in_tools(lab: Lab, command: list[str], env: Mapping[str, str], cwd: Path) -> list[str]:
    """The command with the files of that root, this repository's, and the lab's; what it writes
    elsewhere is gone after it. It has this machine's network."""
    root = image.root(RELEASE, image.TOOLS)
    return [
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--as-pid2",
        "--pipe",
        "--timezone=off",
        "--resolv-conf=off",
        "--volatile=overlay",
        f"--directory={root}",
        f"--machine=tools-{lab.id}",
        *(f"--bind-ro={path}" for path in shared(ROOT)),
        f"--bind={lab.directory}",
        f"--chdir={cwd}",
        *(f"--setenv={name}={value}" for name, value in env.items()),
        *command,
    ]


def shared(repository: Path) -> list[Path]:
    """What a deployment takes from the repository."""
    return [repository / name for name in ("ansible", "nginx", "build-package")]
