"""The pictures of docs/persistence.md, in the look of the other ones."""

from collections.abc import Callable, Mapping
from typing import Any

from gce.drawing import AMBER, BLUE, GREEN, GREY, Axis, Column, Line, Panel, Point, axis_to, draw
from persistence.tables import WAYS, picked

Row = Mapping[str, Any]
WAY_COLOURS = {"synchronous": BLUE, "etcd": AMBER}
FAILOVER_COLOURS = (GREY, BLUE, GREEN, AMBER)
BEFORE_S, AFTER_S = -2.0, 6.0


def number(name: str) -> Callable[[Row], float]:
    return lambda row: float(row[name])


def points(rows: list[Row], value: Callable[[Row], float]) -> list[Point]:
    return [(float(row["workers"]), value(row)) for row in rows]


def workers_axis(lines: list[Line]) -> Axis:
    found = sorted({x for line in lines for x, _ in line.points})
    return Axis(0.0, found[-1], [(x, f"{x:g}") for x in found])


def panel(title: str, lines: list[Line]) -> Panel:
    high = max(y for line in lines for _, y in line.points)
    return Panel(title, lines, workers_axis(lines), axis_to(max(high, 1.0)))


def connections(data: Row) -> str:
    rows = data["connections"]["rows"]
    ways = {"direct": (BLUE, "straight to PostgreSQL"), "pgbouncer": (AMBER, "through pgbouncer")}

    def lines(value: Callable[[Row], float]) -> list[Line]:
        return [
            Line(label, colour, points(picked(rows, way=way), value))
            for way, (colour, label) in ways.items()
        ]

    at_server = panel("connections at the server, by workers", lines(number("server_connections")))
    refused = panel("workers without a connection, by workers", lines(number("refused")))
    speed = panel("registrations a second, by workers", lines(number("per_s")))
    tail = panel("p99 in ms, of those that have a connection", lines(number("p99_ms")))
    columns = [
        Column("Connections", [at_server, refused], at_server.lines),
        Column("What they get", [speed, tail]),
    ]
    return draw(
        columns,
        "Connections, refusals, speed and p99 by workers, as in the table of docs/persistence.md",
    )


def hot(data: Row) -> str:
    def lines(way: str, value: Callable[[Row], float]) -> list[Line]:
        rows = [(shared, picked(data["hot"], way=way, hot=shared)) for shared in (True, False)]
        return [
            Line(
                "one for all" if shared else "one each",
                WAY_COLOURS[way],
                points(some, value),
                not shared,
            )
            for shared, some in rows
        ]

    columns = []
    for way, thing in (("synchronous", "a row"), ("etcd", "a key")):
        fast = panel("counted a second, by workers", lines(way, number("per_s")))
        often = panel("tries for each that succeeds, by workers", lines(way, number("tries")))
        columns.append(Column(f"{WAYS[way]}: {thing}", [fast, often], fast.lines))
    return draw(
        columns,
        "Speed and tries on one counter and on one each, as in the table of docs/persistence.md",
    )


def failover(data: Row) -> str:
    runs = list(zip(data["failover"], FAILOVER_COLOURS[4 - len(data["failover"]) :], strict=True))
    marks = [(x, f"{x:g} s") for x in range(int(BEFORE_S), int(AFTER_S) + 1, 2)]
    axis = Axis(BEFORE_S, AFTER_S, marks)

    def one(run: Row, colour: str) -> Panel:
        found = [(x, y) for x, y in run["timeline"] if BEFORE_S <= x <= AFTER_S]
        high = max(y for _, y in run["timeline"])
        return Panel(WAYS[run["way"]], [Line(run["way"], colour, found)], axis, axis_to(high))

    panels = [one(run, colour) for run, colour in runs]
    half = (len(panels) + 1) // 2
    columns = [
        Column("Answers a second; the power is cut at 0 s", panels[:half]),
        Column("", panels[half:]),
    ]
    return draw(
        columns, "Answers a second before and after the power of the primary, or leader, is cut"
    )


def pictures(data: dict[str, Any]) -> dict[str, str]:
    return {
        "persistence-connections.svg": connections(data),
        "persistence-hot.svg": hot(data),
        "persistence-failover.svg": failover(data),
    }
