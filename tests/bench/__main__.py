"""The benchmark's command line; script/bench builds what it needs and runs it."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import faults, latency, memory, overload, speed, start
from bench.report import HEAD, Report
from bench.tools import Bench, describe_machine, say

PARTS: dict[str, Callable[[Bench], None]] = {
    "speed": speed.run,
    "latency": latency.run,
    "start": start.run,
    "memory": memory.run,
    "overload": overload.run,
    "faults": faults.run,
}
DESCRIPTION = "Measures the service as a user starts it, and says which targets it meets."


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=DESCRIPTION)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of: {', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="short, for a smoke test: judges not")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON (build-bench/results.json)"
    )
    parser.add_argument("--build-dir", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for part in arguments.parts:
        if part not in PARTS:
            parser.error(f"unknown part '{part}'; known are {', '.join(PARTS)}")
    return arguments


def main() -> int:
    arguments = parse()
    report = Report(describe_machine())
    bench = Bench(arguments.build_dir, arguments.quick, report)
    print("\n".join(f"{name}: {value}" for name, value in report.machine.items()) + "\n")
    print(HEAD, flush=True)
    for part in arguments.parts or PARTS:
        say(f"-- {part}")
        PARTS[part](bench)
    output = arguments.output or arguments.build_dir / "results.json"
    report.write(output)
    say(f"written to {output}")
    return 0 if report.met() or arguments.quick else 1


if __name__ == "__main__":
    sys.exit(main())
