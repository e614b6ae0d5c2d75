"""A certificate authority that speaks ACME (Pebble, of Let's Encrypt), and the DNS that it asks (BIND),
both on this machine's address in the lab."""

import base64
import json
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.command import run
from lab.lab import Lab, running
from lab.playbook import NAME
from support.service import unverified
from support.waiting import eventually

ZONE = NAME.partition(".")[2]
ACME_PORT, MANAGEMENT_PORT, DNS_PORT = 14000, 15000, 53
TSIG_NAME = "certbot"

NAMED = """
options {{
    directory "{directory}";
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{directory}";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
}};
controls {{ }};
key "{tsig_name}" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{
    type primary;
    file "zone";
    allow-update {{ key "{tsig_name}"; }};
}};
"""

RECORDS = """$TTL 1
@ SOA ns hostmaster 1 60 60 60 1
@ NS ns
ns A {address}
{name} A {host}
"""

CREDENTIALS = """dns_rfc2136_server = {address}
dns_rfc2136_port = {port}
dns_rfc2136_name = {tsig_name}
dns_rfc2136_secret = {secret}
dns_rfc2136_algorithm = HMAC-SHA256
"""


@dataclass(frozen=True)
class Authority:
    """What a host needs to use it."""

    acme_directory: str
    own_certificate: Path  # of its server, which signs itself
    root: Path  # of the certificates that it gives
    dns_credentials: str  # for certbot's plugin rfc2136


def make_pair(directory: Path, name: str, names: str, days: int = 2) -> tuple[Path, Path]:
    """A self-signed certificate for names ("DNS:a,IP:b") and its key."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    content = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-days", str(days)]
    target = ["-keyout", str(key), "-out", str(certificate)]
    run("openssl", "req", "-x509", *curve, *content, *target)
    return certificate, key


def start_pebble(directory: Path, address: str) -> list[str]:
    certificate, key = make_pair(directory, "acme", f"IP:{address}")
    settings = {
        "listenAddress": f"{address}:{ACME_PORT}",
        "managementListenAddress": f"{address}:{MANAGEMENT_PORT}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": 80,
        "tlsPort": 443,
    }
    (directory / "pebble.json").write_text(json.dumps({"pebble": settings}))
    server = f"{address}:{DNS_PORT}"
    return ["pebble", "-config", str(directory / "pebble.json"), "-dnsserver", server]


def start_named(directory: Path, values: dict[str, str | int]) -> list[str]:
    (directory / "named.conf").write_text(NAMED.format(**values))
    (directory / "zone").write_text(RECORDS.format(**values))
    return ["named", "-f", "-c", str(directory / "named.conf")]


def fetch_root(address: str, target: Path) -> bool:
    url = f"https://{address}:{MANAGEMENT_PORT}/roots/0"
    try:
        with urllib.request.urlopen(url, context=unverified(), timeout=5) as answer:
            target.write_bytes(answer.read())
    except OSError:
        return False
    return True


@contextmanager
def authority(lab: Lab, host: str) -> Iterator[Authority]:
    """An authority that finds the service's name at the address host."""
    address = str(lab.network[1])
    directory = lab.directory / "authority"
    directory.mkdir()
    values: dict[str, str | int] = {
        "directory": str(directory),
        "address": address,
        "port": DNS_PORT,
        "tsig_name": TSIG_NAME,
        "secret": base64.b64encode(secrets.token_bytes(32)).decode(),
        "zone": ZONE,
        "name": NAME.partition(".")[0],
        "host": host,
    }
    root = directory / "root.pem"
    # It would wait between its looks, and refuse some of them to try its clients.
    calm = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    with running(lab, "named", start_named(directory, values)):
        with running(lab, "pebble", start_pebble(directory, address), calm):
            eventually("the authority answers", lambda: fetch_root(address, root))
            yield Authority(
                f"https://{address}:{ACME_PORT}/dir",
                directory / "acme.pem",
                root,
                CREDENTIALS.format(**values),
            )
