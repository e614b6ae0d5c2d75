"""The commands of the runbooks, as a person types them who was told of the alert."""

import re
import subprocess
from pathlib import Path

from lab.command import run
from lab.host import Host
from lab.lab import Lab, ssh_command
from lab.playbook import NAME
from support.daemon import ROOT
from support.document import commands

RUNBOOKS = ROOT / "docs" / "runbooks"
# For hosts that send logs, and the one that takes them.
LOGS = ("log-shipping-behind.md", "log-unit-down.md")
ELSEWHERE = re.compile(r"(ping|openssl s_client|curl -sk\w*|curl -sv) ")  # not on the host itself
FOUND_NOTHING = re.compile(r"\bgrep\b|^ls -l /etc/nginx/drain$")
LIMIT_S = 60
NO_SUCH_UNIT = 4  # of systemctl status
READ_TO_THE_END = 141  # a writer to `head` that has gone
EVERY_PART = """
for status in "${PIPESTATUS[@]}"; do
    [[ $status = 0 || $status = %d ]] || exit "$status"
done
"""


def lines(path: Path) -> list[str]:
    return commands(path.read_text())


def of_logs() -> list[str]:
    return [line for name in LOGS for line in lines(RUNBOOKS / name)]


def of_others() -> list[str]:
    paths = sorted(path for path in RUNBOOKS.glob("*.md") if path.name not in LOGS)
    return [line for path in paths for line in lines(path)]


def type_on(lab: Lab, host: Host, line: str) -> str | None:
    """None, or what went wrong; that nothing is found is right."""
    logged_in = line.removeprefix("ssh HOST ")
    for theirs, ours in {"HOST": host.address, "NAME": NAME, "ADDRESS": host.address}.items():
        logged_in = logged_in.replace(theirs, ours)
    script = logged_in + EVERY_PART % READ_TO_THE_END
    login = ssh_command(lab.directory, host.address)
    command = ["bash", "-c", script] if ELSEWHERE.match(line) else [*login, script]
    # As if an authority that clients know had signed the host's certificate.
    env = {"CURL_CA_BUNDLE": str(host.root / "etc/nginx/tls/current/certificate.pem")}
    try:
        done = run(*command, check=False, timeout_s=LIMIT_S, env=env)
    except subprocess.TimeoutExpired:
        return f"{host.name}: {line}: no end in {LIMIT_S} s"
    nothing = done.returncode in (1, 2) and FOUND_NOTHING.search(line) and not wrong(done.stderr)
    # It shows those of several units that the host has.
    some = done.returncode == NO_SUCH_UNIT and line.startswith("systemctl status ") and done.stdout
    degraded = line.endswith(" is-system-running") and done.stdout.strip() == "degraded"
    if done.returncode == 0 or nothing or some or degraded:
        return None
    return f"{host.name}: {line}: exit status {done.returncode}: {done.stdout[-500:]}{done.stderr}"


def wrong(errors: str) -> bool:
    return any(line for line in errors.splitlines() if "/etc/nginx/drain" not in line)


def failures(lab: Lab, hosts: list[Host], commands: list[str]) -> list[str]:
    """Of the commands that work on none of the hosts. A unit, or a file, is on those of its kind only."""
    found = []
    for line in dict.fromkeys(commands):
        reasons = []
        for host in hosts:
            reason = type_on(lab, host, line)
            if reason is None:
                break
            reasons.append(reason)
        else:
            found += reasons
    return found
