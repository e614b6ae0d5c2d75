"""The rule files, their tests and their runbooks, as data."""

import re
from pathlib import Path
from typing import Any

import yaml

from support.daemon import ROOT

RULES = ROOT / "monitoring" / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks"
NETWORKING = ROOT / "docs" / "networking.md"
IN_TABLES = re.compile(r"`((?:(?:sum|rate|increase)\b[^`(]*\(|[a-z]+:[a-z0-9_]+:)[^`]*)`")
RULE_FILES = sorted(RULES.glob("*.yml"))
TEST_FILES = sorted(Path(__file__).parent.glob("*.test.yml"))
# level:metric:operation
RECORDED = re.compile(r"\b[a-z_]+:[a-z0-9_]+:[a-z0-9_]+\b")
RAW = re.compile(r"(?<![:\w])(?:up\b|(?:bcryptd|node|probe)_[a-z0-9_A-Z]+)(?![:\w])")
STRINGS = re.compile(r'"[^"]*"|\'[^\']*\'')


def rules() -> list[dict[str, Any]]:
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    found = [rule for rule in rules() if "alert" in rule]
    named = {rule["alert"]: rule for rule in found}
    assert len(named) == len(found), "two alerts have one name"
    return named


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def raw_metrics() -> set[str]:
    """The metrics of programs that the rules read."""
    return {name for rule in rules() for name in RAW.findall(STRINGS.sub("", rule["expr"]))}


def runbook_expressions() -> list[tuple[str, str]]:
    """Each line of each ```promql block, with its file."""
    lines = []
    for file in sorted(RUNBOOKS.glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", file.read_text(), re.DOTALL):
            lines += [(file.name, line) for line in block.splitlines()]
    return lines


def networking_expressions() -> list[tuple[str, str]]:
    """What the document says that an attack is seen by: expressions within its tables, and recorded names."""
    text = NETWORKING.read_text()
    return [(NETWORKING.name, expression) for expression in IN_TABLES.findall(text)]


def networking_alerts() -> set[str]:
    return set(re.findall(r"\[(\w+)\]\(runbooks/", NETWORKING.read_text()))


def inhibitions() -> list[tuple[str, set[str], set[str]]]:
    """The README's table: a cause, what it silences ("all" for everything), the labels."""
    text = (RULES / "README.md").read_text().split("## What silences what")[1]
    rows = re.findall(r"^\| (\w+) \| (.+?) \| (`.+`) \|$", text, re.MULTILINE)
    return [
        (
            cause,
            {"all"} if what.startswith("all") else set(what.split(", ")),
            set(re.findall(r"`(\w+)`", equal)),
        )
        for cause, what, equal in rows
    ]
