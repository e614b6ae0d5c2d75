"""What is shipped."""

from dataclasses import dataclass
from typing import Any, Protocol

Position = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """A line, and the place in its source after it."""

    source: str
    text: bytes
    position: Position


class Source(Protocol):
    """A log that is read in its order."""

    name: str

    def next(self) -> Record | None:
        """The next line; None when there is none yet."""

    def left(self, position: Position | None) -> int:
        """About how many lines are behind a place."""
