"""The service in Consul's DNS, while its hosts come and go. The last test takes a host away."""

from pathlib import Path
from time import monotonic

from lab.host import Host
from lab.lab import Lab
from lab.playbook import Inventory
from lab.test_rollout import DRAIN, ROLLOUT, UNDRAIN, repack, version
from nomad.consul.agents import LOOK_S, MAINTENANCE, Catalogue, answers, clients, resolve
from nomad.consul.conftest import RUN, execute
from support.waiting import eventually

RETIRE = (
    "ansible-playbook -i inventories/production playbooks/maintenance.yml"
    " --limit HOST -e state=retired"
)
UNITS = "bcryptd.socket bcryptd.service"
START = "systemctl show --property=ExecMainStartTimestampMonotonic --value consul.service"


def wait_for(at: Host, *hosts: Host) -> float:
    """Until DNS has these hosts, and no others. Gives the seconds that it took."""
    begun = monotonic()
    expected = {host.address for host in hosts}
    names = ", ".join(host.name for host in hosts)
    eventually(f"DNS has {names}", lambda: resolve(at) == expected, pause_s=LOOK_S)
    return monotonic() - begun


def test_a_drained_host_is_in_maintenance(
    catalogue: Catalogue, inventory: Inventory, server: Host, web: list[Host]
) -> None:
    wait_for(server, *web)
    with clients(server) as load:
        eventually("load", lambda: load.count() > 10)
        inventory.documented(DRAIN, {"HOST": "web1"})
        assert resolve(server) == {web[1].address}
        checks = catalogue.checks("bcryptd", "web1")
        assert checks["Service Maintenance Mode"] == ("critical", "drained by Ansible")
        assert checks["ready"][0] == "critical"
        before = load.count()
        eventually("the other one serves", lambda: load.count() > before + 10)
        inventory.documented(UNDRAIN, {"HOST": "web1"})
        wait_for(server, *web)
    assert set(catalogue.checks("bcryptd", "web1")) == {"ready"}
    assert load.failed == []
    print(f"{load.count()} requests")


def test_a_host_that_is_not_ready_is_left_out(
    catalogue: Catalogue, server: Host, web: list[Host]
) -> None:
    wait_for(server, *web)
    web[0].shell(f"systemctl stop {UNITS}")
    gone = wait_for(server, web[1])
    web[0].shell(f"systemctl start {UNITS}")
    print(f"gone {gone:.1f} s after its stop, back {wait_for(server, *web):.1f} s after its start")


def test_a_service_that_was_forgotten_comes_back(
    catalogue: Catalogue, server: Host, web: list[Host]
) -> None:
    """As by state=in_service."""
    wait_for(server, *web)
    web[0].shell("consul services deregister -token-file=/etc/consul.d/tokens/service -id=bcryptd")
    wait_for(server, web[1])
    assert web[0].run("sh", "-s", "in", stdin=MAINTENANCE).stdout == "changed\n"
    wait_for(server, *web)


def test_new_settings_cost_no_absence(
    catalogue: Catalogue, inventory: Inventory, server: Host, web: list[Host]
) -> None:
    """Clients' agents listen elsewhere, for which they are restarted."""
    wait_for(server, *web)
    starts = [host.shell(START) for host in web]
    settings = {"consul_bind_address": "{{ consul_address }}"}
    inventory.write("group_vars/consul_clients/3.yml", settings)
    with answers(server) as seen:
        eventually("answers", lambda: len(seen) > 10)
        execute(inventory, RUN, "--tags=consul", "--limit=consul_clients")
        # An agent that had taken the service out would have said so by now.
        before = len(seen)
        eventually("more answers", lambda: len(seen) > before + 20)
    assert all(host.shell(START) != start for host, start in zip(web, starts))
    addresses = {host.address for host in web}
    assert [x for x in seen if x != addresses] == []


def test_a_rollout_fails_no_request_of_who_asks_dns(
    lab: Lab,
    catalogue: Catalogue,
    inventory: Inventory,
    server: Host,
    web: list[Host],
    package: Path,
) -> None:
    new = repack(lab, package, "0.1.0-2")
    wait_for(server, *web)
    with clients(server) as load, answers(server) as seen:
        eventually("load", lambda: load.count() > 10)
        inventory.documented(ROLLOUT, {"/path/of/the.deb": str(new)})
        wait_for(server, *web)
    assert [version(host) for host in web] == ["0.1.0-2", "0.1.0-2"]
    assert load.failed == []
    print(f"{load.count()} requests")
    # One after the other, and never none.
    assert {frozenset(x) for x in seen} == {
        frozenset({host.address for host in some}) for some in (web, web[:1], web[1:])
    }


def test_a_host_without_power_is_left_out(
    catalogue: Catalogue, server: Host, web: list[Host]
) -> None:
    wait_for(server, *web)
    web[0].power_cut()
    gone = wait_for(server, web[1])
    web[0].boot()
    print(f"gone {gone:.1f} s after the cut, back {wait_for(server, *web):.1f} s after its boot")


def test_a_retired_host_leaves(
    catalogue: Catalogue, inventory: Inventory, server: Host, web: list[Host]
) -> None:
    wait_for(server, *web)
    inventory.documented(RETIRE, {"HOST": "web2"})
    assert catalogue.nodes() == {"server", "web1"}
    assert resolve(server) == {web[0].address}
    enabled = web[1].run("systemctl", "is-enabled", "consul.service", check=False)
    assert enabled.stdout.strip() == "disabled"
    for path in ("etc/consul.d", "var/lib/consul", "etc/bcryptd-tls"):
        assert not (web[1].root / path).exists()
