"""Requests that are made to do harm: what they get, what they cost, and what a host's log says of them."""

import json
import re
import time
from typing import Any

import pytest

import support.document
from lab.attack import curl, latency, module, resolving
from lab.client import service
from lab.command import run
from lab.host import Host
from lab.hostile import HOSTILE, hostile_request
from lab.lab import Lab, running
from lab.playbook import NAME, Inventory, client_limits
from lab.resets import TOO_FEW_FOR_A_BAN
from support import marked
from support.daemon import ROOT
from support.service import Service
from support.waiting import eventually

LOG = "/var/log/nginx/bcryptd.log"
RUNBOOK = ROOT / "docs" / "runbooks" / "credential-stuffing.md"
WRK_SCRIPT = ROOT / "tests" / "bench" / "wrk.lua"
LIE = "192.0.2.77"


def hashes(target: Service) -> float:
    """That were begun since the service's start."""
    found = target.metrics().items()
    return sum(value for name, value in found if name.startswith("bcryptd_hashes_total{"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_requests_are_refused_before_a_hash(
    deployed: Inventory, web: list[Host], name: str
) -> None:
    status = HOSTILE[name][-1]
    for host in web:
        target = service(host.address)
        before = hashes(target)
        answer = target.raw(hostile_request(name), tls=True)
        # One answer at the most: what stands behind a request's end is no further one.
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == ([status.encode()] if status else [])
        assert hashes(target) == before


def test_a_path_is_decoded_once(deployed: Inventory, web: list[Host]) -> None:
    for host in web:
        target = service(host.address)
        known = bytes.fromhex(target.get("/gethash/%252e%252e%252f/").json()["hash"]).decode()
        question = {"password": "%2e%2e%2f", "hash": known}
        assert target.post("/v1/verify", question).json()["match"] is True


def test_a_hash_whose_cost_is_above_the_limit_costs_nothing(
    deployed: Inventory, web: list[Host]
) -> None:
    """The cost of a check stands in the hash, so it is the client's choice."""
    for host in web:
        target = service(host.address)
        known = target.post("/v1/hash", {"password": "a", "cost": 10}).json()["hash"]
        before = hashes(target)
        for cost in ("16", "20", "31"):
            question = {"password": "a", "hash": known.replace("$10$", f"${cost}$")}
            assert target.post("/v1/verify", question).status == 422
        assert hashes(target) == before


def check_flood(lab: Lab, bad: Host, target: Host) -> list[str]:
    """More checks of the highest cost at a time than the service takes of all clients together."""
    asked = service(target.address)
    known = asked.post("/v1/hash", {"password": "a", "cost": marked.SLOW_COST}).json()["hash"]
    places = sum(int(x) for x in re.findall(r"max_conns=(\d+)", target.shell("nginx -T")))
    body = json.dumps({"password": "b", "hash": known})
    wrk = ["nice", "-n", "19", "wrk", "-t1", f"-c{places}", "-d60s", "--timeout", "30s"]
    wrk += ["-s", str(WRK_SCRIPT), f"https://{NAME}/v1/verify", "--", "POST", body]
    return bad.from_its_network(resolving(lab, target.address, wrk))


def is_busy(target: Service) -> bool:
    return any(row["lanes_busy"] for row in target.status()["workers"])


def test_a_flood_of_checks_leaves_places_to_others_and_is_found(
    lab: Lab, web: list[Host], strangers: list[Host], without_bans: None
) -> None:
    """By the runbook's command, too: so would somebody look who tries stolen passwords."""
    bad, good = strangers
    target = web[0]
    marked.wait_until_idle(service(target.address))
    with running(lab, "checks", check_flood(lab, bad, target)) as attacker:
        eventually("checks", lambda: is_busy(service(target.address)))
        # All of its requests succeed.
        took_s = latency(good, target, 10)
        assert attacker.poll() is None
    print(f"flood of checks: the median of another client's hashes is {took_s:.2f} s meanwhile")
    (command,) = support.document.commands(RUNBOOK.read_text())
    first = lab.log_in(target, command).splitlines()[0]
    assert first.split()[1] == f'"client.address":"{bad.address}"'


def lines_of(host: Host, client: Host) -> list[dict[str, Any]]:
    """What its log has of a client."""
    text = host.shell(f"cat {LOG}").splitlines()
    return [x for x in map(json.loads, text) if x["client.address"] == client.address]


def test_requests_that_are_taken_back_at_once_count(
    web: list[Host], strangers: list[Host], deployed: Inventory
) -> None:
    """By HTTP/2 a client can begin many more than it has at a time."""
    bad, good = strangers
    rate, burst = client_limits()
    for host in web:
        target, before = service(host.address), len(lines_of(host, bad))
        marked.wait_until_idle(target)
        computed, begun = hashes(target), time.monotonic()
        run(*module(bad, "resets", host.address, TOO_FEW_FOR_A_BAN))
        allowed = burst + 1 + rate * (time.monotonic() - begun)
        assert curl(good, host, "/gethash/hunter2/") == "200\n"
        eventually("logged", lambda: len(lines_of(host, bad)) == before + TOO_FEW_FOR_A_BAN)
        refused = [x["bcryptd.refused_by"] for x in lines_of(host, bad)[before:]]
        assert refused.count("client-rate") >= TOO_FEW_FOR_A_BAN - allowed
        assert hashes(target) <= computed + allowed + 1


def test_a_client_cannot_say_who_it_is(web: list[Host], strangers: list[Host]) -> None:
    """No proxy is trusted here, so each address that a header names is the client's own text."""
    bad = strangers[0]
    lies = [f"X-Forwarded-For: {LIE}", f"X-Real-IP: {LIE}", f"Forwarded: for={LIE}"]
    for host in web:
        before = len(lines_of(host, bad))
        curl(bad, host, "/nothing", headers=lies)
        eventually("logged", lambda: len(lines_of(host, bad)) > before)
        assert LIE not in host.shell(f"cat {LOG}")
