"""One lab for all tests: two hosts of the service, a balancer before them, and two clients."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab import document
from lab.attack import having
from lab.command import run
from lab.host import Host
from lab.lab import Lab, lab_or_skip
from lab.playbook import ANSIBLE, PATIENT, Inventory, settings, staging
from support.daemon import ROOT
from support.play import Play
from support.waiting import eventually


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with lab_or_skip() as opened:
        yield opened


@pytest.fixture(scope="session")
def package() -> Path:
    """The package, as the document says to build it."""
    output = run("sh", "-c", document.command("../script/package"), cwd=ANSIBLE).stdout
    return ROOT / output.splitlines()[-1]


@pytest.fixture(scope="session")
def web(lab: Lab) -> list[Host]:
    """Two hosts for the service, one of each release of Debian, as Debian delivers them."""
    hosts = [lab.add("web1", "bookworm"), lab.add("web2", "trixie")]
    for host in hosts:
        host.wait_booted()
    return hosts


@pytest.fixture(scope="session")
def inventory(lab: Lab, web: list[Host], package: Path) -> Inventory:
    balancer = str(lab.network[200])
    return staging(
        lab,
        web,
        package,
        [balancer],
        bcryptd_settings=settings(**PATIENT),
        maintenance_drain_seconds=3,
        maintenance_undrain_seconds=3,
    )


@pytest.fixture(scope="session")
def rehearsal(inventory: Inventory, web: list[Host]) -> Play:
    """What the first run would do, asked on fresh hosts."""
    play = inventory.documented(
        "ansible-playbook -i inventories/staging playbooks/site.yml --check --diff"
    )
    for host in web:
        assert not (host.root / "etc/nginx").exists()
        assert not (host.root / "usr/sbin/bcryptd").exists()
    return play


@pytest.fixture(scope="session")
def deployed(rehearsal: Play, inventory: Inventory) -> Inventory:
    """The hosts, configured; tests leave them so."""
    inventory.documented("ansible-playbook -i inventories/staging playbooks/site.yml")
    return inventory


@pytest.fixture(scope="session")
def strangers(lab: Lab, deployed: Inventory) -> list[Host]:
    """Two that nobody knows: one that attacks, and one that is honest."""
    return lab.boot("bad", "good")


@pytest.fixture(scope="module")
def ipv6(web: list[Host], strangers: list[Host]) -> Iterator[dict[str, str]]:
    """The address of each host, by its name, in one network. Their network files give them none."""
    hosts = [*web, *strangers]
    addresses = {host.name: f"fd6c:6162::{number}" for number, host in enumerate(hosts, 1)}
    with ExitStack() as given:
        for host in hosts:
            given.enter_context(having(host, [f"{addresses[host.name]}/48"]))
        yield addresses


@pytest.fixture
def forgiven(web: list[Host]) -> Iterator[None]:
    """fail2ban knows nothing of what was before, and forgets what comes."""
    forget = (
        "systemctl stop fail2ban.service; : >/var/log/nginx/bcryptd.log"
        "; rm -f /var/lib/fail2ban/fail2ban.sqlite3; systemctl start fail2ban.service"
    )

    def forget_everything() -> None:
        for host in web:
            host.shell(forget)
            eventually("fail2ban", lambda: host.shell("fail2ban-client ping", check=False))

    forget_everything()
    yield
    forget_everything()


@pytest.fixture
def without_bans(forgiven: None, web: list[Host]) -> Iterator[None]:
    web[0].shell("systemctl stop fail2ban.service")
    yield
    web[0].shell("systemctl start fail2ban.service")
