"""Each attack of docs/networking.md on a host that is watched: what the document says that it is seen by sees it, and
people are told in the time that its alert promises. No limit is taken away, and who goes above it is banned."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from absorb.making import number
from lab.attack import wait_for_ban
from lab.client import service
from lab.command import CommandError, run
from lab.host import Host
from lab.lab import Lab
from lab.playbook import NAME, Inventory, settings
from monitoring.rules import networking_alerts, networking_expressions
from observe.attacker import Attacker
from observe.attacks import ATTACKS, FIRST_ATTACKS, Attacks, Scene, Sight, ask_too_much, log_in
from observe.central import LOOK_S, Central
from observe.certificate import expiring
from observe.client import Request, asking, hashing, verifying
from observe.deployment import add_monitoring, boot, wait_until_watched, watched_by
from observe.disk import fill, loop_device, own_disk
from observe.history import write_history
from observe.logs_hosts import LOG, PORT
from observe.raised import BY_ATTACKS, BY_FAULTS
from observe.receiver import Receiver
from observe.stand_in import stand_in
from observe.story import Story
from observe.stranger import strangers
from support.marked import SLOW_COST, new_mark
from support.waiting import eventually

# Seen by these all the time that the floods of the story go on; the others have an attack of their own.
BY_FLOODS = (
    Sight("sum by (jail) (bcryptd_bans)", 0.9),
    Sight('sum by (instance, code) (rate(bcryptd_nginx_requests_total{code!="200"}[5m]))', 2.0),
    Sight("fleet:bcryptd_hash_requests:rate2m", 3.0),
    Sight(f'sum by (instance) (rate(bcryptd_hashes_total{{cost="{SLOW_COST}"}}[5m]))', 0.05),
)
# The kernel's, of all hosts of this machine: there is no calm one to compare it with.
PRESSURE = "instance:node_pressure_cpu_waiting:ratio_rate2m"
HONEST = 1.5  # requests a second
CHECKERS = 3  # addresses that have passwords checked
CHECKS, WRONG = 6, 10  # requests a second of an address
LOG_DIRECTORY = "/var/log/nginx"
FILLING, SPARE = 0.1, 2_000_000  # from this share of a disk on people are told; bytes above it
USUAL_CHECKS = 0.3  # a second, in the hours before
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> dict[str, Host]:
    return boot(lab, web="trixie", mon="bookworm", bad="bookworm")


@pytest.fixture(scope="module")
def disk(lab: Lab, hosts: dict[str, Host]) -> Iterator[str | None]:
    """nginx's log is on a disk that is nearly full; or why there is none."""
    try:
        device = loop_device(lab.directory)
    except CommandError as error:
        yield str(error)
        return
    with own_disk(hosts["web"], device, LOG_DIRECTORY):
        fill(hosts["web"], LOG_DIRECTORY, FILLING, SPARE)
        yield None


@pytest.fixture(scope="module")
def inventory(
    lab: Lab, hosts: dict[str, Host], package: Path, receiver: Receiver, disk: str | None
) -> Inventory:
    """One small host of the service, whose logs go to the one that watches it."""
    inventory = watched_by(
        hosts["mon"],
        lab,
        [hosts["web"]],
        package,
        bcryptd_settings=settings(workers=1),
        firewall_ssh_sources=[str(lab.network)],
    )
    ports = {"firewall_internal_ports": [9100, PORT]}
    add_monitoring(
        inventory,
        lab,
        hosts["mon"],
        receiver,
        firewall_internal_sources=[str(lab.network)],
        **ports,
    )
    inventory.add_group("logging", [hosts["mon"]])
    return inventory


@pytest.fixture(scope="module")
def watched(hosts: dict[str, Host], inventory: Inventory) -> Central:
    """Once all targets have answered. What is usual is known."""
    inventory.play("site.yml")
    central = Central(hosts["mon"])
    write_history(central, 'fleet:bcryptd_verify:rate5m{environment="staging"}', USUAL_CHECKS, 3)
    wait_until_watched(central, [hosts["web"]])
    return central


@pytest.fixture(scope="module")
def scene(lab: Lab, hosts: dict[str, Host]) -> Scene:
    return Scene(lab, hosts["web"], Attacker(lab, hosts["bad"]))


def total(central: Central, expression: str) -> float:
    """0 when there is no series."""
    return sum(value for _, value in central.query(expression))


def peak(central: Central, expression: str) -> float:
    """The highest total of the last minute."""
    return total(central, f"max_over_time(sum({expression})[1m:5s])")


@pytest.fixture(scope="module")
def calm(watched: Central, scene: Scene) -> Iterator[dict[str, float]]:
    """The highest that is seen while only honest clients ask, which they do from now on."""
    with asking(scene.web.address, [hashing(new_mark(), 10)], rate=HONEST, clients=4):
        watched.wait_for(
            "the hosts' capacity is known", "instance:bcryptd_capacity:hashes_per_second > 0"
        )
        yield {sight.expression: peak(watched, sight.expression) for sight in BY_FLOODS}


def wrong(known: str) -> list[Request]:
    """One that nginx refuses, and one that bcryptd does where nginx lets it come so far."""
    return [hashing("a" * 5000, 10), verifying("a", known.replace(f"${SLOW_COST}$", "$31$"))]


@pytest.fixture(scope="module")
def story(
    lab: Lab,
    calm: dict[str, float],
    watched: Central,
    scene: Scene,
    receiver: Receiver,
    disk: str | None,
) -> Iterator[Story]:
    """The attacks that alerts are about. They all go on until the last test."""
    rules = watched.alerting_rules()
    told = Story(receiver, {x: float(rules[x]["annotations"]["promise"]) for x in BY_ATTACKS})
    web, asked = scene.web, service(scene.web.address)
    known = asked.post("/v1/hash", {"password": "a", "cost": SLOW_COST}).json()["hash"]
    at_a_time = number(web, r"limit_conn client_connections (\d+)")
    own = iter(strangers(lab, CHECKERS + 2))
    assert not watched.query('ALERTS{alertname="DiskFilling"}')
    with ExitStack() as attacks:
        told.begin("DiskFilling", instance=web.name)
        told.begin("RateLimitSurge")
        with ask_too_much(scene):
            wait_for_ban(web, scene.bad.address)
        told.begin("ClientErrorSurge")
        for request in wrong(known):
            attacks.enter_context(asking(web.address, [request], WRONG, at_a_time, next(own)))
        for alert in ("CredentialStuffing", "FleetAtMaximum", "LatencyBurnFast"):
            told.begin(alert)
        for source in own:
            checks = [verifying("b", known)]
            attacks.enter_context(asking(web.address, checks, CHECKS, at_a_time, source))
        told.begin("LogShippingBehind", instance=web.name)
        attacks.enter_context(stand_in(lab, watched.host))
        told.begin("CertificateExpiring", instance=web.name)
        attacks.enter_context(expiring(web, lab.directory))
        yield told


def test_what_the_document_says_has_an_attack() -> None:
    attacks = [*FIRST_ATTACKS.values(), *ATTACKS.values()]
    attacked = {sight.expression for _, sights in attacks for sight in sights}
    by_floods = {sight.expression for sight in BY_FLOODS}
    assert {x for _, x in networking_expressions()} == attacked | by_floods | {PRESSURE}
    assert networking_alerts() <= {*BY_ATTACKS, *BY_FAULTS}


def wait_for_rise(central: Central, sight: Sight, before: float) -> None:
    least = before + sight.rise
    eventually(
        f"{sight.expression} > {least:g}",
        lambda: total(central, sight.expression) > least,
        pause_s=LOOK_S,
    )


def attack(name: str, attacks: Attacks, central: Central, scene: Scene) -> None:
    """Until each sight of it has risen."""
    begin, sights = attacks[name]
    before = [peak(central, sight.expression) for sight in sights]
    with begin(scene):
        for sight, highest in zip(sights, before):
            wait_for_rise(central, sight, highest)


@pytest.mark.parametrize("name", FIRST_ATTACKS)
def test_an_attack_is_seen_while_all_is_calm(
    name: str, calm: dict[str, float], watched: Central, scene: Scene
) -> None:
    attack(name, FIRST_ATTACKS, watched, scene)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_seen(name: str, story: Story, watched: Central, scene: Scene) -> None:
    attack(name, ATTACKS, watched, scene)


@pytest.mark.parametrize("sight", BY_FLOODS, ids=[x.expression for x in BY_FLOODS])
def test_the_floods_are_seen(
    sight: Sight, calm: dict[str, float], story: Story, watched: Central
) -> None:
    wait_for_rise(watched, sight, calm[sight.expression])


def test_that_the_cpus_are_busy_is_seen(story: Story, watched: Central) -> None:
    assert total(watched, PRESSURE) > 0


def test_a_login_that_fails_is_in_the_journal(story: Story, lab: Lab, scene: Scene) -> None:
    log_in(scene)
    told = "sudo journalctl -t sshd -t sshd-session"
    eventually("logged", lambda: scene.bad.address in lab.log_in(scene.web, told), pause_s=LOOK_S)


def test_the_log_tells_the_version_of_tls(story: Story, scene: Scene) -> None:
    ask = ["curl", "--silent", "--insecure", "--tls-max", "1.2", "--output", "/dev/null"]
    url = f"https://{NAME}/gethash/%00"  # refused before a hash
    run(*ask, "--resolve", f"{NAME}:443:{scene.web.address}", url)
    eventually(
        "logged",
        lambda: '"tls.protocol.version":"1.2"' in scene.web.shell(f"tail -n 2000 {LOG}"),
        pause_s=LOOK_S,
    )


def test_who_stands_in_for_the_log_host_is_told_nothing(story: Story, lab: Lab) -> None:
    log = lab.directory / "stand_in.log"
    eventually("its certificate is refused", lambda: "unknown ca" in log.read_text())
    assert "http.request" not in log.read_text()


@pytest.mark.parametrize("alert", BY_ATTACKS)
def test_people_are_told_in_time(
    alert: str, story: Story, disk: str | None, record_property: Record
) -> None:
    if alert == "DiskFilling" and disk is not None:
        pytest.skip(f"no disk of its own for a host here: {disk}")
    assert story.told_in_time(alert, record_property)
