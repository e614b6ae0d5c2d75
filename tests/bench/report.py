"""The lines of the report: what, target, measured, and whether it was met."""

import datetime
import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


def today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


@dataclass
class Line:
    part: str
    what: str
    target: str
    measured: str
    met: bool | None  # None: for information, nothing to meet


@dataclass
class Report:
    machine: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def add(
        self, part: str, what: str, target: str, measured: str, met: bool | None = None
    ) -> None:
        line = Line(part, what, target, measured, met)
        self.lines.append(line)
        print(row(line), flush=True)

    def met(self) -> bool:
        return all(line.met is not False for line in self.lines)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "date": today(),
            "machine": self.machine,
            "lines": [asdict(line) for line in self.lines],
            "data": self.data,
        }
        path.write_text(json.dumps(content, indent=1) + "\n")


HEAD = "| part | what | target | measured | |\n|---|---|---|---|---|"


def row(line: Line) -> str:
    verdict = {True: "ok", False: "**missed**", None: ""}[line.met]
    return f"| {line.part} | {line.what} | {line.target} | {line.measured} | {verdict} |"


def spread(values: list[float], digits: int = 3, unit: str = "") -> str:
    """Median with the smallest and the largest value."""
    low, middle, high = min(values), statistics.median(values), max(values)
    space = " " if unit else ""
    return f"{middle:.{digits}f}{space}{unit} ({low:.{digits}f} to {high:.{digits}f})"
