"""docs/performance.md: its tables, between two marks, and its picture, from the figures in JSON."""

import json
from pathlib import Path
from typing import Any

from bench.peers.picture import draw
from support.daemon import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- figures: written by script/bench --write-docs -->\n", "<!-- end of figures -->\n"
HEAD = (
    "| | connections | hashes/s | ÷ crypt_r | p50 | p99 | one client, p50 | memory |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


def figure(value: float | None, digits: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"


def spread(values: list[float], digits: int) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in values)
    return f"{middle} ({low} to {high})"


def line(row: dict[str, Any]) -> str:
    cells = [
        row["name"],
        figure(row.get("connections"), 0),
        spread(row["per_s"], 1),
        spread(row["ratio"], 2),
        figure(row.get("p50_ms"), 0, " ms"),
        figure(row.get("p99_ms"), 0, " ms"),
        figure(row.get("lone_ms"), 1, " ms"),
        figure(row.get("memory_mib"), 1, " MiB"),
    ]
    return "| " + " | ".join(cells) + " |\n"


def conditions(data: dict[str, Any], cost: int) -> str:
    """How much a table is to be trusted."""
    done = data[f"rounds, cost {cost}"]
    text = f"{len(done)} rounds" if len(done) > 1 else "one round"
    if data["quick"]:
        text += ", a short trial (`--quick`): not to be relied on"
    return f"{text}; other programs took {max(r['others'] for r in done):.1%} of the CPUs at most"


def tables(content: dict[str, Any]) -> str:
    data = content["data"]
    rows = data["peers"]
    machine = "; ".join(f"{name}: {value}" for name, value in content["machine"].items())
    text = f"\nMeasured on {content['date']}. {machine}.\n"
    for cost in sorted({row["cost"] for row in rows}):
        text += f"\nCost {cost} ({conditions(data, cost)}):\n\n{HEAD}"
        text += "".join(line(row) for row in rows if row["cost"] == cost)
    return text + "\n"


def write(figures: Path) -> None:
    content = json.loads(figures.read_text())
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + tables(content) + END + after)
    PICTURE.write_text(draw(content["data"]["peers"]))
