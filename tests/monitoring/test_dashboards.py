"""Grafana's dashboards: current, and each expression has data on a host that is really watched."""

import json
import math
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from monitoring.live import Live, expressions, with_variables
from monitoring.rules import rules
from support.daemon import ROOT

DASHBOARDS = ROOT / "monitoring" / "dashboards"
FILES = sorted(DASHBOARDS.glob("*.json"))
EXPRESSIONS = expressions()
WITH_DATA = [line for line in EXPRESSIONS if not line["needs"]]
PANELS_MAX = 20
# Grafana's names of the units that our sources use.
UNITS = {"bytes", "cps", "d", "none", "ops", "percentunit", "reqps", "s", "short"}

Answer = list[dict[str, Any]] | ValueError


def named(line: dict[str, Any]) -> str:
    return f"{line['dashboard']}: {line['panel']}: {line['ref']}"


def ask(live: Live, line: dict[str, Any]) -> Answer:
    try:
        return live.prometheus.query(with_variables(line["expr"]))
    except ValueError as error:
        return error


@pytest.fixture(scope="session")
def answers(live: Live) -> dict[str, Answer]:
    """Of every expression, asked once while the host is under load."""
    return {named(line): ask(live, line) for line in EXPRESSIONS}


def drawable(answer: list[dict[str, Any]]) -> bool:
    """A quotient by no traffic is a series, but nothing to draw."""
    return any(math.isfinite(float(series["value"][1])) for series in answer)


@pytest.mark.parametrize("line", EXPRESSIONS, ids=named)
def test_expression_has_data(line: dict[str, Any], answers: dict[str, Answer]) -> None:
    answer = answers[named(line)]
    assert not isinstance(answer, ValueError), f"{line['expr']}: {answer}"
    if line["needs"]:
        assert not answer, f"has data here, although it needs {line['needs']}"
        pytest.skip(f"valid, and has data only with {line['needs']}")
    assert drawable(answer), f"{line['expr']}: {answer}"


@pytest.mark.parametrize("line", WITH_DATA, ids=named)
def test_legend_names_labels_that_are_there(
    line: dict[str, Any], answers: dict[str, Answer]
) -> None:
    answer = answers[named(line)]
    wanted = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", line["legend"]))
    assert not isinstance(answer, ValueError)
    for series in answer:
        assert wanted <= set(series["metric"]), line["legend"]
    if len(answer) > 1 and line["kind"] != "table":
        assert wanted, "several series of one name"


def test_rules_evaluate(live: Live) -> None:
    """On real data, all of them: a panel would not tell a rule that fails from a quiet service."""
    groups = live.prometheus.ask("rules")["groups"]
    evaluated = [rule for group in groups for rule in group["rules"]]
    assert len(evaluated) == len(rules())
    assert not [rule for rule in evaluated if rule["health"] != "ok"]


def test_files_are_current() -> None:
    command = [str(ROOT / "script" / "dashboards"), "--check"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_each_has_an_identity_of_its_own() -> None:
    every = [json.loads(path.read_text()) for path in FILES]
    assert len(every) >= 4
    for key in ("uid", "title"):
        assert len({dashboard[key] for dashboard in every}) == len(every)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_panels(path: Path) -> None:
    panels = [x for x in json.loads(path.read_text())["panels"] if x["type"] != "row"]
    assert 0 < len(panels) <= PANELS_MAX
    titles = Counter(panel["title"] for panel in panels)
    assert not [title for title, count in titles.items() if count > 1]
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["targets"], panel["title"]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_panels_do_not_overlap(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("line", EXPRESSIONS, ids=named)
def test_viewer_chooses_the_hosts(line: dict[str, Any]) -> None:
    """All but Google's metrics and the count of alerts are of what the viewer chose."""
    hosts = re.findall(r"(?<![:\w])(?:bcryptd|nginx|node|probe)_\w+(?!:)|\bup\b", line["expr"])
    fleet = re.findall(r"\bfleet\w*:\w+:\w+", line["expr"])
    assert line["expr"].count('instance=~"$instance"') == len(hosts)
    assert line["expr"].count('environment=~"$environment"') == len(hosts) + len(fleet)
