"""The tables and the pictures of docs/scaling.md."""

from collections.abc import Callable, Mapping, Sequence

from gce.capacity import Engine
from gce.drawing import AMBER, BLUE, GREEN, GREY, INK, Axis, Column, Line, Panel, axis_to, draw
from gce.load import HOUR
from gce.simulation import Minute, Outcome, World

COLOURS = (GREY, AMBER, BLUE, GREEN)
BUCKET = 5  # minutes that become one point of a picture
HEAD = (
    "| policy | VM-hours | cost | CPU | CPU p95 | full | refused | in the burst | zone lost"
    " | minutes | most VMs |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)
Value = Callable[[Minute], float]


def percent(share: float) -> str:
    """Two figures of what is small, as refusals are."""
    digits = 2 if share < 0.01 else 1 if share < 0.1 else 0
    return f"{share:.{digits}%}"


def row(world: World, outcome: Outcome, price: float) -> str:
    cells = [
        outcome.setting.name,
        f"{outcome.machine_hours:.0f}",
        f"{outcome.machine_hours * outcome.vcpus * price:.2f}",
        f"{outcome.mean_utilisation:.0%}",
        f"{outcome.p95_utilisation:.0%}",
        f"{outcome.fullness:.0%}",
        percent(outcome.shed_share()),
        percent(outcome.shed_share(world.day.burst)),
        percent(outcome.shed_share(world.day.zone_loss)),
        f"{outcome.shed_minutes}",
        f"{outcome.largest}",
    ]
    return "| " + " | ".join(cells) + " |\n"


def tables(world: World, outcomes: Mapping[str, Sequence[Outcome]], price: float) -> str:
    """One table for each heading, in Markdown."""
    return "\n".join(
        f"**{heading}**\n\n{HEAD}" + "".join(row(world, outcome, price) for outcome in found)
        for heading, found in outcomes.items()
    )


def sizes_table(engines: Mapping[str, Engine], vcpus: Sequence[int] = (2, 4, 8)) -> str:
    """What a machine shows and refuses at shares of its capacity, by its size."""
    shares = (0.2, 0.4, 0.5, 0.6, 0.8)
    text = "| | " + " | ".join(f"{share:.0%} full" for share in shares) + " |\n"
    text += "|---|" + "--:|" * len(shares) + "\n"
    for name, engine in engines.items():
        for count in vcpus:
            full = engine.per_vcpu * count
            work = [(engine.work(share * full, count), share * full) for share in shares]
            cells = [
                f"{found.utilisation:.0%}, {found.occupancy:.0%}, {percent(found.shed / load)}"
                for found, load in work
            ]
            text += f"| {name}, {count} vCPUs | " + " | ".join(cells) + " |\n"
    return text


def day_axis(world: World) -> Axis:
    hours = (world.end - world.begin) / HOUR
    every = 4 if hours > 8 else 1
    marks = range(int(world.begin // HOUR), int(world.end // HOUR) + 1, every)
    return Axis(world.begin, world.end, [(hour * HOUR, f"{hour:02d}:00") for hour in marks])


def points(
    outcome: Outcome, value: Value, choose: Callable[[list[float]], float]
) -> list[tuple[float, float]]:
    minutes = outcome.minutes
    groups = [minutes[at : at + BUCKET] for at in range(0, len(minutes), BUCKET)]
    return [(group[-1].time, choose([value(minute) for minute in group])) for group in groups]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def cost_points(outcome: Outcome, price: float) -> list[tuple[float, float]]:
    total, found = 0.0, []
    for minute in outcome.minutes:
        total += minute.machines * outcome.vcpus * price / 60
        found.append((minute.time, total))
    return found[BUCKET - 1 :: BUCKET]


def day_column(
    world: World, title: str, outcomes: Sequence[Outcome], price: float, highs: Mapping[str, float]
) -> Column:
    """What a day looks like with each policy; highs are the ends of the scales, which columns share."""
    coloured = list(zip(outcomes, COLOURS))
    x = day_axis(world)

    def panel(
        title: str, key: str, y: Axis, value: Value, choose: Callable[[list[float]], float]
    ) -> Panel:
        lines = [Line("", colour, points(one, value, choose)) for one, colour in coloured]
        return Panel(title, lines, x, y)

    load = Line("", INK, points(outcomes[0], lambda minute: minute.offered, max))
    cost = [Line("", colour, cost_points(one, price)) for one, colour in coloured]
    return Column(
        title,
        [
            Panel("asked, hashes a second", [load], x, axis_to(highs["load"])),
            panel("VMs", "machines", axis_to(highs["machines"]), lambda m: m.machines, max),
            panel(
                "CPU, mean of the VMs", "cpu", axis_to(1.0, "%", 100), lambda m: m.utilisation, mean
            ),
            panel("refused", "shed", axis_to(highs["shed"], "%", 100), lambda m: m.shed_share, max),
            Panel("cost since midnight", cost, x, axis_to(highs["cost"])),
        ],
        [Line(one.setting.name, colour, []) for one, colour in coloured],
    )


def day_picture(world: World, columns: Mapping[str, Sequence[Outcome]], price: float) -> str:
    """The day, a column for each engine, with the same scales."""
    found = [one for outcomes in columns.values() for one in outcomes]
    minutes = [minute for one in found for minute in one.minutes]
    highs = {
        "load": max(minute.offered for minute in minutes),
        "machines": max(minute.machines for minute in minutes),
        "shed": max(max(minute.shed_share for minute in minutes), 0.1),
        "cost": max(one.machine_hours * one.vcpus for one in found) * price,
    }
    drawn = [day_column(world, title, chosen, price, highs) for title, chosen in columns.items()]
    return draw(
        drawn, "A day of load: VMs, CPU, refusals and cost with several policies of scaling"
    )


def signal_column(engine: Engine, vcpus: int) -> Column:
    """What the signals of one machine show at a load, as a share of its capacity."""
    full = engine.per_vcpu * vcpus
    loads = [place / 50 for place in range(1, 76)]
    work = [(load, engine.work(load * full, vcpus)) for load in loads]
    lines = [
        Line("CPU", AMBER, [(load, found.utilisation) for load, found in work]),
        Line("lanes in use", BLUE, [(load, found.occupancy) for load, found in work], dashed=True),
        Line("refused", GREY, [(load, found.shed / (load * full)) for load, found in work]),
    ]
    x = Axis(0.0, 1.5, [(mark / 4, f"{mark / 4:.0%}") for mark in range(7)])
    title = f"{engine.name}, {vcpus} vCPUs"
    panel = Panel("at a load, as a share of the capacity", lines, x, axis_to(1.0, "%", 100))
    return Column(title, [panel], lines)


def signal_picture(engines: Mapping[str, Engine], vcpus: int) -> str:
    drawn = [signal_column(engine, vcpus) for engine in engines.values()]
    return draw(drawn, "CPU, lanes in use and refusals of one machine at a load", 240)
