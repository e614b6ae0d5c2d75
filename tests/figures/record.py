"""What was measured: a JSON file for each, with the machine and the date, and tables made of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import today
from bench.tools import describe_machine
from support.daemon import ROOT

DIRECTORY = ROOT / "docs" / "figures"
IMAGES = ROOT / "docs" / "images"
# Of describe_machine(), what a reader of a table has to know.
TOLD = ("CPU", "memory", "system")


@dataclass(frozen=True)
class Kind:
    """A measurement that script/figures knows by its name."""

    title: str  # for --list
    measure: Callable[[bool], dict[str, Any]]  # quick or not; returns what JSON can hold
    tables: Callable[[dict[str, Any]], dict[str, str]]  # Markdown by the name in the documents
    pictures: Callable[[dict[str, Any]], dict[str, str]] | None = None  # SVG by its file's name


@dataclass(frozen=True)
class Record:
    """One run of a measurement."""

    name: str
    date: str
    quick: bool
    machine: dict[str, str]
    data: dict[str, Any]

    def write(self, directory: Path) -> Path:
        path = directory / f"{self.name}.json"
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.__dict__, indent=1, ensure_ascii=False) + "\n")
        return path

    def source(self) -> str:
        """The line below each of its tables."""
        machine = ", ".join(self.machine[name] for name in TOLD)
        short = ", a short trial that is not to be relied on" if self.quick else ""
        return f"*`script/figures {self.name}`, {self.date}, on {machine}{short}.*"


def measure(name: str, kind: Kind, quick: bool) -> Record:
    return Record(name, today(), quick, describe_machine(), kind.measure(quick))


def read(name: str, directory: Path = DIRECTORY) -> Record:
    return Record(**json.loads((directory / f"{name}.json").read_text()))
