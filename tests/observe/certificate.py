"""Certificates that have expired, or will soon, on a host for the time of a block."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lab.authority import make_pair
from lab.command import run
from lab.host import Host
from lab.playbook import NAME

TLS = "/etc/nginx/tls"
# nginx would have let its certificate expire without a reload; another pair needs one.
USE = f"ln -sfn %s {TLS}/current && nginx -t -q && systemctl reload nginx.service"


def make_expired(directory: Path) -> tuple[Path, Path]:
    """A pair whose certificate ended when it was made."""
    certificate, key = make_pair(directory, "expired", f"DNS:{NAME}")
    ended = directory / "ended.pem"
    content = ["-in", str(certificate), "-signkey", str(key), "-days", "0", "-out", str(ended)]
    run("openssl", "x509", *content)
    return ended, key


@contextmanager
def serving(host: Host, name: str, pair: tuple[Path, Path]) -> Iterator[None]:
    """Certificate and key, which a directory of that name holds on the host meanwhile."""
    before = host.shell(f"readlink {TLS}/current").strip()
    host.shell(f"install --directory --mode=0700 {TLS}/{name}")
    for source, file in zip(pair, ("certificate.pem", "key.pem")):
        host.run("sh", "-c", f"umask 077; cat >{TLS}/{name}/{file}", stdin=source.read_text())
    host.shell(USE % name)
    try:
        yield
    finally:
        host.shell(USE % before)
        host.shell(f"rm -r {TLS}/{name}")


def expired(host: Host, directory: Path) -> AbstractContextManager[None]:
    return serving(host, "expired", make_expired(directory))


def expiring(host: Host, directory: Path) -> AbstractContextManager[None]:
    """In some days."""
    return serving(host, "expiring", make_pair(directory, "expiring", f"DNS:{NAME}"))
