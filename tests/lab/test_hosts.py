"""Adding a host, by a current Ansible, and removing it; changing a setting; reading the logs."""

from collections.abc import Iterator

import pytest

from lab import document
from lab.client import clients, serves, service
from lab.command import run
from lab.host import Host
from lab.lab import Lab
from lab.playbook import PATIENT, Inventory, settings
from lab.tools import in_tools
from support.waiting import eventually

REFUSED = '{"http.response.status_code":429,"client.address":"192.0.2.99"}'


@pytest.fixture
def added(lab: Lab, deployed: Inventory, web: list[Host]) -> Iterator[Host]:
    """A third host, in the inventory."""
    host = lab.boot("web3", release="trixie")[0]
    deployed.write_hosts([*web, host])
    yield host
    deployed.write_hosts(web)


def test_a_host_is_added_by_a_current_ansible_and_retired(
    lab: Lab, deployed: Inventory, web: list[Host], added: Host
) -> None:
    version = run(*in_tools(lab, ["ansible", "--version"], {}, lab.directory)).stdout
    assert version.startswith("ansible [core 2.19"), version
    add = (
        "ansible-playbook -i inventories/production playbooks/site.yml"
        " --limit HOST,monitoring,logging"
    )
    deployed.documented(add, {"HOST": "web3"}, current=True)
    assert serves(added.address)
    for current in (True, False):
        again = deployed.documented(add, {"HOST": "web3"}, current=current)
        assert again.changed() == 0, again.changes()
    remove = (
        "ansible-playbook -i inventories/production playbooks/maintenance.yml"
        " --limit HOST -e state=retired"
    )
    for expected in (True, False):
        assert (deployed.documented(remove, {"HOST": "web3"}).changed() > 0) is expected
    assert not added.answers(443) and not added.answers(80)
    assert added.answers(22)
    assert added.shell("ls /etc/nginx/tls /etc/letsencrypt 2>/dev/null", check=False) == ""
    added.reboot()
    assert not added.answers(443)
    assert serves(web[0].address)


@pytest.fixture
def another_cost(deployed: Inventory) -> Iterator[None]:
    """In the inventory."""
    deployed.write("group_vars/bcryptd/3.yml", {"bcryptd_settings": settings(cost=11, **PATIENT)})
    yield
    (deployed.directory / "group_vars/bcryptd/3.yml").unlink()
    deployed.play("site.yml", "--tags=bcryptd,nginx")


def test_another_cost_comes_without_a_failed_request(
    deployed: Inventory, web: list[Host], another_cost: None
) -> None:
    told = deployed.documented(
        "ansible-playbook -i inventories/production playbooks/site.yml --check --diff"
    )
    assert told.says("+BCRYPTD_COST=11")
    old = service(web[0].address).post("/v1/hash", {"password": "hunter2"}).json()
    with clients(web[0].address) as load:
        eventually("load", lambda: load.count() > 20)
        deployed.documented("ansible-playbook -i inventories/production playbooks/site.yml")
    assert load.failed == []
    for host in web:
        new = service(host.address).post("/v1/hash", {"password": "hunter2"}).json()
        assert (old["cost"], new["cost"]) == (12, 11)


def test_the_logs_are_read_as_documented(lab: Lab, deployed: Inventory, web: list[Host]) -> None:
    host = web[0]

    def read(line: str) -> str:
        return lab.log_in(host, document.command(line))

    ended = "sudo journalctl -u bcryptd.service BCRYPTD_EVENT=child_exit"
    before = len(read(ended).splitlines())
    host.run("kill", "-KILL", str(service(host.address).worker_pids()[0]))
    assert service(host.address).get("/nothing").status == 404
    eventually("noticed", lambda: len(read(ended).splitlines()) == before + 1)
    assert "ready" in read("sudo journalctl -u bcryptd.service --since today")
    assert "nginx" in read("sudo journalctl -u nginx.service --since today")
    assert '"http.response.status_code":404' in read("sudo tail -n 20 /var/log/nginx/bcryptd.log")
    top = (
        "sudo grep '\"http.response.status_code\":429' /var/log/nginx/bcryptd.log"
        ' | grep -o \'"client.address":"[^"]*"\' | sort | uniq -c | sort -rn | head'
    )
    host.shell(f"echo '{REFUSED}' >>/var/log/nginx/bcryptd.log")
    assert '1 "client.address":"192.0.2.99"' in read(top)


def test_rules_that_shut_ansible_out_are_taken_back(deployed: Inventory, web: list[Host]) -> None:
    host = web[1]
    before = host.shell("cat /etc/nftables.conf; nft list table inet bcryptd | grep 'dport 22'")
    play = deployed.play(
        "site.yml",
        "--tags=firewall",
        "--limit=web2",
        check=False,
        firewall_ssh_sources=["192.0.2.0/24"],
        firewall_undo_seconds=8,
    )
    assert play.status != 0
    eventually("Ansible may come in", lambda: host.answers(22))
    deployed.play("site.yml", "--tags=firewall", "--limit=web2")
    after = host.shell("cat /etc/nftables.conf; nft list table inet bcryptd | grep 'dport 22'")
    assert after == before
