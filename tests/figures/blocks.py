"""The tables of the documents: each stands between two marks that name its figures."""

import re
from collections.abc import Mapping
from pathlib import Path

from figures.record import Kind, Record
from support.daemon import ROOT

BLOCK = re.compile(
    r"<!-- measured: (?P<name>[\w-]+) (?P<table>[\w-]+) -->\n.*?<!-- end of measured -->\n", re.S
)


def documents() -> list[Path]:
    return sorted(path for path in (ROOT / "docs").glob("*.md") if BLOCK.search(path.read_text()))


def block(record: Record, kind: Kind, table: str) -> str:
    """Raises KeyError when the figures have no such table."""
    content = kind.tables(record.data)[table].strip()
    mark = f"<!-- measured: {record.name} {table} -->"
    return f"{mark}\n\n{content}\n\n{record.source()}\n\n<!-- end of measured -->\n"


def filled(text: str, records: Mapping[str, Record], kinds: Mapping[str, Kind]) -> str:
    """A document with its tables as the figures are."""

    def fresh(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in records:
            return found[0]
        return block(records[name], kinds[name], found["table"])

    return BLOCK.sub(fresh, text)


def wrong(records: Mapping[str, Record], kinds: Mapping[str, Kind]) -> list[str]:
    """What is wrong with the documents' tables, a line each."""
    found = []
    for path in documents():
        text = path.read_text()
        asked = set(BLOCK.findall(text))
        missing = sorted({name for name, _ in asked} - set(records))
        found += [f"{path.name}: '{name}' was never measured" for name in missing]
        strange = sorted(
            f"{name} {table}"
            for name, table in asked
            if name in records and table not in kinds[name].tables(records[name].data)
        )
        found += [f"{path.name}: there is no table '{each}'" for each in strange]
        if not strange and filled(text, records, kinds) != text:
            found.append(f"{path.name} differs from its figures: run script/figures --write-docs")
    return found
