"""What the roles of the monitoring write, for each way to find hosts: held to the programs' own checks, and
to each other. Needs no host."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.command import run
from lab.playbook import ANSIBLE
from support.daemon import ROOT

ROLES = ANSIBLE / "roles"
WATCHERS = {"log": "192.0.2.30", "mon": "192.0.2.20"}
HOSTS = {"web1": "192.0.2.11", "web2": "2001:db8::12"}


def role(name: str, kind: str) -> dict[str, Any]:
    """A role's defaults or vars, as they are written."""
    values: dict[str, Any] = yaml.safe_load((ROLES / name / kind / "main.yml").read_text())
    return values


DISCOVERIES = ("static", "gce", "nomad")
# Name of a file: role, template, and what is not as in the defaults.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "static": ("prometheus", "prometheus.yml.j2", {}),
    "gce": (
        "prometheus",
        "prometheus.yml.j2",
        {
            "prometheus_gce_project": "example-project",
            "prometheus_gce_zones": ["europe-west1-b", "europe-west1-c"],
            "prometheus_gce_probe_name": "hash.example",
        },
    ),
    "nomad": ("prometheus", "prometheus.yml.j2", {}),
    "node.json": ("prometheus", "targets.json.j2", {"item": {"job": "node", "port": 9100}}),
    "probe.json": ("prometheus", "targets.json.j2", {"item": {"job": "probe", "port": 443}}),
    "watchers.json": ("prometheus", "targets.json.j2", {"item": {"job": "watchers", "port": 9100}}),
    "alertmanager": (
        "alertmanager",
        "alertmanager.yml.j2",
        {
            "alertmanager_page_webhooks": ["https://chat.example/page"],
            "alertmanager_ticket_webhooks": ["https://chat.example/a", "https://other.example/"],
            "alertmanager_watchdog_webhook": "https://outside.example/ping",
            "alertmanager_webhook_token": "a token",
            "alertmanager_page_emails": ["operations@example.com"],
            "alertmanager_email_server": "mail.example:25",
            "alertmanager_email_user": "alerts",
            "alertmanager_email_password": "a password",
        },
    ),
    "agent": ("ops_agent", "config.yaml.j2", {"ops_agent_environment": "staging"}),
}
EVERYWHERE = {
    "prometheus_environment": "staging",
    "prometheus_rules": [],
    "prometheus_remote_write": [{"url": "https://metrics.example/write"}],
    "prometheus_extra_scrapes": [
        {"job_name": "other", "static_configs": [{"targets": ["192.0.2.9:80"]}]}
    ],
    "prometheus_probe_modules": ["https", "https_verified"],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each case's file, as Ansible writes it."""
    directory = tmp_path_factory.mktemp("written")
    tasks = []
    for name, (owner, template, variables) in CASES.items():
        if owner == "prometheus" and name in DISCOVERIES:
            variables = {**variables, "prometheus_discovery": name}
        write = {
            "src": str(ROLES / owner / "templates" / template),
            "dest": str(directory / name),
            "mode": "0600",
        }
        tasks.append({"name": name, "ansible.builtin.template": write, "vars": variables})
    files = [path for kind in ("defaults", "vars") for path in ROLES.glob(f"*/{kind}/main.yml")]
    owners = {owner for owner, _, _ in CASES.values()}
    play = {
        "hosts": "monitoring",
        "gather_facts": False,
        "become": False,
        "connection": "local",
        "vars_files": [str(path) for path in files if path.parents[1].name in owners],
        "tasks": tasks,
    }
    members = {host: {"ansible_host": address} for host, address in HOSTS.items()}
    groups = {
        "bcryptd": {"hosts": members},
        # A host of the service that keeps logs, too, is scraped as one of the service.
        "logging": {"hosts": {"log": {"ansible_host": WATCHERS["log"]}, "web1": {}}},
        "monitoring": {"hosts": {"mon": {"ansible_host": WATCHERS["mon"]}}},
    }
    (directory / "play.yml").write_text(json.dumps([play]))
    (directory / "hosts.yml").write_text(json.dumps({"all": {"children": groups}}))
    run(
        "ansible-playbook",
        f"--inventory={directory / 'hosts.yml'}",
        # Above vars_files, as an inventory is above a role's defaults.
        f"--extra-vars={json.dumps(EVERYWHERE)}",
        str(directory / "play.yml"),
        cwd=ANSIBLE,
        env={"ANSIBLE_HOME": str(directory / "ansible"), "LC_ALL": "C.UTF-8"},
    )
    return directory


@pytest.mark.parametrize("discovery", DISCOVERIES)
def test_prometheus_takes_its_configuration(written: Path, discovery: str) -> None:
    path = written / discovery
    run("promtool", "check", "config", "--syntax-only", str(path))
    jobs = {job["job_name"] for job in yaml.safe_load(path.read_text())["scrape_configs"]}
    own = {"prometheus", "alertmanager", "blackbox", "watchers", "other"}
    services = set(role("prometheus", "defaults")["prometheus_nomad_services"])
    nomad = services | {"nomad_server", "nomad_client"}
    hosts = set(role("prometheus", "defaults")["prometheus_host_jobs"])
    probes = {"probe", "probe_https_verified"}
    assert jobs == own | (nomad if discovery == "nomad" else hosts | probes)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("node.json", {"web1": "192.0.2.11:9100", "web2": "[2001:db8::12]:9100"}),
        ("probe.json", {"web1": "https://192.0.2.11/", "web2": "https://[2001:db8::12]/"}),
    ],
)
def test_targets_are_named_as_in_the_inventory(
    written: Path, name: str, addresses: dict[str, str]
) -> None:
    groups = json.loads((written / name).read_text())
    assert {x["labels"]["instance"]: x["targets"][0] for x in groups} == addresses
    assert {x["labels"]["environment"] for x in groups} == {"staging"}


def test_machines_beside_the_service_are_told_apart(written: Path) -> None:
    """By a label of the same job, so that what counts the service's hosts can leave them out."""
    groups = json.loads((written / "watchers.json").read_text())
    assert {x["labels"]["instance"]: x["targets"][0] for x in groups} == {
        name: f"{address}:9100" for name, address in WATCHERS.items()
    }
    assert {(x["labels"]["job"], x["labels"]["host_role"]) for x in groups} == {
        ("node", "logging"),
        ("node", "monitoring"),
    }


def test_who_misses_the_watchdog_gets_no_token(written: Path) -> None:
    config = yaml.safe_load((written / "alertmanager").read_text())
    (receiver,) = [x for x in config["receivers"] if x["name"] == "watchdog"]
    (webhook,) = receiver["webhook_configs"]
    assert webhook["url"] == "https://outside.example/ping" and "http_config" not in webhook
    (route,) = [x for x in config["route"]["routes"] if x["receiver"] == "watchdog"]
    assert route["matchers"] == ['severity="none"']


def test_alertmanager_takes_its_configuration_with_every_way_to_tell(written: Path) -> None:
    path = written / "alertmanager"
    run("amtool", "check-config", str(path))
    assert "a password" not in path.read_text() and "a token" not in path.read_text()


def test_alertmanager_holds_back_what_the_rules_say() -> None:
    table = re.findall(
        r"^\| (\w+) \| ([\w, ]+) \| (`.+`) \|$",
        (ROOT / "monitoring/rules/README.md").read_text(),
        flags=re.M,
    )
    assert len(table) > 5
    names = {
        alert["alert"]
        for path in (ROOT / "monitoring/rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for alert in group["rules"]
        if "alert" in alert
    }
    wanted = {
        (cause, name, label)
        for cause, what, equal in table
        for name in (names - {cause} if what.startswith("all others") else what.split(", "))
        for label in re.findall(r"`(\w+)`", equal)
    }
    held = set()
    for rule in role("alertmanager", "vars")["alertmanager_inhibitions"]:
        operator, pattern = re.fullmatch(r'(=~?)"(.*)"', rule["what"].strip()).groups()  # type: ignore[union-attr]
        pattern = pattern if operator == "=~" else re.escape(pattern)
        found = {name for name in names - {rule["cause"]} if re.fullmatch(pattern, name)}
        held |= {(rule["cause"], name, label) for name in found for label in rule["equal"]}
    assert held == wanted


def test_googles_agent_reads_what_prometheus_reads(written: Path) -> None:
    config = yaml.safe_load((written / "agent").read_text())
    scrapes = config["metrics"]["receivers"]["exporters"]["config"]["scrape_configs"]
    ports = {
        job["job_name"]: int(job["static_configs"][0]["targets"][0].rpartition(":")[2])
        for job in scrapes
    }
    assert ports == role("prometheus", "defaults")["prometheus_host_jobs"]
    for part in config.values():
        for pipeline in part["service"]["pipelines"].values():
            assert set(pipeline["receivers"]) <= set(part["receivers"])
            assert set(pipeline.get("processors", [])) <= set(part.get("processors", {}))
