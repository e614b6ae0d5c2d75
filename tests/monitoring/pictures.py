"""Draws the dashboards of monitoring/dashboards from a Prometheus's data, in Grafana's layout."""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.canvas import Canvas, Line, Panel
from monitoring.live import Live, Prometheus, legend, with_variables
from support.daemon import ROOT

DASHBOARDS = ROOT / "monitoring" / "dashboards"
POINTS = 300
# Seconds, and honest requests as a share of the capacity: what fits, more than fits, what fits.
PROFILE = ((75, 0.35), (90, 2.0), (90, 0.35))
SCRAPE_S = 2


@dataclass(frozen=True)
class Span:
    start: float
    end: float
    window: str  # what $__rate_interval stands for

    @property
    def step(self) -> float:
        return max((self.end - self.start) / POINTS, 1.0)


def lines(prometheus: Prometheus, panel: dict[str, Any], span: Span) -> list[Line]:
    """The series of a panel; times are seconds since the begin of the picture."""
    limits = {item["matcher"]["options"] for item in panel["fieldConfig"]["overrides"]}
    found = []
    for target in panel["targets"]:
        expr = with_variables(target["expr"], span.window)
        for series in prometheus.query_range(expr, span.start, span.end, span.step):
            points = [(float(when) - span.start, float(text)) for when, text in series["values"]]
            name = legend(target["legendFormat"], series["metric"])
            found.append(Line(name, points, target["refId"] in limits))
    return found


def read_panel(prometheus: Prometheus, panel: dict[str, Any], span: Span) -> Panel:
    place = panel["gridPos"]
    position = (place["x"], place["y"], place["w"], place["h"])
    if panel["type"] == "row":
        return Panel(panel["title"], "row", "", position)
    defaults = panel["fieldConfig"]["defaults"]
    steps = [
        (step["value"], step["color"])
        for step in defaults["thresholds"]["steps"]
        if step["value"] is not None
    ]
    return Panel(
        panel["title"],
        panel["type"],
        defaults["unit"],
        position,
        lines(prometheus, panel, span),
        defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal",
        steps,
        defaults.get("max"),
    )


def draw(prometheus: Prometheus, name: str, span: Span, directory: Path) -> None:
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text())
    panels = [read_panel(prometheus, panel, span) for panel in dashboard["panels"]]
    path = directory / f"dashboard-{name}.png"
    Canvas(dashboard["title"], span.end - span.start).write(panels, path)
    print(f"{path}: {path.stat().st_size // 1024} kB")


def play(live: Live) -> Span:
    """The load of the picture; a worker dies in each part."""
    live.traffic.begin(honest=2, wrong=0.3, abuser=0.5)
    live.wait_above("bcryptd_hash_duration_seconds_count", 30)
    capacity = live.capacity()
    print(f"{capacity:.1f} hashes/s; load for {sum(x for x, _ in PROFILE)} s", flush=True)
    start = time.time()
    for seconds, share in PROFILE:
        end = time.monotonic() + seconds
        live.traffic.begin(honest=share * capacity, abuser=8 if share > 1 else 0.5)
        live.wait_until(end - seconds / 2)
        live.kill_worker()
        live.wait_until(end)
    return Span(start, time.time(), f"{8 * SCRAPE_S}s")


def arguments() -> argparse.Namespace:
    """script/pictures has the text about them."""
    parser = argparse.ArgumentParser(prog="script/pictures", add_help=False)
    parser.add_argument("names", nargs="*", metavar="NAME", default=["service", "pool"])
    parser.add_argument("--prometheus", metavar="URL")
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--cost", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    for name in options.names:
        if not (DASHBOARDS / f"{name}.json").exists():
            print(f"script/pictures: no dashboard is called '{name}'")
            return 2
    options.out.mkdir(parents=True, exist_ok=True)
    if options.prometheus:
        now = time.time()
        span = Span(now - options.seconds, now, f"{max(options.seconds // 60, 20)}s")
        for name in options.names:
            draw(Prometheus(options.prometheus), name, span, options.out)
        return 0
    cost = str(options.cost)
    with Live(SCRAPE_S, BCRYPTD_COST=cost, BCRYPTD_MIN_COST=cost) as live:
        span = play(live)
        for name in options.names:
            draw(live.prometheus, name, span, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
