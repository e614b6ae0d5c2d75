"""Line charts as plain SVG, of the same look as the other pictures of the documents. The background is a part of
them, so that they can be read on a dark page as well."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, MARGIN, GAP = 860, 20, 24
LEFT, RIGHT = 36, 6  # of a panel's width, for the numbers and for what overhangs
HEAD, FOOT = 24, 22  # of a panel's height, for the title and for the numbers
LEGEND = 18
BLUE, AMBER, GREY, GREEN, INK, RULE = (
    "#2b5c9e",
    "#a86b00",
    "#8a97a6",
    "#3d7a4d",
    "#1f2933",
    "#e4e7eb",
)
STYLE = f'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="{INK}"'

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    label: str
    colour: str
    points: Sequence[Point]
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """From low to high, with a rule and a text at each mark."""

    low: float
    high: float
    marks: Sequence[tuple[float, str]]

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end; what is outside is drawn at the end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass(frozen=True)
class Panel:
    title: str
    lines: Sequence[Line]
    x: Axis
    y: Axis


@dataclass(frozen=True)
class Column:
    """Panels below each other, that share their legend."""

    title: str
    panels: Sequence[Panel]
    legend: Sequence[Line] = field(default_factory=list)


def axis_to(high: float, unit: str = "", scale: float = 1.0) -> Axis:
    """From 0 to a round number that is not below `high`, with marks; their text is value x scale."""
    step = 10.0 ** len(str(int(high * scale))) / 100 / scale
    while high / step > 4:
        step *= 2 if str(round(step * scale))[0] != "2" else 2.5
    count = max(-int(-high // step), 1)
    marks = [(i * step, f"{i * step * scale:g}{unit}") for i in range(count + 1)]
    return Axis(0.0, count * step, marks)


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{extra}>{escape(words)}</text>\n'


def curve(line: Line, panel: Panel, width: float, height: float) -> str:
    points = " ".join(
        f"{panel.x.place(x) * width:.1f},{(1 - panel.y.place(y)) * height:.1f}"
        for x, y in line.points
    )
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    return f'<polyline points="{points}" stroke="{line.colour}"{dash}/>\n'


def draw_panel(panel: Panel, x: float, y: float, width: float, height: float) -> str:
    """The panel with its upper left corner there; the sizes are those of the whole of it."""
    inner, tall = width - LEFT - RIGHT, height - HEAD - FOOT
    body = text(x + LEFT, y + 14, panel.title, extra=' font-weight="bold"')
    body += f'<g transform="translate({x + LEFT:g} {y + HEAD:g})">\n'
    for value, label in panel.y.marks:
        place = (1 - panel.y.place(value)) * tall
        body += f'<path d="M0 {place:.1f}H{inner:g}" stroke="{RULE}"/>\n'
        body += text(-6, round(place + 4, 1), label, "end", ' font-size="11"')
    for value, label in panel.x.marks:
        place = panel.x.place(value) * inner
        body += text(round(place, 1), tall + 15, label, "middle", ' font-size="11"')
    body += '<g fill="none" stroke-width="1.6" stroke-linejoin="round">\n'
    body += "".join(curve(line, panel, inner, tall) for line in panel.lines)
    return body + "</g></g>\n"


def draw_legend(column: Column, x: float, y: float) -> str:
    body = text(x + LEFT, y + 12, column.title, extra=' font-weight="bold" font-size="14"')
    for place, line in enumerate(column.legend, start=1):
        top = y + 12 + place * LEGEND
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        body += f'<path d="M{x + LEFT:g} {top - 4:g}h22" stroke="{line.colour}" stroke-width="2"{dash}/>\n'
        body += text(x + LEFT + 30, top, line.label)
    return body


def draw(columns: Sequence[Column], description: str, panel_height: float = 128) -> str:
    """The columns beside each other, as an SVG document. `description` is for those who do not see it."""
    width = (WIDTH - 2 * MARGIN - GAP * (len(columns) - 1)) / len(columns)
    top = MARGIN + 18 + LEGEND * max(len(column.legend) for column in columns)
    rows = max(len(column.panels) for column in columns)
    body = ""
    for place, column in enumerate(columns):
        x = MARGIN + place * (width + GAP)
        body += draw_legend(column, x, MARGIN)
        for row, panel in enumerate(column.panels):
            body += draw_panel(panel, x, top + row * panel_height, width, panel_height)
    height = round(top + rows * panel_height + MARGIN / 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" {STYLE} role="img" aria-label="{escape(description)}">\n'
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#fdfdfc"'
        f' stroke="#cbd2d9"/>\n{body}</svg>\n'
    )
