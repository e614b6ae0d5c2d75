"""What a job says of the service, and whether the service is so: ports, checks, settings, nginx's placeholders."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from nomad.hcl import Document
from nomad.variables import locals_of

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")
OPTION = re.compile(r"^\| `([a-z0-9-]+)` \|", re.M)
SETTING = re.compile(r"\bBCRYPTD_[A-Z0-9_]+\b")
OF_PORT = re.compile(r"\bNOMAD_(?:ADDR|PORT|IP)_(\w+)")
LOCATION = re.compile(r"\blocation = (/\S*) \{")
Body = dict[str, Any]


def groups(job: Document) -> Iterator[tuple[str, Body]]:
    for bodies in job.tree["job"].values():
        for body in bodies:
            for name, inner in body["group"].items():
                yield from ((name, each) for each in inner)


@cache
def internal_paths() -> frozenset[str]:
    """What the internal listener answers, by the description of the API."""
    paths = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"]
    tags = {path: item.get("get", {}).get("tags", []) for path, item in paths.items()}
    return frozenset(path for path in tags if "internal" in tags[path])


def _served(job: Document) -> frozenset[str]:
    """The paths of the listener that the port internal is: of bcryptd's own tree, or of the job's nginx."""
    own = locals_of(job).get("configuration")
    return internal_paths() & frozenset(LOCATION.findall(own)) if own else internal_paths()


def _ports(group: Body) -> set[str]:
    return {label for network in group.get("network", []) for label in network.get("port", {})}


def _bad_check(job: Document, service: Body, check: Body) -> Iterator[str]:
    port = check.get("port", service.get("port"))
    if port != "internal":
        yield f"the port {port} is not the one for checks"
    if check.get("path") not in _served(job):
        yield f"nothing answers {check.get('path')}"


def _bad_service(job: Document, ports: set[str], service: Body) -> Iterator[str]:
    checks = service.get("check", [])
    if not checks:
        yield "no check"
    named = {service.get("port"), *(check["port"] for check in checks if "port" in check)}
    yield from (f"no port {port}" for port in sorted(map(str, named - ports)))
    for check in checks:
        yield from _bad_check(job, service, check)


def bad_services(job: Document) -> list[str]:
    return [
        f"group {name}: service {service['name']}: {problem}"
        for name, group in groups(job)
        for service in group.get("service", [])
        for problem in _bad_service(job, _ports(group), service)
    ]


def unknown_ports(job: Document) -> list[str]:
    """Variables of Nomad's for ports that no group has."""
    there = set().union(*(_ports(group) for _, group in groups(job)))
    named = set(OF_PORT.findall(json.dumps(job.tree)))
    return [f"no port {label}" for label in sorted(named - there)]


@cache
def settings() -> frozenset[str]:
    options = OPTION.findall((ROOT / "docs/configuration.md").read_text())
    return frozenset(f"BCRYPTD_{option.upper().replace('-', '_')}" for option in options)


def unknown_settings(job: Document) -> list[str]:
    named = set(SETTING.findall(json.dumps(job.tree)))
    return [f"bcryptd has no setting {name}" for name in sorted(named - settings())]


def bad_placeholders(job: Document, template: str) -> list[str]:
    """What values.conf.j2 wants and local.values has not, and the other way round."""
    values = locals_of(job).get("values")
    if values is None:
        return []
    wanted = set(PLACEHOLDER.findall(template))
    return [f"local.values has no {name}" for name in sorted(wanted - values.keys())] + [
        f"values.conf.j2 has no {{{{ {name} }}}}" for name in sorted(values.keys() - wanted)
    ]
