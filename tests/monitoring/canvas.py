"""Panels drawn on a dark page, as Grafana has them."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

DOT = 100.0  # to an inch
WIDTH = 1400  # of the picture, in dots
UNIT = 30  # a step of Grafana's grid, downwards
COLUMNS = 24
GAP = 8
HEAD = 44
PAGE, BOX, EDGE, RULE, TEXT, DIM = (
    "#111217",
    "#181b1f",
    "#2a2d33",
    "#2c3036",
    "#ccccdc",
    "#8e8e9c",
)
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#b877d9", "#37872d", "#8ab8ff", "#fa8fb1")
NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}
LEGENDS_MAX = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    name: str
    points: Sequence[Point]
    limit: bool = False


@dataclass(frozen=True)
class Panel:
    title: str
    kind: str
    unit: str
    position: tuple[int, int, int, int]  # x, y, width, height in Grafana's grid
    lines: Sequence[Line] = field(default_factory=list)
    stacked: bool = False
    steps: Sequence[tuple[float, str]] = field(default_factory=list)
    highest: float | None = None


def number(value: float) -> str:
    """Three digits, as far as they say something."""
    if value == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def scaled(value: float, steps: Sequence[tuple[float, str]]) -> str:
    """With the largest of the units, given from large to small, that it reaches."""
    for size, unit in steps:
        if abs(value) >= size:
            return f"{number(value / size)} {unit}"
    size, unit = steps[-1]
    return f"{number(value / size)} {unit}" if value else "0"


def shown(value: float, unit: str) -> str:
    if unit == "s":
        return scaled(
            value, ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))
        )
    if unit == "bytes":
        return scaled(value, ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")))
    if unit == "percentunit":
        return f"{number(100 * value)} %"
    suffix = {"reqps": " req/s", "ops": " /s", "cps": " /s", "d": " d"}.get(unit, "")
    return number(value) + suffix


def clock(seconds: float, _: object = None) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def finite(line: Line) -> Sequence[Point]:
    return [(when, value) for when, value in line.points if math.isfinite(value)]


class Canvas:
    """A page of panels over a span of so many seconds."""

    def __init__(self, title: str, seconds: float) -> None:
        self.title = title
        self.seconds = seconds

    def write(self, panels: Sequence[Panel], path: Path) -> None:
        kept = self.without_gaps([panel for panel in panels if panel.kind != "table"])
        steps = max(panel.position[1] + panel.position[3] for panel in kept)
        self.height = HEAD + steps * UNIT + GAP
        self.figure = pyplot.figure(figsize=(WIDTH / DOT, self.height / DOT), dpi=DOT)
        self.figure.patch.set_facecolor(PAGE)
        self.text(2 * GAP, HEAD / 2, self.title, size=12, weight="bold")
        self.text(WIDTH - 2 * GAP, HEAD / 2, f"{clock(self.seconds)} minutes", DIM, ha="right")
        for panel in kept:
            self.draw(panel)
        self.save(path)
        pyplot.close(self.figure)

    @staticmethod
    def without_gaps(panels: list[Panel]) -> list[Panel]:
        """Grafana moves panels up; those behind a table that is left out go there too."""
        used = {
            step
            for panel in panels
            for step in range(panel.position[1], panel.position[1] + panel.position[3])
        }
        moved = []
        for panel in panels:
            x, y, width, height = panel.position
            up = sum(1 for step in range(y) if step not in used)
            moved.append(replace(panel, position=(x, y - up, width, height)))
        return moved

    def save(self, path: Path) -> None:
        """A palette is enough, and makes a small file."""
        raw = io.BytesIO()
        self.figure.savefig(raw, format="png", dpi=DOT, facecolor=PAGE)
        image = Image.open(raw).convert("RGB")
        image.quantize(colors=256, dither=Image.Dither.NONE).save(path, optimize=True)

    def text(self, x: float, y: float, text: str, color: str = TEXT, **more: object) -> None:
        """At a place in dots from the upper left corner."""
        style = {"size": 9, "va": "center", **more}
        self.figure.text(x / WIDTH, 1 - y / self.height, text, color=color, **style)

    def box(self, panel: Panel) -> tuple[float, float, float, float]:
        """Left, top, width and height in dots."""
        x, y, width, height = panel.position
        column = (WIDTH - GAP) / COLUMNS
        return GAP + x * column, HEAD + y * UNIT, width * column - GAP, height * UNIT - GAP

    def draw(self, panel: Panel) -> None:
        left, top, width, height = self.box(panel)
        if panel.kind == "row":
            self.text(left + 4, top + height / 2 + 3, panel.title, weight="bold", size=10)
            return
        self.figure.add_artist(
            FancyBboxPatch(
                (left / WIDTH, 1 - (top + height) / self.height),
                width / WIDTH,
                height / self.height,
                boxstyle="square,pad=0",
                transform=self.figure.transFigure,
                facecolor=BOX,
                edgecolor=EDGE,
                linewidth=0.8,
                zorder=-1,
            )
        )
        self.text(left + 10, top + 15, panel.title, size=9, weight="medium")
        if panel.kind == "stat":
            self.draw_stat(panel)
        else:
            self.draw_graph(panel)

    def draw_stat(self, panel: Panel) -> None:
        left, top, width, height = self.box(panel)
        values = [points[-1][1] for line in panel.lines if (points := finite(line))]
        up_to_green = "green" in [name for _, name in panel.steps]
        colour = NAMED["red" if up_to_green else "green"]
        for least, name in panel.steps:
            if values and values[0] >= least:
                colour = NAMED[name]
        text = shown(values[0], panel.unit) if values else "no data"
        self.text(left + width / 2, top + height / 2 + 9, text, colour, size=19, ha="center")

    def draw_graph(self, panel: Panel) -> None:
        left, top, width, height = self.box(panel)
        inside = (left + 62, top + 32, width - 74, height - 82)
        axes = self.figure.add_axes(
            (
                inside[0] / WIDTH,
                1 - (inside[1] + inside[3]) / self.height,
                inside[2] / WIDTH,
                inside[3] / self.height,
            )
        )
        self.style(axes, panel)
        plain = [line for line in panel.lines if not line.limit and finite(line)]
        limits = [line for line in panel.lines if line.limit and finite(line)]
        if panel.stacked and plain:
            self.stack(axes, plain)
        else:
            for line, colour in zip(plain, COLOURS * 4):
                xs, ys = zip(*finite(line))
                axes.plot(xs, ys, color=colour, linewidth=1.2)
                axes.fill_between(xs, ys, color=colour, alpha=0.08, linewidth=0)
        for line in limits:
            axes.plot(*zip(*finite(line)), color=NAMED["red"], linewidth=1.1, dashes=(6, 4))
        for value, name in panel.steps:
            axes.axhline(value, color=NAMED[name], linewidth=0.9, dashes=(3, 3))
        if not plain:
            axes.text(0.5, 0.5, "no data", color=DIM, ha="center", transform=axes.transAxes)
        self.scale(axes, panel, plain)
        self.legend(panel, plain, limits)

    def stack(self, axes: Axes, plain: Sequence[Line]) -> None:
        """Each on the sum of those before it; where one has no value it adds none."""
        times = sorted({when for line in plain for when, _ in finite(line)})
        base = [0.0] * len(times)
        for line, colour in zip(plain, COLOURS * 4):
            values = dict(finite(line))
            top = [low + values.get(when, 0.0) for low, when in zip(base, times)]
            axes.fill_between(times, base, top, color=colour, alpha=0.45, linewidth=0)
            axes.plot(times, top, color=colour, linewidth=1)
            base = top

    def style(self, axes: Axes, panel: Panel) -> None:
        axes.set_facecolor(BOX)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.grid(color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(colors=DIM, labelsize=7.5, length=0)
        axes.xaxis.set_major_formatter(FuncFormatter(clock))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, panel.unit)))
        step = next(x for x in (10, 30, 60, 300, 600, 1800, 3600, 86400) if self.seconds / x <= 10)
        axes.set_xticks([step * i for i in range(int(self.seconds // step) + 1)])
        axes.set_xlim(0, self.seconds)

    @staticmethod
    def scale(axes: Axes, panel: Panel, plain: Sequence[Line]) -> None:
        """From 0; a limit far above all values would press them flat, and only its name is shown."""
        if panel.stacked:
            totals: dict[float, float] = {}
            for line in plain:
                for when, value in finite(line):
                    totals[when] = totals.get(when, 0.0) + value
            values = list(totals.values())
        else:
            values = [value for line in plain for _, value in finite(line)]
        bounds = [value for line in panel.lines if line.limit for _, value in finite(line)]
        highest = max(values, default=0.0)
        near = [bound for bound in bounds if bound <= 20 * highest]
        top = panel.highest or 1.1 * max([highest, *near], default=0.0)
        axes.set_ylim(0, top or 1)
        size = next(
            (size for size in (1 << 30, 1 << 20) if panel.unit == "bytes" and top > size), 1
        )
        whole = panel.unit == "short"
        ticks = MaxNLocator(nbins=4, integer=whole, min_n_ticks=2).tick_values(0, (top or 1) / size)
        axes.set_yticks([tick * size for tick in ticks if tick * size <= (top or 1)])

    def legend(self, panel: Panel, plain: Sequence[Line], limits: Sequence[Line]) -> None:
        left, top, _, height = self.box(panel)
        entries = [(line.name, colour) for line, colour in zip(plain, COLOURS * 4)]
        entries += [(line.name, NAMED["red"]) for line in limits]
        x = left + 12
        for name, colour in entries[:LEGENDS_MAX]:
            self.text(x, top + height - 15, "━", colour, size=8)
            self.text(x + 15, top + height - 15, name, DIM, size=7.5)
            x += 30 + 6.1 * len(name)
