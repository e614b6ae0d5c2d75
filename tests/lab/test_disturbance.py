"""What happens to a host, and what clients see of it."""

import pytest

from lab.client import clients, serves
from lab.host import Host
from lab.playbook import Inventory
from support.waiting import eventually


def test_a_reboot_brings_everything_back(deployed: Inventory, web: list[Host]) -> None:
    host = web[0]
    chains = "for c in untracked_in new_connection input forward output; do nft -s list chain inet bcryptd $c; done"
    rules = host.shell(chains)
    host.reboot()
    eventually("serving", lambda: serves(host.address))
    assert host.shell("systemctl --failed --no-legend --plain") == ""
    assert host.shell(chains) == rules
    for unit in ("bcryptd.socket", "bcryptd.service", "nginx.service", "fail2ban.service"):
        assert host.shell(f"systemctl is-active {unit}") == "active\n"


def test_a_power_cut_under_load_damages_nothing(deployed: Inventory, web: list[Host]) -> None:
    host = web[0]
    with clients(host.address) as load:
        eventually("load", lambda: load.outcomes["200"] > 20)
        host.power_cut()
        host.boot()
        served = load.outcomes["200"]
        eventually("serving by itself", lambda: load.outcomes["200"] > served + 20)
    assert host.shell("systemctl --failed --no-legend --plain") == ""
    assert host.shell("dpkg --audit") == ""
    host.shell("nginx -t && journalctl --verify --quiet")
    assert deployed.play("site.yml", "--limit=web1").changed() == 0


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("restart", "systemctl restart bcryptd.service"),
        ("reload of nginx", "nginx -t && systemctl reload nginx.service"),
        (
            "upgrade",
            "apt-get -qq install --reinstall /var/cache/bcryptd/$(dpkg-query --show --showformat='bcryptd_${Version}_${Architecture}.deb' bcryptd)",
        ),
        ("reload of the firewall", "nft -f /etc/nftables.conf"),
    ],
)
def test_no_request_fails(deployed: Inventory, web: list[Host], what: str, command: str) -> None:
    host = web[0]
    with clients(host.address) as load:
        for _ in range(3):
            begun = load.count()
            eventually("load", lambda: load.count() > begun + 20)
            host.shell(command)
        begun = load.count()
        eventually("load after it", lambda: load.count() > begun + 20)
    assert load.failed == [], what
    assert load.outcomes["200"] > 80
