"""Running a command of the machine, and what a lab needs to be able to run at all."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

TOOLS = ("mmdebstrap", "systemd-nspawn", "ip", "nft", "ssh", "ssh-keygen", "mount", "umount")


class CommandError(RuntimeError):
    """A command failed; the text has its output."""


def run(
    *command: str,
    check: bool = True,
    timeout_s: float = 900,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end; a failure is an error with all that it printed."""
    result = subprocess.run(
        command,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        env=None if env is None else {**os.environ, **env},
        cwd=cwd,
    )
    if check and result.returncode != 0:
        raise CommandError(
            f"{' '.join(command)}: exit status {result.returncode}\n{result.stdout}{result.stderr}"
        )
    return result


def why_not() -> str | None:
    """What is missing to boot hosts here, or None."""
    if os.geteuid() != 0:
        return "hosts are booted by root only"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (script/bootstrap lab)"
    namespaces = run("unshare", "--mount", "--pid", "--net", "--uts", "--fork", "true", check=False)
    if namespaces.returncode != 0:
        return f"no namespaces: {namespaces.stderr.strip()}"
    # Another process may be looking, too.
    probe = f"probe{os.getpid()}"
    link = run("ip", "link", "add", probe, "type", "bridge", check=False)
    if link.returncode != 0:
        return f"no bridge: {link.stderr.strip()}"
    run("ip", "link", "delete", probe, check=False)
    return None
