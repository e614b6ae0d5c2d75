"""docs/observability.md says nothing that is not tried here."""

import math
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.live import Live
from support.daemon import ROOT
from support.document import commands

DOCUMENT = ROOT / "docs" / "observability.md"
TEXT = DOCUMENT.read_text()
RULES = ROOT / "monitoring" / "rules"


def expressions() -> Iterator[str]:
    """Each line of the promql blocks, and what stands in a table's column `expression`."""
    for block in re.findall(r"^```promql\n(.*?)^```", TEXT, flags=re.M | re.S):
        yield from block.splitlines()
    for table in re.findall(r"^\| question \| expression \|.*?\n\n", TEXT, flags=re.M | re.S):
        yield from re.findall(r"^\| [^|`]+ \| `(.+?)` \|", table, flags=re.M)


EXPRESSIONS = sorted({line.replace("\\|", "|") for line in expressions()})


def alerts() -> dict[str, dict[str, Any]]:
    files = [yaml.safe_load(path.read_text()) for path in RULES.glob("*.yml")]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def test_there_are_expressions() -> None:
    assert len(EXPRESSIONS) > 25


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_has_data(live: Live, expression: str) -> None:
    def answer() -> bool:
        rows = live.prometheus.query(expression)
        return any(math.isfinite(float(row["value"][1])) for row in rows)

    live.wait_for(f"data of {expression}", answer)


def test_the_alerts_are_those_of_the_rules() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\S+)\) \| (\w+) \| (\d+) s \|", TEXT, flags=re.M)
    wanted = {
        (
            name,
            rule["annotations"]["runbook_url"],
            rule["labels"]["severity"],
            rule["annotations"]["promise"],
        )
        for name, rule in alerts().items()
    }
    assert {(name, f"docs/{link}", *rest) for name, link, *rest in rows} == wanted


COMMANDS = commands(TEXT)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_right(line: str) -> None:
    """The playbooks run in tests/observe, on booted hosts; here their names and the inventory are tried."""
    words = shlex.split(line)
    where = ROOT
    if words[0] == "ansible-playbook":
        where = ROOT / "ansible"
        words = [word for word in words if word not in ("--check", "--diff")] + ["--syntax-check"]
    else:
        assert Path(ROOT / words[0]).exists(), line
        words = [words[0], "--help"]
    done = subprocess.run(words, cwd=where, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 2
