"""A vendor's repository for apt, signed, with a package as vendors make it."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from nomad.live.cluster import version

CONTROL = """Package: {name}
Version: {version}-1
Architecture: {architecture}
Maintainer: vendor <vendor@example.com>
Description: {name}, as its vendor packs it
"""
# Of the package; the role puts its own in their places.
UNIT = "[Service]\nExecStart=/usr/bin/{name} agent -dev\n"
RELEASE = """Suite: {suite}
Components: main
Architectures: {architecture}
Date: {date}
SHA256:
 {checksum} {size} {path}
"""


@dataclass(frozen=True)
class Repository:
    suite: str
    key: Path


def pack(program: Path, pool: Path, architecture: str) -> None:
    tree = pool / "tree"
    files = {
        "DEBIAN/control": CONTROL.format(
            name=program.name, version=version(program), architecture=architecture
        ),
        f"lib/systemd/system/{program.name}.service": UNIT.format(name=program.name),
        f"etc/{program.name}.d/{program.name}.hcl": 'data_dir = "/opt/data"\n',
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "usr/bin").mkdir(parents=True)
    shutil.copy(program, tree / "usr/bin" / program.name)
    target = pool / f"{program.name}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(target))
    shutil.rmtree(tree)


def sign(release: Path, key: Path, home: str) -> None:
    """With a key that is made for it."""
    gpg = ["gpg", f"--homedir={home}", "--batch", "--quiet", "--yes"]
    make = ["--pinentry-mode=loopback", "--passphrase=", "--quick-generate-key", "vendor"]
    run(*gpg, *make, "ed25519", "sign", "never")
    run(*gpg, f"--output={release.with_name('InRelease')}", "--clear-sign", str(release))
    run(*gpg, "--armor", f"--output={key}", "--export", "vendor")
    run("gpgconf", f"--homedir={home}", "--kill", "all")


def make_repository(program: Path, directory: Path, suite: str) -> Repository:
    """In a directory that hosts reach by HTTP."""
    architecture = run("dpkg", "--print-architecture").stdout.strip()
    pool = directory / "pool"
    pool.mkdir()
    pack(program, pool, architecture)
    path = f"main/binary-{architecture}/Packages"
    index = directory / "dists" / suite / path
    index.parent.mkdir(parents=True)
    index.write_text(run("dpkg-scanpackages", "--multiversion", "pool", cwd=directory).stdout)
    content = index.read_bytes()
    release = directory / "dists" / suite / "Release"
    release.write_text(
        RELEASE.format(
            suite=suite,
            architecture=architecture,
            date=run("date", "--utc", "--rfc-email").stdout.strip(),
            checksum=hashlib.sha256(content).hexdigest(),
            size=len(content),
            path=path,
        )
    )
    key = directory / "vendor.asc"
    with tempfile.TemporaryDirectory() as home:
        sign(release, key, home)
    return Repository(suite, key)
