"""What others can reach and do; they are hosts of the lab."""

from collections.abc import Iterator

import pytest

from lab import document
from lab.attack import (
    bans_told,
    curl,
    flood,
    latency,
    log_in_without_key,
    open_ports,
    packets_refused,
    wait_for_ban,
)
from lab.balancer import door
from lab.command import run
from lab.host import Host
from lab.lab import Lab, running
from lab.playbook import NAME, Inventory
from lab.slow import DOOR_PORT, SLOW, slow_attack
from support.waiting import eventually


def test_only_the_public_ports_answer_a_stranger(web: list[Host], strangers: list[Host]) -> None:
    assert open_ports(web[0].address, strangers[0]) == [80, 443]


def test_an_administrator_reaches_ssh_and_the_internal_port(
    deployed: Inventory, web: list[Host]
) -> None:
    assert open_ports(web[0].address, None) == [22, 80, 443, 9180]


@pytest.mark.parametrize("user", ["debian", "root"])
def test_ssh_without_a_key_fails(lab: Lab, deployed: Inventory, web: list[Host], user: str) -> None:
    options = ["-o", f"UserKnownHostsFile={lab.known_hosts}", "-o", "BatchMode=yes"]
    login = f"{user}@{web[0].address}"
    refused = run("ssh", *options, "-o", "IdentityFile=none", login, "true", check=False)
    assert refused.returncode == 255
    # No other way in is even offered.
    assert "Permission denied (publickey)" in refused.stderr


def test_a_client_far_over_the_limit_is_banned_and_another_is_not(
    lab: Lab, web: list[Host], strangers: list[Host], forgiven: None
) -> None:
    bad, good = strangers
    target = web[0]
    statuses = curl(bad, target, "/gethash/hunter2/", 300)
    assert "200" in statuses and "429" in statuses
    eventually("banned", lambda: curl(bad, target, "/gethash/hunter2/") == "000\n")
    assert curl(good, target, "/gethash/hunter2/") == "200\n"
    status = document.command("sudo fail2ban-client status bcryptd-refused")
    assert bad.address in lab.log_in(target, status)
    assert f"Ban {bad.address}" in target.shell("cat /var/log/fail2ban.log")
    told = bans_told(target)
    assert 'bcryptd_bans{jail="bcryptd-refused"} 1' in told
    assert f"bcryptd_connections_refused_total {packets_refused(target)}\n" in told
    lab.log_in(
        target, document.command("sudo fail2ban-client unban ADDRESS", {"ADDRESS": bad.address})
    )
    assert curl(bad, target, "/gethash/hunter2/") == "200\n"


def test_what_no_client_sends_is_banned_too(
    web: list[Host], strangers: list[Host], forgiven: None
) -> None:
    bad, target = strangers[0], web[1]
    # A password that cannot be, which a client may have from a user of its own, is no reason.
    assert set(curl(bad, target, "/gethash/%00", 35).split()) == {"400"}
    assert set(curl(bad, target, "/wp-login.php", 35).split()) >= {"404"}
    eventually("banned", lambda: curl(bad, target, "/gethash/hunter2/") == "000\n")
    assert bad.address in target.shell("fail2ban-client status bcryptd-malformed")


@pytest.fixture
def ssh_open_to_all(lab: Lab, deployed: Inventory, forgiven: None) -> Iterator[None]:
    deployed.play("site.yml", "--tags=firewall", firewall_ssh_sources=[str(lab.network)])
    yield
    deployed.play("site.yml", "--tags=firewall")


def test_a_ban_that_fail2ban_left_behind_ends_with_its_next_start(
    web: list[Host], strangers: list[Host], forgiven: None
) -> None:
    bad, target = strangers[0], web[0]
    left = f"""
        table inet f2b-table {{
            set addr-set-sshd {{ type ipv4_addr; elements = {{ {bad.address} }} }}
            chain f2b-chain {{
                type filter hook input priority -1; policy accept;
                tcp dport {{ 80, 443 }} ip saddr @addr-set-sshd drop
            }}
        }}"""
    target.run("nft", "--file", "-", stdin=left)
    assert curl(bad, target, "/gethash/hunter2/") == "000\n"
    target.shell("systemctl restart fail2ban.service")
    assert curl(bad, target, "/gethash/hunter2/") == "200\n"


def test_logins_that_fail_are_banned(
    web: list[Host], strangers: list[Host], ssh_open_to_all: None
) -> None:
    bad = strangers[0]
    for target in web:
        log_in_without_key(bad, target, 6)
        wait_for_ban(target, bad.address, "sshd")


def test_logins_count_whose_process_ended_before_they_were_logged(
    web: list[Host], strangers: list[Host], forgiven: None
) -> None:
    """journald does not know the unit or the program of such a line, as of these by logger."""
    bad = strangers[0].address
    line = f"Connection closed by authenticating user root {bad} port 52118 [preauth]"
    for target in web:
        for _ in range(6):
            target.run("logger", "-t", "sshd", stdin=line)
        wait_for_ban(target, bad, "sshd")


NOISE = 1.5
# The slow reader's requests are whole, and those within its limits are hashed: busy lanes make a hash
# that much slower at the most (docs/adr/0014-lanes.md).
BUSY_LANES = 1.25


@pytest.mark.parametrize("attack", SLOW)
def test_slow_clients_leave_the_latency_of_others_alone(
    lab: Lab, web: list[Host], strangers: list[Host], without_bans: None, attack: str
) -> None:
    """Without bans, which would end the attack."""
    bad, good = strangers
    target = web[0]
    before = latency(good, target)
    command = bad.from_its_network(slow_attack(lab, attack))
    with door(lab, bad, target, DOOR_PORT), running(lab, f"slow-{attack}", command) as attacker:
        refused = packets_refused(target)
        eventually("attack", lambda: attacker.poll() or packets_refused(target) > refused)
        refused = packets_refused(target)
        # The better of two: other programs of this machine only ever make it worse.
        during = min(latency(good, target) for _ in range(2))
        # It went on all the time, with all that one client may have.
        assert packets_refused(target) > refused
    after = latency(good, target)
    print(
        f"slow {attack}: median {before:.4f} s before, {during:.4f} s during, {after:.4f} s after"
    )
    allowed = NOISE * (BUSY_LANES if attack == "read" else 1)
    assert during < allowed * max(before, after)


@pytest.mark.parametrize("attack", SLOW)
def test_slow_clients_are_banned(
    lab: Lab, web: list[Host], strangers: list[Host], forgiven: None, attack: str
) -> None:
    bad, target = strangers[0], web[0]
    assert bad.address not in target.shell("fail2ban-client banned")
    command = bad.from_its_network(slow_attack(lab, attack))
    with door(lab, bad, target, DOOR_PORT), running(lab, f"slow-{attack}", command):
        wait_for_ban(target, bad.address)


def test_a_flood_is_banned_while_it_goes_on(
    lab: Lab, web: list[Host], strangers: list[Host], forgiven: None
) -> None:
    bad, target = strangers[0], web[0]
    log = "/var/log/nginx/bcryptd.log"
    with running(lab, "flood", flood(lab, bad, target)) as attacker:
        wait_for_ban(target, bad.address)
        assert attacker.poll() is None
    refused = f"grep '\"http.response.status_code\":429' {log}"
    refusals = target.shell(f"{refused} | wc -l")
    times = target.shell(f"{refused} | grep -o '\"bcryptd.time\":[0-9.]*' | cut -d: -f2")
    allowed = float(times.split()[119])
    last = float(times.split()[-1])
    print(f"flood: {refusals.strip()} refusals, the last {last - allowed:.2f} s after the 120th")
