"""The picture of the figures: horizontal bars, as plain SVG."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

Row = dict[str, Any]

WIDTH, MARGIN = 860, 20
LABELS = 144  # of a panel's width, for the names
GAP = 24
PANEL = (WIDTH - 2 * MARGIN - GAP) / 2
BAR, STEP, HEAD = 16, 24, 34
VALUES = 52  # for the number behind the longest bar
OWN, REFERENCE, OTHER = "#2b5c9e", "#a86b00", "#8a97a6"
STYLE = 'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#1f2933"'


@dataclass
class Panel:
    title: str
    cost: int
    value: Callable[[Row], float | None]
    digits: int
    counts: bool = False  # the connections behind the name

    def label(self, row: Row) -> str:
        return f"{row['name']} ({row['connections']})" if self.counts else str(row["name"])

    def rows(self, rows: list[Row]) -> list[tuple[Row, float]]:
        found = [(row, self.value(row)) for row in rows if row["cost"] == self.cost]
        return [(row, value) for row, value in found if value is not None]


def panels(costs: list[int]) -> list[Panel]:
    speed = [
        Panel(f"hashes a second, cost {cost}", cost, lambda row: float(row["per_s"][1]), 1)
        for cost in costs
    ]
    low = costs[0]
    return [
        *speed,
        Panel(f"p50 (connections), cost {low}, ms", low, lambda row: row.get("p50_ms"), 0, True),
        Panel(f"p50 of one client alone, cost {low}, ms", low, lambda row: row.get("lone_ms"), 0),
    ]


def colour(name: str, served: bool) -> str:
    if name.startswith("bcryptd"):
        return OWN
    return OTHER if served else REFERENCE


def bar(panel: Panel, row: Row, value: float, y: float, length: float) -> str:
    middle = y + BAR / 2 + 4
    fill = colour(row["name"], "connections" in row)
    number = f"{value:.{panel.digits}f}"
    return (
        f'    <text x="{LABELS - 8}" y="{middle:g}" text-anchor="end">{escape(panel.label(row))}</text>\n'
        f'    <rect x="{LABELS}" y="{y:g}" width="{length:.1f}" height="{BAR}" rx="2"'
        f' fill="{fill}"/>\n'
        f'    <text x="{LABELS + length + 6:.1f}" y="{middle:g}">{number}</text>\n'
    )


def draw_panel(panel: Panel, rows: list[Row], x: float, y: float) -> str:
    shown = panel.rows(rows)
    room = PANEL - LABELS - VALUES
    longest = max((value for _, value in shown), default=1.0) or 1.0
    text = f'  <g transform="translate({x:g} {y:g})">\n'
    text += f'    <text x="{LABELS}" y="16" font-weight="bold">{escape(panel.title)}</text>\n'
    for number, (row, value) in enumerate(shown):
        text += bar(panel, row, value, HEAD - 6 + number * STEP, room * value / longest)
    return text + "  </g>\n"


def draw(rows: list[Row]) -> str:
    """The panels, two beside each other. The background is a part of it, so that it can be read on a
    dark page as well."""
    costs = sorted({row["cost"] for row in rows})
    all_panels = panels(costs)
    body, y = "", float(MARGIN)
    for number in range(0, len(all_panels), 2):
        pair = all_panels[number : number + 2]
        for place, panel in enumerate(pair):
            body += draw_panel(panel, rows, MARGIN + place * (PANEL + GAP), y)
        y += HEAD + STEP * max(len(panel.rows(rows)) for panel in pair) + 14
    height = round(y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" {STYLE} role="img" aria-label="Hashes a second and times of bcryptd'
        ' and its peers, as in the tables of docs/performance.md">\n'
        f'  <rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#fdfdfc"'
        ' stroke="#cbd2d9"/>\n'
        f"{body}</svg>\n"
    )
