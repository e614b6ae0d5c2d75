"""The monitoring as the playbooks deploy it: what it sees, and how soon it tells people what goes wrong."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lab.attack import reachable
from lab.client import service
from lab.host import Host
from lab.lab import Lab
from lab.playbook import Inventory
from monitoring.live import expressions, with_variables
from observe import runbooks
from observe.central import LOOK_S, Central
from observe.certificate import expired
from observe.client import Request, asking, getting, hashing, verifying
from observe.deployment import (
    SCRAPED,
    add_monitoring,
    boot,
    everything,
    wait_until_watched,
    watched_by,
)
from observe.raised import BY_FAULTS
from observe.receiver import Receiver
from observe.story import GRACE_S, Story
from observe.stranger import stranger
from support.marked import as_escapes, new_mark
from support.play import Play
from support.waiting import eventually

SERIES_PER_HOST = 800  # docs/observability.md
OVERLOAD = 2.5  # times what the host can do
CLIENTS = 80
# What a dashboard's expression may need and is here.
DEPLOYED = ("the role intrusion", "the roles firewall and intrusion")
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def hosts(lab: Lab) -> dict[str, Host]:
    """Two hosts of the service, one of each release of Debian, and one that watches them."""
    return boot(lab, web1="bookworm", web2="trixie", mon="bookworm")


@pytest.fixture(scope="module")
def web(hosts: dict[str, Host]) -> list[Host]:
    return [hosts["web1"], hosts["web2"]]


@pytest.fixture(scope="module")
def inventory(
    lab: Lab, hosts: dict[str, Host], web: list[Host], package: Path, receiver: Receiver
) -> Inventory:
    inventory = watched_by(hosts["mon"], lab, web, package)
    add_monitoring(inventory, lab, hosts["mon"], receiver)
    return inventory


@pytest.fixture(scope="module")
def rehearsal(inventory: Inventory) -> Play:
    """What the first run would do, asked on fresh hosts."""
    return inventory.play("site.yml", "--check", "--diff")


@pytest.fixture(scope="module")
def central(hosts: dict[str, Host], rehearsal: Play, inventory: Inventory) -> Central:
    """The hosts, configured."""
    inventory.play("site.yml")
    return Central(hosts["mon"])


@pytest.fixture(scope="module")
def watched(central: Central, web: list[Host]) -> Central:
    """Once all targets have answered."""
    wait_until_watched(central, web)
    return central


@pytest.fixture(scope="module")
def mark() -> str:
    """The password of all requests."""
    return new_mark()


def usual(host: Host, mark: str) -> list[Request]:
    """What honest clients ask, and some that are wrong; of little cost, so that what else these tests
    do with the CPUs lets none of it come too late."""
    known = service(host.address).post("/v1/hash", {"password": mark, "cost": 10}).json()["hash"]
    wrong: list[Request] = [hashing(mark, 99), ("GET", f"/nothing/{mark}", None)]
    return [hashing(mark, 10), verifying(mark, known), getting(mark), hashing(mark, 10), *wrong]


@pytest.fixture(scope="module")
def loaded(watched: Central, web: list[Host], mark: str) -> Iterator[Central]:
    """A small load on both hosts, from now on, that Prometheus has seen."""
    with ExitStack() as stack:
        for host in web:
            stack.enter_context(asking(host.address, usual(host, mark), rate=1.5, clients=4))
        seen = "count(instance:bcryptd_capacity:hashes_per_second) == 2"
        watched.wait_for("the hosts' capacity is known", seen)
        yield watched


def kill_worker(host: Host) -> None:
    """As the kernel does for memory; returns when another one is up."""
    asked = service(host.address)
    before = asked.worker_pids()
    host.run("kill", "-KILL", str(before[0]))

    def replaced() -> bool:
        now = asked.worker_pids()
        return len(now) == len(before) and before[0] not in now

    eventually("another worker", replaced)


def call_out(host: Host, other: Host) -> None:
    """As somebody would who has broken into nginx."""
    asked = ["runuser", "-u", "www-data", "--", "curl", "--silent", f"http://{other.address}/"]
    assert host.run(*asked, check=False).returncode == 7  # could not connect


def provoke_refusals(lab: Lab, host: Host, mark: str) -> None:
    """A client without privilege asks more than it may, until it is banned."""
    source = stranger(lab)
    with asking(host.address, [verifying(mark, "no hash")], 200, 8, source) as load:
        eventually("refused", lambda: load.outcomes["429"] > 100)


@pytest.fixture(scope="module")
def story(
    lab: Lab, loaded: Central, web: list[Host], receiver: Receiver, mark: str
) -> Iterator[Story]:
    """What goes wrong. Causes that do not disturb each other come at the same time."""
    rules = loaded.alerting_rules()
    told = Story(receiver, {x: float(rules[x]["annotations"]["promise"]) for x in BY_FAULTS})
    one, two = web
    capacity = loaded.value(f'instance:bcryptd_capacity:hashes_per_second{{instance="{one.name}"}}')
    with ExitStack() as overload:
        with expired(two, lab.directory):
            certificate = told.begin("CertificateExpired", instance=two.name)
            two.shell("systemctl stop mtail.service")
            target = told.begin("TargetDown", instance=two.name, job="mtail")
            outgoing = told.begin("OutgoingRefused", instance=one.name)
            call_out(one, two)
            told.end(outgoing)
            killed = told.begin("WorkerKilled", instance=one.name)
            kill_worker(one)
            burning = told.begin("AvailabilityBurnFast")
            refusing = told.begin("Overload", instance=one.name)
            overload.enter_context(
                asking(one.address, [hashing(mark, 12)], OVERLOAD * capacity, CLIENTS)
            )
            told.wait_raised(killed)
            told.end(killed)
            restarting = told.begin("WorkersRestarting", instance=one.name)
            for _ in range(3):
                kill_worker(one)
            told.wait_raised(restarting)
            told.end(restarting)
            # Not on the other host: without mtail there, nothing would count them.
            provoke_refusals(lab, one, mark)
            told.wait_raised(certificate, target, outgoing)
        two.shell("systemctl start mtail.service")
        told.end(certificate, target)
        told.wait_cleared(certificate, target)
        down = told.begin("HostDown", instance=two.name)
        two.power_cut()
        told.wait_raised(burning, refusing)
    told.end(burning, refusing)
    told.wait_raised(down)
    two.boot()
    told.end(down)
    yield told


def test_the_rehearsal_on_fresh_hosts_tells_what_would_change(
    rehearsal: Play, web: list[Host]
) -> None:
    for name, counts in rehearsal.hosts.items():
        assert counts["failed"] == counts["unreachable"] == 0, name
        assert counts["changed"] > 20, name


def test_every_target_is_up(watched: Central, web: list[Host]) -> None:
    targets = {(x["labels"]["job"], x["labels"]["instance"]) for x in watched.targets()}
    assert targets == everything(web)
    assert {x["labels"]["environment"] for x in watched.targets()} == {"staging"}


def test_the_state_of_units_is_told(watched: Central, web: list[Host]) -> None:
    """By names that the alerts ask for."""
    units = (
        'node_systemd_unit_state{name=~"bcryptd.service|prometheus.service",state="active"} == 1'
    )
    watched.wait_for("units are active", units)
    told = {(x["instance"], x["name"]) for x, _ in watched.query(units)}
    assert told == {
        *((host.name, "bcryptd.service") for host in web),
        ("mon", "prometheus.service"),
    }


def test_a_host_of_the_service_reaches_nothing_of_the_one_that_watches_it(
    watched: Central, web: list[Host]
) -> None:
    for host in web:
        assert reachable(watched.host, host) == []


@pytest.mark.parametrize("alert", BY_FAULTS)
def test_people_are_told_in_time(alert: str, story: Story, record_property: Record) -> None:
    assert story.told_in_time(alert, record_property)


def test_a_host_that_is_down_is_one_page(story: Story) -> None:
    down = story.cases["HostDown"]
    assert down.ended is not None
    pages = [
        notice
        for notice in story.receiver.notices
        if notice.status == "firing"
        and notice.labels["severity"] == "page"
        and notice.labels.get("instance") == down.labels["instance"]
    ]
    # An alert that is told already may be told again, with others of its group.
    before = {page.alert for page in pages if page.at < down.began}
    during = {page.alert for page in pages if down.began <= page.at <= down.ended}
    assert during - before == {"HostDown"}


def test_a_second_run_changes_nothing(story: Story, inventory: Inventory) -> None:
    again = inventory.play("site.yml", "--diff")
    assert again.changed() == 0, again.changes()


def test_the_commands_of_the_runbooks_work(
    watched: Central, lab: Lab, hosts: dict[str, Host]
) -> None:
    lines = runbooks.of_others()
    assert len(lines) > 40
    assert "\n".join(runbooks.failures(lab, [hosts["web1"], hosts["mon"]], lines)) == ""


def test_every_rule_is_evaluated(story: Story, watched: Central) -> None:
    def rules() -> list[tuple[str, dict[str, Any]]]:
        return [(x["name"], rule) for x in watched.rule_groups() for rule in x["rules"]]

    assert len(rules()) > 40
    # After a start or a reload, a group's rules are unknown for up to its interval.
    longest_s = max(float(group["interval"]) for group in watched.rule_groups())
    eventually(
        "each rule was evaluated",
        lambda: all(rule["health"] != "unknown" for _, rule in rules()),
        limit_s=longest_s + GRACE_S,
        pause_s=LOOK_S,
    )
    wrong = [
        f"{group}: {rule['name']}: {rule['health']} {rule.get('lastError', '')}"
        for group, rule in rules()
        if rule["health"] != "ok" or rule.get("lastError")
    ]
    assert wrong == []


def named(line: dict[str, Any]) -> str:
    return f"{line['dashboard']}: {line['panel']}: {line['ref']}"


@pytest.mark.parametrize("line", expressions(), ids=named)
def test_a_dashboard_shows_something(line: dict[str, Any], story: Story, watched: Central) -> None:
    series = watched.query(with_variables(line["expr"], window="10m"))
    if line["needs"] and line["needs"] not in DEPLOYED and not series:
        pytest.skip(f"has data only with {line['needs']}")
    assert any(math.isfinite(value) for _, value in series), line["expr"]


def test_a_host_has_few_series(
    story: Story, watched: Central, web: list[Host], record_property: Record
) -> None:
    for host in web:
        count = watched.value(f'count({{job=~"{"|".join(SCRAPED)}", instance="{host.name}"}})')
        record_property("measured", f"{host.name} ({host.release}) has {count:.0f} series")
        assert count <= SERIES_PER_HOST


def files_with(host: Host, mark: str, places: list[str]) -> str:
    """Those that have the mark as it is, or escaped."""
    there = [place for place in places if (host.root / place.lstrip("/")).exists()]
    patterns = ["-e", mark, "-e", as_escapes(mark).decode()]
    grep = ["grep", "-r", "--text", "--ignore-case", "--files-with-matches", *patterns, *there]
    return host.run(*grep, check=False).stdout


def test_no_metric_has_a_password(
    story: Story, watched: Central, web: list[Host], mark: str
) -> None:
    everything_named = watched.api("series", **{"match[]": '{__name__=~".+"}'})
    assert len(everything_named) > 500
    assert mark not in str(everything_named)
    kept = ["/var/lib/prometheus", "/etc/prometheus", "/var/log"]
    assert files_with(watched.host, mark, kept) == ""
    for host in web:
        assert files_with(host, mark, ["/var/lib/prometheus", "/var/log", "/run/log"]) == ""
        for port in (9180, 9100, 9113, 3903):
            shown = host.shell(f"curl --silent --show-error http://{host.address}:{port}/metrics")
            assert shown and mark not in shown


@pytest.mark.parametrize("alert", BY_FAULTS)
def test_people_are_told_that_it_is_over(alert: str, story: Story, record_property: Record) -> None:
    case = story.cases[alert]
    if case.cleared is None:
        story.wait_cleared(case)
    record_property("measured", f"{alert} cleared {case.cleared_s():.0f} s after its cause ended")


def test_a_retired_host_is_measured_no_more(
    story: Story, watched: Central, web: list[Host], inventory: Inventory
) -> None:
    """The last test: the other ones need the host."""
    kept, retired = web
    remove = (
        "ansible-playbook -i inventories/production playbooks/maintenance.yml"
        " --limit HOST -e state=retired"
    )
    inventory.documented(remove, {"HOST": retired.name})
    inventory.write_hosts([kept])
    inventory.documented(
        "ansible-playbook -i inventories/production playbooks/site.yml --limit monitoring,logging"
    )
    left = everything([kept])
    eventually("only what is left is measured", lambda: watched.up() == left, pause_s=LOOK_S)
    down = f'ALERTS{{alertname="HostDown", instance="{retired.name}"}}'
    eventually("it is not held to be down", lambda: not watched.query(down), pause_s=LOOK_S)
