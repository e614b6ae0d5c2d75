"""The agents, as ansible/playbooks/consul.yml brings them up."""

import re

import pytest

from lab.host import Host
from lab.playbook import Inventory
from nomad.consul.agents import API, LOOK_S, MAINTENANCE, NAME, Catalogue, resolve
from nomad.consul.conftest import RUN, execute
from support.play import Play
from support.waiting import eventually

GOSSIP, RPC = 8301, 8300


def listens(host: Host) -> set[tuple[str, int]]:
    """Where an agent does: addresses and ports, of TCP and UDP."""
    lines = host.shell("ss -Hltnup | grep '\"consul\"'").splitlines()
    pairs = [line.split()[4].rpartition(":") for line in lines]
    return {(address, int(port)) for address, _, port in pairs}


def connects(host: Host, address: str, port: int) -> bool:
    """Whether a host can."""
    command = f"timeout 5 bash -c '</dev/tcp/{address}/{port}'"
    return host.run("sh", "-c", command, check=False).returncode == 0


def put(host: Host, path: str, body: str = "") -> str:
    """Status of a change, asked for by a process of the host that has no token."""
    command = "curl --silent --output /dev/null --write-out '%{http_code}' --request PUT"
    return host.shell(f"{command} --data '{body}' '{API}{path}'")


def test_a_rehearsal_has_no_effect(rehearsal: Play, hosts: list[Host]) -> None:
    assert set(rehearsal.hosts) == {host.name for host in hosts}
    assert rehearsal.changed() > 0


def test_agents_without_tokens_make_nothing_known(agents: Catalogue, web: list[Host]) -> None:
    refused = "journalctl -u consul.service | grep -c 'registration blocked by ACLs'"
    for host in web:
        eventually("refused", lambda: int(host.shell(refused, check=False)) > 1, pause_s=LOOK_S)
        assert resolve(host) == set()
        # It can be drained.
        assert host.run("sh", "-s", "out", stdin=MAINTENANCE).stdout == ""
    assert agents.services() == {"consul"}


def test_both_hosts_are_known(catalogue: Catalogue, web: list[Host], hosts: list[Host]) -> None:
    addresses = {host.address for host in web}
    for name, port in (("bcryptd", 443), ("bcryptd-metrics", 9180)):
        expected = {(address, port) for address in addresses}
        eventually(
            f"{name} is ready", lambda: catalogue.instances(name) == expected, pause_s=LOOK_S
        )
    assert catalogue.nodes() == {host.name for host in hosts}
    for host in hosts:
        assert resolve(host) == addresses
    assert resolve(web[0], f"staging.{NAME}") == addresses, "by the tag"


def test_a_third_run_changes_nothing(catalogue: Catalogue, inventory: Inventory) -> None:
    play = execute(inventory, RUN)
    assert play.changed() == 0, play.changes()


def test_a_run_without_the_tokens_takes_none_away(
    catalogue: Catalogue, inventory: Inventory, web: list[Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AGENT", "DEFAULT", "SERVICE"):
        monkeypatch.delenv(f"CONSUL_{name}_TOKEN")
    play = inventory.play("consul.yml", "--tags=consul", check=False)
    assert play.status != 0
    assert play.says("has tokens of Consul, and this run brings none")
    assert resolve(web[0]) == {host.address for host in web}


def test_api_and_dns_are_on_the_loopback(catalogue: Catalogue, hosts: list[Host]) -> None:
    own = {("127.0.0.1", 8500), ("127.0.0.1", 8600)}
    for host in hosts:
        ports = {GOSSIP, RPC} if host.name == "server" else {GOSSIP}
        assert own <= listens(host)
        assert {port for _, port in listens(host) - own} == ports


def test_only_the_cluster_reaches_its_agents(
    catalogue: Catalogue, server: Host, web: list[Host], hosts: list[Host]
) -> None:
    assert not any(host.answers(port) for host in hosts for port in (RPC, GOSSIP))
    assert connects(web[0], server.address, RPC)
    assert connects(web[0], web[1].address, GOSSIP)


def test_an_agent_has_no_rights(catalogue: Catalogue, hosts: list[Host]) -> None:
    for host in hosts:
        pid = host.shell("systemctl show --property=MainPID --value consul.service").strip()
        lines = host.shell(f"cat /proc/{pid}/status").splitlines()
        values = dict(line.split(":", 1) for line in lines)
        assert int(values["CapEff"], 16) == 0
        assert 0 not in {int(x) for x in values["Uid"].split()}


def test_a_process_of_a_host_may_look_up_and_no_more(catalogue: Catalogue, web: list[Host]) -> None:
    maintenance = "/v1/agent/service/maintenance/bcryptd?enable=true"
    assert put(web[0], maintenance) == "403"
    assert put(web[0], "/v1/agent/service/deregister/bcryptd") == "403"
    assert put(web[0], "/v1/agent/service/register", '{"Name": "bcryptd", "ID": "x"}') == "403"
    assert resolve(web[0]) == {host.address for host in web}


def test_no_output_of_ansible_has_a_secret(
    catalogue: Catalogue, inventory: Inventory, server: Host
) -> None:
    secrets = set(re.findall(r'= "(\S+)"$', server.shell("cat /etc/consul.d/secret.hcl"), re.M))
    assert len(secrets) == 3
    for log in inventory.logs():
        assert not any(secret in log.read_text() for secret in secrets)
