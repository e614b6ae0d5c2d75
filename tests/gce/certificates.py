"""Throw-away certificates for the names of Google's servers, and a throw-away account's key."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

NAMES = "DNS:*.googleapis.com,DNS:localhost,IP:127.0.0.1"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificates:
    authority: Path  # what a client is to trust
    certificate: Path
    key: Path


def openssl(*arguments: str) -> None:
    subprocess.run(("openssl", *arguments), check=True, capture_output=True, timeout=60)


def make_certificates(directory: Path) -> Certificates:
    """For two days."""
    authority, authority_key = directory / "ca.pem", directory / "ca.key"
    certificate, key = directory / "server.pem", directory / "server.key"
    days = ("-days", "2")
    constraints = ("-addext", "basicConstraints=critical,CA:TRUE")
    content = ("-subj", "/CN=double of Google's APIs", *constraints, *days)
    target = ("-keyout", str(authority_key), "-out", str(authority))
    openssl("req", "-x509", *CURVE, *content, *target)
    names = ("-subj", "/CN=googleapis.com", "-addext", f"subjectAltName={NAMES}", *days)
    signer = ("-CA", str(authority), "-CAkey", str(authority_key))
    leaf = ("-addext", "basicConstraints=critical,CA:FALSE")
    target = ("-keyout", str(key), "-out", str(certificate))
    openssl("req", "-x509", *CURVE, *names, *leaf, *signer, *target)
    return Certificates(authority, certificate, key)


def make_account(directory: Path, project: str, email: str, token_uri: str) -> Path:
    """A file as Google gives it out for a service account."""
    key = directory / "account.key"
    openssl("genrsa", "-traditional", "-out", str(key), "2048")
    account = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "0",
        "private_key": key.read_text(),
        "client_email": email,
        "client_id": "0",
        "token_uri": token_uri,
    }
    path = directory / "account.json"
    path.write_text(json.dumps(account))
    return path
