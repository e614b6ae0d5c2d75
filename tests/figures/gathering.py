"""What the gathering of a host's metrics costs: CPU time, series and disk."""

import statistics
from typing import Any

from bench import metrics
from bench.gather import INTERVAL_S, Gathering
from bench.report import Report
from bench.tools import Bench, in_flight_cap, stack_for
from figures.record import Kind
from figures.tables import rounded, table
from support.daemon import BINARY

DISK_INTERVAL_S = 1  # so that a short run has as many samples as a longer one at the usual interval
DAY_S = 86_400
KEPT_DAYS, KEPT_BYTES = 30, 10e9  # prometheus_retention_time and _size


def cpu(quick: bool) -> dict[str, Any]:
    """Shares of the workers' CPU time, and the series, as script/bench metrics has them."""
    bench = Bench(BINARY.parent, quick, Report({}), wanted_seconds=2 if quick else None)
    metrics.run(bench)
    done = [one["values"] for one in bench.report.data[f"metrics, cost {metrics.COST}"]]
    shares = [metrics.cpu_shares(values) for values in done]
    return {
        "shares": {name: statistics.median(x[name] for x in shares) for name in shares[0]},
        "series": done[-1]["gathered"][-1]["series"],
    }


def disk(quick: bool) -> dict[str, Any]:
    """Bytes of a sample with its part of the index, and samples of each look at the host."""
    seconds = 10 if quick else 300
    bench = Bench(BINARY.parent, quick, Report({}))
    with stack_for(metrics.COST) as stack, Gathering(stack, DISK_INTERVAL_S) as gathering:
        bench.wrk(stack, in_flight_cap(stack), seconds, "GET")
        size, samples = gathering.snapshot()
        looks = max(gathering.ask(f"count_over_time(up[{2 * seconds + 60}s])").values())
    return {"bytes_per_sample": size / samples, "samples_per_look": samples / looks}


def measure(quick: bool) -> dict[str, Any]:
    return {**cpu(quick), **disk(quick)}


def tables(data: dict[str, Any]) -> dict[str, str]:
    day = data["bytes_per_sample"] * data["samples_per_look"] * DAY_S / INTERVAL_S
    jobs = ", ".join(f"{job} {count:.0f}" for job, count in data["series"].items())
    rows = [
        ["CPU time of all that gathers, of the workers'", f"{sum(data['shares'].values()):.2%}"],
        *([f"… {name}", f"{share:.2%}"] for name, share in data["shares"].items()),
        [f"series of the host ({jobs})", rounded(sum(data["series"].values()))],
        ["bytes of a sample, with its part of the index", f"{data['bytes_per_sample']:.1f}"],
        ["disk for a host and day, with the rules' series", f"{day / 1e6:.0f} MB"],
        [
            f"hosts for which {KEPT_BYTES / 1e9:.0f} GB are {KEPT_DAYS} days",
            f"{KEPT_BYTES / KEPT_DAYS / day:.0f}",
        ],
    ]
    return {"cost": table([f"each {INTERVAL_S} s", ""], rows)}


KIND = Kind("what the gathering of a host's metrics costs", measure, tables)
