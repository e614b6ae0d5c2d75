"""Root file systems of Debian, made once and kept: hosts run on an overlay above them, tools of a newer
release than this machine's run in one, and the container image is built on one."""

import fcntl
import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lab.command import run

CACHE = Path(os.environ.get("BCRYPTD_LAB_CACHE", "/var/cache/bcryptd-lab"))
KEPT_S = 24 * 3600
RELEASES = ("bookworm", "trixie")
USER = "debian"  # as in Debian's cloud images: by key only, and root by sudo

# In the new root, whose path is "$1".
CUSTOMIZE_HOST = f"""
set -e
chroot "$1" useradd --create-home --shell /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD:ALL' >"$1/etc/sudoers.d/{USER}"
chroot "$1" systemctl enable systemd-networkd.service ssh.service
rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/machine-id" "$1/etc/hostname"
: >"$1/etc/machine-id"
"""


@dataclass(frozen=True)
class Kind:
    """What a root is for."""

    name: str
    packages: str
    customize: str
    options: tuple[str, ...] = ()


# What Debian's cloud images have of that which the roles build on.
HOST = Kind(
    "host",
    "systemd,systemd-sysv,dbus,udev,python3,iproute2,procps,openssh-server,ca-certificates,"
    "python3-apt,sudo,curl,iputils-ping,cron,logrotate,rsyslog,less,kmod,nano",
    CUSTOMIZE_HOST,
)
TOOLS = Kind("tools", "ansible,openssh-client,testssl.sh", "true")
# As Debian's slim images: /usr merged from the start, which keeps Perl out, no documents, no list of
# packages. The certificates are for package sources that are reached by TLS.
CUSTOMIZE_BASE = """
rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/var/lib/apt/lists/*
"""
BASE = Kind(
    "base",
    "ca-certificates,usr-is-merged",
    CUSTOMIZE_BASE,
    ("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",),
)


def apt_files() -> list[Path]:
    """How this machine reaches its packages, beside the list of sources."""
    settings = Path("/etc/apt/apt.conf.d").glob("99*")
    return sorted(path for path in settings if path.is_file())


def sources(release: str) -> str:
    """The lines of this machine's package sources, for another release."""
    own = next(
        line.split("=", 1)[1].strip('"')
        for line in Path("/etc/os-release").read_text().splitlines()
        if line.startswith("VERSION_CODENAME=")
    )
    paths = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))]
    lines = [x for p in paths if p.is_file() for x in p.read_text().splitlines()]
    kept = [x for x in lines if x.startswith("deb ")] + deb822_lines()
    return "".join(f"{line}\n".replace(own, release) for line in dict.fromkeys(kept))


def deb822_lines() -> list[str]:
    """Debian's own sources in the newer format, as lines."""
    path = Path("/etc/apt/sources.list.d/debian.sources")
    if not path.is_file():
        return []
    lines = []
    for stanza in path.read_text().split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != "#"
        )
        if fields.get("Types") == "deb":
            for suite in fields["Suites"].split():
                lines.append(f"deb {fields['URIs']} {suite} {fields['Components']}")
    return lines


def key_of(release: str, kind: Kind) -> str:
    """Changes with whatever goes into a root."""
    content = [release, repr(kind), sources(release), Path(__file__).read_text()]
    content += [path.read_text() for path in apt_files()]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:16]


def make(release: str, kind: Kind, target: Path) -> None:
    """Makes a root at a path that does not exist yet."""
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    options = [*kind.options, *(f"--aptopt={path}" for path in apt_files())]
    run(
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        # A host in use knows which packages there are.
        "--skip=cleanup/apt/lists",
        f"--include={kind.packages}",
        *options,
        f"--customize-hook={kind.customize}",
        release,
        str(partial),
        "-",
        stdin=sources(release),
    )
    for path in apt_files():
        shutil.copy(path, partial / "etc/apt/apt.conf.d" / path.name)
    for certificate in Path("/usr/local/share/ca-certificates").glob("**/*.crt"):
        shutil.copy(certificate, partial / "usr/local/share/ca-certificates")
    run(
        "chroot",
        str(partial),
        "sh",
        "-c",
        "! command -v update-ca-certificates || update-ca-certificates",
    )
    partial.rename(target)


def is_mounted(root: Path) -> bool:
    """Whether a host runs on it, of whatever lab."""
    return f"lowerdir={root}," in Path("/proc/self/mounts").read_text()


def remove_old(prefix: str) -> None:
    """Roots of another content that nobody has used for a day; another checkout may have its own."""
    for old in CACHE.glob(f"{prefix}-*"):
        if old.stat().st_mtime < time.time() - KEPT_S and not is_mounted(old):
            shutil.rmtree(old, ignore_errors=True)


def root(release: str, kind: Kind = HOST) -> Path:
    """The root of a release; made when it is not there. One at a time makes it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    prefix = f"{release}-{kind.name}"
    target = CACHE / f"{prefix}-{key_of(release, kind)}"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            remove_old(prefix)
            make(release, kind, target)
        os.utime(target)
    return target
