"""rollout.yml and maintenance.yml, with two hosts behind a load balancer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.balancer import balancer
from lab.client import clients, refusals, serves
from lab.command import run
from lab.host import Host
from lab.lab import Lab
from lab.playbook import ANSIBLE, Inventory
from support.waiting import eventually

ROLLOUT = (
    "ansible-playbook -i inventories/production playbooks/rollout.yml"
    " -e bcryptd_package=/path/of/the.deb"
)
DRAIN = (
    "ansible-playbook -i inventories/production playbooks/maintenance.yml"
    " --limit HOST -e state=drained"
)
UNDRAIN = (
    "ansible-playbook -i inventories/production playbooks/maintenance.yml"
    " --limit HOST -e state=in_service"
)
FILTER = "/etc/fail2ban/filter.d/bcryptd-refused.conf"
# Takes the place of the program in a package that cannot start.
BROKEN = "#!/bin/sh\necho 'this release is broken' >&2\nexit 1\n"


def repack(lab: Lab, package: Path, version: str, program: str | None = None) -> Path:
    """The same package as another version, with another program perhaps."""
    tree = lab.directory / f"package-{version}"
    run("dpkg-deb", "--raw-extract", str(package), str(tree))
    control = tree / "DEBIAN/control"
    lines = control.read_text().splitlines()
    kept = [f"Version: {version}" if x.startswith("Version:") else x for x in lines]
    control.write_text("\n".join(kept) + "\n")
    if program is not None:
        (tree / "usr/sbin/bcryptd").write_text(program)
    target = lab.directory / f"bcryptd_{version}_amd64.deb"
    run("dpkg-deb", "--build", "--root-owner-group", str(tree), str(target))
    return target


def version(host: Host) -> str:
    return host.shell("dpkg-query --show --showformat='${Version}' bcryptd")


@pytest.fixture(scope="module")
def front(lab: Lab, deployed: Inventory, web: list[Host]) -> Iterator[str]:
    host = lab.add("lb", number=200)
    host.wait_booted()
    with balancer(lab, host, web) as address:
        yield address
    deployed.play("site.yml", "--tags=bcryptd,nginx")


def test_a_rollout_and_its_way_back_fail_no_request(
    lab: Lab, deployed: Inventory, web: list[Host], package: Path, front: str
) -> None:
    new = repack(lab, package, "0.1.0-2")
    deployed.play("rollout.yml", "--check", "--diff", bcryptd_package=str(new))
    assert [version(host) for host in web] == ["0.1.0-1", "0.1.0-1"]
    assert not (web[0].root / "var/lib/bcryptd-rollout").exists()
    with clients(front, 6) as load:
        eventually("load", lambda: load.count() > 20)
        for number, path in (("0.1.0-2", new), ("0.1.0-1", package)):
            deployed.documented(ROLLOUT, {"/path/of/the.deb": str(path)})
            assert [version(host) for host in web] == [number, number]
            # Without a rollout, no other version comes: "new" and "package" are both there.
            deployed.play("site.yml", "--tags=bcryptd", bcryptd_package=str(package))
            assert [version(host) for host in web] == [number, number]
    assert load.failed == [], refusals(web)
    assert load.outcomes["200"] > 200


@pytest.mark.parametrize(
    ("number", "program", "reason"),
    [("0.1.0-3", BROKEN, "bcryptd.service does not run"), ("0.2.0-1", None, "version 0.1.0 runs")],
)
def test_a_package_that_fails_its_gate_stops_at_the_first_host(
    lab: Lab,
    deployed: Inventory,
    web: list[Host],
    package: Path,
    front: str,
    number: str,
    program: str | None,
    reason: str,
) -> None:
    before = [version(host) for host in web]
    started = web[1].shell("systemctl show --property=ExecMainStartTimestamp bcryptd.service")
    bad = repack(lab, package, number, program)
    # As the version before may have written it, for another format of nginx's log.
    web[0].shell(f"echo '# before' >>{FILTER}")
    with clients(front, 6) as load:
        eventually("load", lambda: load.count() > 20)
        play = deployed.play(
            "rollout.yml", check=False, bcryptd_package=str(bad), maintenance_health_seconds=5
        )
    assert play.status != 0
    assert play.says("it has the version before back")
    assert play.says(reason)
    assert [version(host) for host in web] == before
    assert "# before" in web[0].shell(f"cat {FILTER}; sed -i '/^# before$/d' {FILTER}")
    # The second host was not touched.
    assert "web2" not in play.hosts
    assert started == web[1].shell(
        "systemctl show --property=ExecMainStartTimestamp bcryptd.service"
    )
    assert load.failed == [], refusals(web)


def test_a_rollout_after_one_that_was_cut_off_knows_the_way_back(
    lab: Lab, deployed: Inventory, web: list[Host], package: Path, front: str
) -> None:
    """The first host has a version that has never passed the gate."""
    before = version(web[0])
    unproven = repack(lab, package, "0.1.0-4")
    (web[0].root / "root" / unproven.name).write_bytes(unproven.read_bytes())
    save = (ANSIBLE / "roles/rollout/files/save").read_text()
    assert web[0].run("sh", "-s", stdin=save).stdout.startswith(before)
    web[0].shell(f"apt-get -qq install /root/{unproven.name}")
    bad = repack(lab, package, "0.1.0-5", BROKEN)
    play = deployed.play(
        "rollout.yml", check=False, bcryptd_package=str(bad), maintenance_health_seconds=5
    )
    assert play.status != 0
    assert version(web[0]) == before
    assert not (web[0].root / "var/lib/bcryptd-rollout").exists()


def test_another_package_of_the_same_version_is_refused(
    lab: Lab, deployed: Inventory, web: list[Host], package: Path, front: str
) -> None:
    other = repack(lab, package, version(web[0]), "#!/bin/sh\n")
    play = deployed.play("rollout.yml", check=False, bcryptd_package=str(other))
    assert play.status != 0
    assert play.says("needs a version of its own")
    assert serves(front)


def test_maintenance_takes_a_host_out_and_back_and_fails_no_request(
    deployed: Inventory, web: list[Host], front: str
) -> None:
    host = web[0]
    with clients(front, 6) as load:
        eventually("load", lambda: load.count() > 20)
        deployed.documented(DRAIN, {"HOST": "web1"})
        assert host.shell("ss -Htn state established '( sport = :443 )'") == ""
        host.reboot()
        assert host.shell("ls /etc/nginx/drain") != "", "a reboot does not undrain"
        deployed.documented(UNDRAIN, {"HOST": "web1"})
        log = "wc -l </var/log/nginx/bcryptd.log"
        before = int(host.shell(log))
        eventually("requests come again", lambda: int(host.shell(log)) > before + 5)
    assert load.failed == [], refusals(web)


def test_not_all_hosts_can_be_drained_at_once(deployed: Inventory) -> None:
    play = deployed.play("maintenance.yml", check=False, state="drained")
    assert play.status != 0
    assert play.says("--limit chooses")
