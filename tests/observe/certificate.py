"""A certificate that has expired, on a host for the time of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
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
def expired(host: Host, directory: Path) -> Iterator[None]:
    before = host.shell(f"readlink {TLS}/current").strip()
    certificate, key = make_expired(directory)
    host.shell(f"install --directory --mode=0700 {TLS}/expired")
    for source, name in ((certificate, "certificate.pem"), (key, "key.pem")):
        to = f"{TLS}/expired/{name}"
        host.run("sh", "-c", f"umask 077; cat >{to}", stdin=source.read_text())
    host.shell(USE % "expired")
    try:
        yield
    finally:
        host.shell(USE % before)
        host.shell(f"rm -r {TLS}/expired")
