"""One booted host."""

import ipaddress
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import image
from lab.cleanup import (
    CGROUPS,
    cgroup,
    children,
    controller_groups,
    kill_host,
    note_process,
    unit_groups,
    unmount,
)
from lab.command import run
from lab.network import bridge_name
from support.waiting import eventually

NAME_MAX = 7  # its interface is "vb-ID-NAME", of 15 characters at the most
CPU_PERIOD_US = 20_000
REBOOT_STATUS = 133
# It may look how well its clock is kept, as each real host; without CAP_SYS_TIME it sets none.
CLOCK = "adjtimex clock_adjtime"

NETWORK_FILE = """[Match]
Name=host0
[Network]
Address={address}
Gateway={gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""

# systemd-nspawn lets a host read its groups of cgroup v1, and no more.
OWN_CONTROLLERS = """[Unit]
Description=Let programs make control groups
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=sh -c 'grep "^cgroup .* ro," /proc/mounts | cut -d " " -f 2 | xargs -rn 1 mount -o remount,bind,rw'
"""


def joining(groups: list[Path], command: list[str]) -> list[str]:
    """The command, in these control groups from its first moment on."""
    joins = "".join(f"echo $$ >{group}/cgroup.procs; " for group in groups)
    return ["sh", "-c", f'{joins}exec "$@"', "sh", *command]


class Host:
    """A Debian host that boots, reboots and is cut off as a real one; all of it by name and id."""

    def __init__(
        self,
        lab_id: str,
        directory: Path,
        release: str,
        address: ipaddress.IPv4Interface,
        gateway: ipaddress.IPv4Address,
        containers: bool = False,
        kind: image.Kind = image.HOST,
    ) -> None:
        self.lab_id = lab_id
        self.name = directory.name
        self.directory = directory
        self.release = release
        self.interface = address
        self.gateway = gateway
        self.containers = containers
        self.kind = kind
        self.root = directory / "root"
        self.process: subprocess.Popen[bytes] | None = None
        assert len(self.name) <= NAME_MAX, f"host name '{self.name}' is too long"

    @property
    def address(self) -> str:
        return str(self.interface.ip)

    @property
    def link(self) -> str:
        """Its interface on this machine's side."""
        return f"vb-{self.lab_id}-{self.name}"

    def prepare(self, key: str) -> None:
        """Lays its files out above the image, with an ssh key that may log in."""
        self.mount()
        for kind in ("ed25519", "rsa"):
            path = self.root / f"etc/ssh/ssh_host_{kind}_key"
            run("ssh-keygen", "-q", "-N", "", "-t", kind, "-C", self.name, "-f", str(path))
        network = NETWORK_FILE.format(address=self.interface, gateway=self.gateway)
        (self.root / "etc/systemd/network/10-host0.network").write_text(network)
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        if self.containers:
            self.let_make_groups()
        ssh = self.root / f"home/{image.USER}/.ssh"
        ssh.mkdir(mode=0o700)
        (ssh / "authorized_keys").write_text(key)
        owner = (self.root / f"home/{image.USER}").stat()
        for path in (ssh, ssh / "authorized_keys"):
            os.chown(path, owner.st_uid, owner.st_gid)

    def let_make_groups(self) -> None:
        units = self.root / "etc/systemd/system"
        (units / "own-controllers.service").write_text(OWN_CONTROLLERS)
        wants = units / "sysinit.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / "own-controllers.service").symlink_to("../own-controllers.service")

    def mount(self) -> None:
        """Its own files are kept in upper; where overlays do not work, it gets a copy of all."""
        lower = image.root(self.release, self.kind)
        upper, work = self.directory / "upper", self.directory / "work"
        for path in (upper, work, self.root):
            path.mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        mounted = run("mount", "-t", "overlay", "-o", options, "lab", str(self.root), check=False)
        if mounted.returncode != 0 and not (self.root / "etc").exists():
            run("cp", "--archive", f"{lower}/.", str(self.root))

    def host_key(self) -> str:
        kind, key = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
        return f"{self.address} {kind} {key}\n"

    def start(self) -> None:
        """Boots it, and does not wait."""
        groups = unit_groups(self.lab_id, self.name)
        if CGROUPS.is_dir():
            groups.append(cgroup(self.lab_id, self.name))
        if self.containers:
            groups += controller_groups(self.lab_id, self.name)
        for group in groups:
            group.mkdir(exist_ok=True)
            # A new group has no CPUs, and nobody can join it.
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (group / name).exists():
                    (group / name).write_text((group.parent / name).read_text())
        arguments = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.root}",
            f"--machine={self.lab_id}-{self.name}",
            f"--hostname={self.name}",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--resolv-conf=off",
            "--timezone=off",
            f"--system-call-filter={CLOCK}{' @keyring' if self.containers else ''}",
            f"--network-bridge={bridge_name(self.lab_id)}",
        ]
        environment = dict(os.environ)
        if self.release != "bookworm":
            environment["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1"
        with (self.directory / "console.log").open("ab") as console:
            self.process = subprocess.Popen(
                joining(groups, arguments),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,
            )
        note_process(self.directory / "nspawn.pid", self.process.pid)

    def in_cgroup(self, command: list[str]) -> list[str]:
        """The command as one of the host's processes, where its CPU limit is concerned."""
        group = cgroup(self.lab_id, self.name)
        return joining([group] if group.is_dir() else [], command)

    def leader(self) -> int | None:
        """Its first process."""
        if self.process is None or self.process.poll() is not None:
            return None
        below = children(self.process.pid)
        return below[0] if below else None

    def wait_booted(self) -> None:
        eventually(f"{self.name} booted", self.is_booted)

    def is_booted(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.console()
        if self.leader() is None:
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded") and self.answers(22)

    def answers(self, port: int) -> bool:
        """Whether this machine can connect to a TCP port of it."""
        try:
            socket.create_connection((self.address, port), timeout=1).close()
        except OSError:
            return False
        return True

    def boot(self) -> None:
        self.start()
        self.wait_booted()

    def console(self) -> str:
        return (self.directory / "console.log").read_text(errors="replace")[-4000:]

    def run(
        self, *command: str, check: bool = True, timeout_s: float = 600, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on it as root, whatever its network and its ssh do."""
        return run(*self.inside(command), check=check, timeout_s=timeout_s, stdin=stdin)

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, for this machine to start, as root on the host."""
        leader = self.leader()
        assert leader is not None, f"{self.name} does not run"
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter = ["nsenter", f"--target={leader}", "--all", "--root", "--wdns=/", "env", "-i", path]
        return self.in_cgroup([*enter, *command])

    def from_its_network(self, command: list[str]) -> list[str]:
        """The command with this machine's files and the host's network."""
        leader = self.leader()
        assert leader is not None, f"{self.name} does not run"
        return ["nsenter", f"--target={leader}", "--net", *command]

    def shell(self, script: str, check: bool = True, timeout_s: float = 600) -> str:
        """Output of a shell script that runs on it as root."""
        return self.run("bash", "-c", script, check=check, timeout_s=timeout_s).stdout

    def run_unit(self, unit: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A run of its own, of a unit that runs to its end: a start would only join one that is under way, and tell how
        that ends."""
        state = ("systemctl", "show", "--property=SubState", "--value", unit)
        eventually(f"no run of {unit}", lambda: not self.run(*state).stdout.startswith("start"))
        return self.run("systemctl", "restart", unit, check=check)

    def reboot(self) -> None:
        """By its own systemd; systemd-nspawn ends with a status of its own and is started again."""
        assert self.process is not None
        self.run("systemctl", "--no-block", "reboot")
        assert self.process.wait(timeout=120) == REBOOT_STATUS, self.console()
        self.boot()

    def power_cut(self) -> None:
        """Stops it at once, in the middle of whatever it does. Its network goes first: the kernel would close the
        connections of processes that end, and no host without power says goodbye."""
        assert self.process is not None
        run("ip", "link", "delete", self.link, check=False)
        kill_host(self.process.pid)
        self.process.wait(timeout=60)
        eventually(f"{self.link} gone", lambda: not Path(f"/sys/class/net/{self.link}").exists())

    def power_off(self) -> None:
        """Shuts it down as an administrator does."""
        assert self.process is not None
        self.run("systemctl", "--no-block", "poweroff")
        self.process.wait(timeout=120)

    def partition(self, cut: bool) -> None:
        """Takes its network cable out, or puts it back."""
        run("ip", "link", "set", self.link, "down" if cut else "up")

    def limit_cpus(self, cpus: float | None) -> None:
        """Lets it have so much of the CPUs (0.5 is half of one); None is no limit."""
        quota = cgroup(self.lab_id, self.name) / "cpu.cfs_quota_us"
        if not quota.exists():
            pytest.skip("CPU limits of hosts need the cpu controller of cgroup v1")
        (quota.parent / "cpu.cfs_period_us").write_text(f"{CPU_PERIOD_US}\n")
        quota.write_text(f"{-1 if cpus is None else int(cpus * CPU_PERIOD_US)}\n")

    def remove(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.power_cut()
        unmount(self.root)
