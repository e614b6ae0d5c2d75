"""What script/lab runs: the hosts of the tests, for a person."""

import argparse
import json
import os
import sys

from lab import cleanup, image
from lab.command import why_not
from lab.lab import Lab, ssh_command

ID = "play"
DIRECTORY = cleanup.STATE / ID


def say(text: str) -> None:
    print(text, flush=True)


def up(count: int, release: str) -> int:
    if DIRECTORY.exists():
        say("the hosts are up already; `script/lab down` takes them away")
        return 1
    say(f"root of {release} (made once, which takes about a minute) …")
    image.root(release)
    lab = Lab(ID, keep=True).open()
    try:
        hosts = lab.boot(*(f"host{i}" for i in range(1, count + 1)), release=release)
    except BaseException:
        lab.close()
        raise
    for host in hosts:
        say(f"{host.name}  {host.address}")
    (DIRECTORY / "hosts.yml").write_text(lab.inventory(["bcryptd"]))
    say(f"script/lab ssh {hosts[0].name}   logs in to it as {image.USER}, who may use sudo")
    say(f"inventory for Ansible: {DIRECTORY / 'hosts.yml'}")
    return 0


def ssh(name: str, command: list[str]) -> int:
    try:
        addresses = json.loads((DIRECTORY / "hosts.json").read_text())
        address = addresses[name]
    except FileNotFoundError:
        say("no hosts are up; see `script/lab up`")
        return 1
    except KeyError:
        say(f"no host is called '{name}'; there are: {', '.join(addresses)}")
        return 1
    arguments = ssh_command(DIRECTORY, address) + command
    os.execvp(arguments[0], arguments)


def down() -> int:
    for lab_id in [ID, *cleanup.stale()]:
        cleanup.sweep(lab_id)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="script/lab",
        description="Boots Debian hosts on this machine, without a hypervisor: the ones that the "
        "tests of the deployment use. Needs root.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="boot hosts, and leave them running")
    starting.add_argument("--hosts", type=int, default=2, help="how many (default 2)")
    starting.add_argument("--release", choices=image.RELEASES, default=image.RELEASES[0])
    entering = commands.add_parser("ssh", help="log in to a host, or run a command on it")
    entering.add_argument("host")
    entering.add_argument("rest", nargs=argparse.REMAINDER, metavar="command")
    commands.add_parser("down", help="take the hosts away, and what crashed tests left behind")
    arguments = parser.parse_args()
    reason = why_not()
    if reason is not None:
        say(f"script/lab: {reason}")
        return 1
    if arguments.command == "up":
        return up(arguments.hosts, arguments.release)
    if arguments.command == "ssh":
        return ssh(arguments.host, arguments.rest)
    return down()


if __name__ == "__main__":
    sys.exit(main())
