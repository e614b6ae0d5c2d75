"""The benchmark's command line; script/bench builds what it needs and runs it."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import faults, lanes, latency, memory, metrics, overload, speed, start
from bench.peers import document, measure
from bench.report import HEAD, Report
from bench.tools import Bench, describe_machine, say

PARTS: dict[str, Callable[[Bench], None]] = {
    "speed": speed.run,
    "lanes": lanes.run,
    "latency": latency.run,
    "start": start.run,
    "memory": memory.run,
    "overload": overload.run,
    "faults": faults.run,
    "metrics": metrics.run,
}
PEERS: dict[str, Callable[[Bench], None]] = {"peers": measure.run}
DESCRIPTION = "Measures the service as a user starts it, and says which targets it meets."


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=DESCRIPTION)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of: {', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="short, for a smoke test: judges not")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each measurement")
    parser.add_argument("--seconds", type=float, metavar="N", help="of a phase of 'metrics'")
    parser.add_argument("--cost", type=int, metavar="N", help="of the hashes of 'metrics' (10)")
    parser.add_argument("--peers", action="store_true", help="only the comparison with peers")
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="write docs/performance.md and its picture from the last figures of --peers",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="JSON (build-bench/results.json; peers.json with --peers or --write-docs)",
    )
    parser.add_argument("--build-dir", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for part in arguments.parts:
        if part not in PARTS:
            parser.error(f"unknown part '{part}'; known are {', '.join(PARTS)}")
    if arguments.parts != ["metrics"] and (arguments.seconds or arguments.cost):
        parser.error("--seconds and --cost are for the part metrics alone")
    if arguments.parts and (arguments.peers or arguments.write_docs):
        parser.error("--peers and --write-docs take no part")
    name = "peers.json" if arguments.peers or arguments.write_docs else "results.json"
    arguments.output = arguments.output or arguments.build_dir / name
    return arguments


def run(arguments: argparse.Namespace) -> Report:
    report = Report(describe_machine() | (measure.versions() if arguments.peers else {}))
    wanted = (arguments.rounds, arguments.seconds, arguments.cost)
    bench = Bench(arguments.build_dir, arguments.quick, report, *wanted)
    print("\n".join(f"{name}: {value}" for name, value in report.machine.items()) + "\n")
    print(HEAD, flush=True)
    parts = PEERS if arguments.peers else PARTS
    for part in arguments.parts or parts:
        say(f"-- {part}")
        parts[part](bench)
    report.write(arguments.output)
    say(f"written to {arguments.output}")
    return report


def main() -> int:
    arguments = parse()
    good = True
    if arguments.peers or not arguments.write_docs:
        good = run(arguments).met() or arguments.quick
    if arguments.write_docs:
        document.write(arguments.output)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
