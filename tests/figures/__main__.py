"""The command line of script/figures."""

import argparse
import sys
from pathlib import Path

from figures import blocks, record
from figures.kinds import KINDS

DESCRIPTION = """Measures the figures of the documents, and writes them: to docs/figures/NAME.json,
and from there into the tables and pictures of docs/. Each table says which run it is of."""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/figures", description=DESCRIPTION)
    known = ", ".join(KINDS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure, of: {known}")
    parser.add_argument(
        "--list", action="store_true", help="what there is, and when it was measured"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a short trial, into --output: nothing in docs/ changes",
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIRECTORY", help="of a short trial (build-figures)"
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="measure nothing, write the documents again"
    )
    parser.add_argument(
        "--check", action="store_true", help="exit 1 when a document differs from its figures"
    )
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in KINDS:
            parser.error(f"unknown name '{name}'; known are {known}")
    asked = bool(arguments.names), arguments.list, arguments.write_docs, arguments.check
    if sum(asked) != 1:
        parser.error("give either names, --list, --write-docs or --check")
    if arguments.quick and not arguments.names:
        parser.error("--quick is for a measurement: give its name, too")
    if arguments.output is not None and not arguments.quick:
        parser.error("--output is of a short trial: give --quick, too")
    arguments.output = arguments.output or Path("build-figures")
    return arguments


def tell() -> None:
    for name, kind in KINDS.items():
        path = record.DIRECTORY / f"{name}.json"
        measured = record.read(name).date if path.exists() else "never"
        print(f"{name:12} {measured:10}  {kind.title}")


def known_records() -> dict[str, record.Record]:
    return {
        name: record.read(name) for name in KINDS if (record.DIRECTORY / f"{name}.json").exists()
    }


def check() -> int:
    wrong = blocks.wrong(known_records(), KINDS)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def write_docs() -> None:
    records = known_records()
    for path in blocks.documents():
        path.write_text(blocks.filled(path.read_text(), records, KINDS))
    for name, one in records.items():
        draw = KINDS[name].pictures
        for file, picture in (draw(one.data) if draw else {}).items():
            (record.IMAGES / file).write_text(picture)


def measure(names: list[str], quick: bool, output: Path) -> None:
    for name in names:
        print(f"{name}: {KINDS[name].title}", file=sys.stderr, flush=True)
        done = record.measure(name, KINDS[name], quick)
        written = done.write(output if quick else record.DIRECTORY)
        for table in KINDS[name].tables(done.data).values():
            print(f"\n{table.strip()}")
        print(f"\n{done.source()}\n{written}", flush=True)


def main() -> int:
    arguments = parse()
    if arguments.list:
        tell()
    elif arguments.check:
        return check()
    elif arguments.write_docs:
        write_docs()
    else:
        measure(arguments.names, arguments.quick, arguments.output)
        if not arguments.quick:
            write_docs()
    return 0


if __name__ == "__main__":
    sys.exit(main())
