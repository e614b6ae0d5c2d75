"""Where certificate and key come from, and how they are replaced while clients ask."""

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import document
from lab.authority import Authority, authority, make_pair
from lab.client import clients, presented
from lab.command import run
from lab.host import Host
from lab.lab import Lab
from lab.playbook import NAME, Inventory
from lab.tools import in_tools
from support.waiting import eventually

SITE_TLS = "ansible-playbook -i inventories/production playbooks/site.yml --tags tls"


@pytest.fixture(scope="module", autouse=True)
def back_to_self_signed(deployed: Inventory) -> Iterator[None]:
    yield
    deployed.play("site.yml", "--tags=tls")


def der(path: Path) -> bytes:
    """The first certificate of a file in PEM."""
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(path.read_text().partition(end)[0] + end)


def is_trusted(host: Host, root: Path) -> bool:
    context = ssl.create_default_context(cafile=str(root))
    with socket.create_connection((host.address, 443), timeout=30) as plain:
        with context.wrap_socket(plain, server_hostname=NAME) as connection:
            return connection.getpeercert() is not None


@contextmanager
def replaced_without_a_failure(host: Host) -> Iterator[None]:
    """What happens in the block gives the host another certificate, and no client sees a failure."""
    before = presented(host.address)
    with clients(host.address) as load:
        eventually("load", lambda: load.count() > 20)
        yield
        eventually("another certificate", lambda: presented(host.address) != before)
        begun = load.count()
        eventually("load after it", lambda: load.count() > begun + 20)
    assert load.failed == []


def test_only_nginx_master_can_read_the_key(deployed: Inventory, web: list[Host]) -> None:
    for host in web:
        modes = host.shell("stat -Lc '%U %a' /etc/nginx/tls /etc/nginx/tls/current/key.pem")
        assert modes == "root 700\nroot 600\n"
        owner = host.shell("ps -o user= -p $(systemctl show -P MainPID nginx.service)")
        assert owner == "root\n"


def test_a_self_signed_key_is_replaced(deployed: Inventory, web: list[Host]) -> None:
    line = (
        "ansible-playbook -i inventories/staging playbooks/site.yml --tags tls"
        " -e tls_self_signed_renew=true"
    )
    key = "cat /etc/nginx/tls/current/key.pem"
    before = [host.shell(key) for host in web]
    for current in (False, True):
        with replaced_without_a_failure(web[0]):
            deployed.documented(line, current=current, at_once=False)
    assert all(host.shell(key) not in before for host in web)
    assert deployed.play("site.yml", "--tags=tls").changed() == 0


def test_a_self_signed_certificate_follows_the_names(deployed: Inventory, web: list[Host]) -> None:
    names = [NAME, "other.example"]
    deployed.play("site.yml", "--tags=tls", "--limit=web1", tls_names=names)
    names_there = web[0].shell(
        "openssl x509 -in /etc/nginx/tls/current/certificate.pem -noout -ext subjectAltName"
    )
    assert all(f"DNS:{name}" in names_there for name in names)


@pytest.fixture
def given(lab: Lab, deployed: Inventory) -> Iterator[tuple[Path, Path]]:
    """A pair in files, the key for the vault, and an inventory that names them."""
    certificate, key = make_pair(lab.directory, "given", f"DNS:{NAME}")
    files = {"tls_certificate_file": str(certificate), "tls_key_file": str(key)}
    deployed.write("group_vars/bcryptd/3.yml", {"tls_source": "files", **files})
    yield certificate, key
    (deployed.directory / "group_vars/bcryptd/3.yml").unlink()


def test_given_files_are_taken_and_the_key_is_shown_nowhere(
    lab: Lab, deployed: Inventory, web: list[Host], given: tuple[Path, Path]
) -> None:
    certificate, key = given
    secret = key.read_text().splitlines()[1]
    run_with_vault(deployed, "ansible-vault encrypt /path/of/the/key.pem", key)
    assert secret not in key.read_text()
    rehearsal = deployed.play("site.yml", "--tags=tls", "--check", "--diff", "-vvv")
    assert rehearsal.changed() > 0
    with replaced_without_a_failure(web[0]):
        deployed.documented(SITE_TLS)
    again = deployed.play("site.yml", "--tags=tls", "--diff", "-vvv")
    assert again.changed() == 0, again.changes()
    for host in web:
        assert presented(host.address) == der(certificate)
        assert secret in host.shell("cat /etc/nginx/tls/current/key.pem")
    assert not any(secret in log.read_text() for log in deployed.logs())
    change_vault_password(lab, deployed, key)
    assert deployed.documented(SITE_TLS).changed() == 0


def run_with_vault(deployed: Inventory, line: str, key: Path, new: Path | None = None) -> None:
    export = "export ANSIBLE_VAULT_PASSWORD_FILE=/path/of/the/vault-password"
    paths = {"/path/of/the/vault-password": str(deployed.vault_password)}
    with_password = document.command(export, paths)
    paths = {"/path/of/the/key.pem": str(key)}
    if new is not None:
        paths["/path/of/the/new-password"] = str(new)
    run("sh", "-c", f"{with_password}; {document.command(line, paths)}")


def change_vault_password(lab: Lab, deployed: Inventory, key: Path) -> None:
    new = lab.directory / "new-password"
    new.write_text("another password")
    line = "ansible-vault rekey --new-vault-password-file /path/of/the/new-password /path/of/the/key.pem"
    run_with_vault(deployed, line, key, new)
    new.rename(deployed.vault_password)


def take_another_key(directory: Path, certificate: Path, key: Path) -> None:
    make_pair(directory, "given", f"DNS:{NAME}")
    key.write_text(make_pair(directory, "other", f"DNS:{NAME}")[1].read_text())


def let_it_expire(directory: Path, certificate: Path, key: Path) -> None:
    make_pair(directory, "given", f"DNS:{NAME}")
    old = directory / "old.pem"
    run(
        "openssl",
        "x509",
        "-in",
        str(certificate),
        "-signkey",
        str(key),
        "-days",
        "0",
        "-out",
        str(old),
    )
    old.rename(certificate)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (take_another_key, "is not the key of"),
        (let_it_expire, "is no certificate, or has expired"),
    ],
)
def test_a_pair_that_nginx_could_not_use_is_refused(
    lab: Lab,
    deployed: Inventory,
    web: list[Host],
    given: tuple[Path, Path],
    spoil: Callable[[Path, Path, Path], None],
    reason: str,
) -> None:
    before = presented(web[0].address)
    spoil(lab.directory, *given)
    play = deployed.play("site.yml", "--tags=tls", check=False)
    assert play.status != 0
    assert play.says(reason)
    web[0].shell("nginx -t && systemctl restart nginx.service")
    assert presented(web[0].address) == before


@pytest.fixture(scope="module")
def acme(lab: Lab, deployed: Inventory, web: list[Host]) -> Iterator[Authority]:
    """An authority that the hosts know; webroot for the first one, whose address the name has, and
    DNS for the other."""
    with authority(lab, web[0].address) as running:
        for host in web:
            own = "usr/local/share/ca-certificates/acme.crt"
            (host.root / own).write_bytes(running.own_certificate.read_bytes())
            host.run("update-ca-certificates")
            credentials = host.root / "root/dns.ini"
            credentials.touch(mode=0o600)
            credentials.write_text(running.dns_credentials)
        yield running


CHALLENGES: dict[str, dict[str, Any]] = {
    "webroot": {},
    "dns": {
        "tls_certbot_dns_plugin": "rfc2136",
        "tls_certbot_dns_options": [
            "--dns-rfc2136-credentials=/root/dns.ini",
            "--dns-rfc2136-propagation-seconds=0",
        ],
    },
}


def by_certbot(acme: Authority, challenge: str) -> dict[str, Any]:
    return {
        "tls_source": "certbot",
        "tls_certbot_server": acme.acme_directory,
        "tls_certbot_challenge": challenge,
        **CHALLENGES[challenge],
    }


@pytest.mark.parametrize(("number", "challenge"), [(0, "webroot"), (1, "dns")])
def test_certbot_gets_a_certificate_and_renews_it(
    lab: Lab,
    deployed: Inventory,
    web: list[Host],
    acme: Authority,
    number: int,
    challenge: str,
) -> None:
    host, variables = web[number], by_certbot(acme, challenge)
    options = ("--tags=tls", f"--limit={host.name}")
    rehearsal = deployed.play("site.yml", *options, "--check", "--diff", **variables)
    assert rehearsal.changed() > 0
    with replaced_without_a_failure(host):
        deployed.play("site.yml", *options, **variables)
    assert is_trusted(host, acme.root)
    again = deployed.play("site.yml", *options, "--diff", **variables)
    assert again.changed() == 0, again.changes()
    assert host.shell("systemctl is-active certbot.timer") == "active\n"
    with replaced_without_a_failure(host):
        lab.log_in(
            host,
            document.command(
                "sudo certbot renew --cert-name bcryptd --force-renewal --no-random-sleep-on-renew"
            ),
        )
    assert is_trusted(host, acme.root)
    assert "VALID" in lab.log_in(host, document.command("sudo certbot certificates"))


def test_testssl_finds_nothing_below_an_a(
    lab: Lab, deployed: Inventory, web: list[Host], acme: Authority
) -> None:
    """With a certificate that has a chain."""
    variables = by_certbot(acme, "webroot")
    deployed.play("site.yml", "--tags=tls", "--limit=web1", **variables)
    assert is_trusted(web[0], acme.root)
    report = lab.directory / "testssl.json"
    command = ["testssl", "--quiet", "--color=0", f"--ip={web[0].address}", "--nodns=none"]
    command += [f"--add-ca={acme.root}", f"--jsonfile={report}", f"{NAME}:443"]
    output = run(*in_tools(lab, command, {}, lab.directory), check=False).stdout
    findings = {finding["id"]: finding for finding in json.loads(report.read_text())}
    assert findings["overall_grade"]["finding"] in ("A", "A+"), output
