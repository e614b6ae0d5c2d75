"""nginx's access log, through its rotations."""

import gzip
import hashlib
import os
import re
import time
from io import BufferedIOBase
from pathlib import Path

from log_shipping.record import Position, Record

NAME = "access"
LINE_MAX = 32_768
# nginx goes on writing to a file that was renamed until it is told to open it anew, and processes
# that are shutting down for ten seconds at the most.
QUIET_S = 15.0
USUAL_LINE = 700


def identity(first: bytes) -> str:
    """What a file is known by under all its names, compressed as well: its first line, which has an
    id that no other has."""
    return hashlib.sha256(first).hexdigest()[:32]


def open_log(path: Path) -> BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def identity_of(path: Path) -> str | None:
    try:
        with open_log(path) as file:
            first = file.readline(LINE_MAX)
    except (FileNotFoundError, EOFError, gzip.BadGzipFile):
        return None
    return identity(first) if first.endswith(b"\n") else None


def family(path: Path) -> list[Path]:
    """The log and what was rotated of it, oldest first."""
    pattern = re.compile(re.escape(path.name) + r"\.(\d+)(\.gz)?")
    rotated = []
    for other in path.parent.iterdir():
        match = pattern.fullmatch(other.name)
        if match:
            rotated.append((int(match[1]), other))
    return [other for _, other in sorted(rotated, reverse=True)] + [path]


class Access:
    """Reads on where it was, wherever that file is by now."""

    name = NAME

    def __init__(self, path: Path, position: Position | None) -> None:
        self.path = path
        self.file: BufferedIOBase | None = None
        self.compressed = False
        self.first: str | None = None
        self.offset = 0
        self.grown = time.monotonic()
        if position is not None:
            self.resume(position)

    def resume(self, position: Position) -> None:
        """Finds the file of a place. When that is gone, all that is left is newer."""
        files = family(self.path)
        for path in reversed(files):
            if identity_of(path) == position["first"]:
                self.take(path, position["offset"])
                return
        self.take(files[0], 0)

    def take(self, path: Path, offset: int) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None
        try:
            self.file = open_log(path)
        except FileNotFoundError:
            return
        self.compressed = path.suffix == ".gz"
        self.first = identity_of(path) if offset else None
        self.offset = offset
        self.file.seek(offset)
        self.grown = time.monotonic()

    def next(self) -> Record | None:
        if self.file is None:
            self.take(self.path, 0)
        if self.file is None:
            return None
        line = self.file.readline(LINE_MAX)
        if line.endswith(b"\n") or len(line) == LINE_MAX:
            return self.record(line)
        self.file.seek(self.offset)
        if line and not self.is_over():
            return None
        return self.record(line) if line else self.at_the_end()

    def record(self, line: bytes) -> Record:
        if self.offset == 0:
            self.first = identity(line)
        self.offset += len(line)
        self.grown = time.monotonic()
        return Record(NAME, line.rstrip(b"\n"), {"first": self.first, "offset": self.offset})

    def at_the_end(self) -> Record | None:
        """Goes over to the next file, if this one is over."""
        assert self.file is not None
        if not self.compressed and os.fstat(self.file.fileno()).st_size < self.offset:
            self.take(self.path, 0)
            return self.next()
        following = self.following() if self.is_over() else None
        if following is None:
            return None
        self.take(following, 0)
        return self.next()

    def is_over(self) -> bool:
        """Whether nothing comes to this file any more."""
        if self.compressed:
            return True
        assert self.file is not None
        try:
            if os.path.samestat(os.fstat(self.file.fileno()), self.path.stat()):
                return False
        except FileNotFoundError:
            return False
        return time.monotonic() - self.grown > QUIET_S

    def following(self) -> Path | None:
        """The file after this one; None while it cannot be told, as in the middle of a rotation."""
        files = family(self.path)
        for path, after in zip(files, files[1:]):
            if self.is_open(path):
                return after
        # Emptied or deleted meanwhile: what there is, is newer.
        return files[0] if self.first is None else self.after_gone(files)

    def after_gone(self, files: list[Path]) -> Path | None:
        for path, after in zip(files, files[1:]):
            if identity_of(path) == self.first:
                return after
        return files[0]

    def is_open(self, path: Path) -> bool:
        assert self.file is not None
        try:
            return os.path.samestat(os.fstat(self.file.fileno()), path.stat())
        except FileNotFoundError:
            return False

    def left(self, position: Position | None) -> int:
        sizes = 0
        for path in reversed(family(self.path)):
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            sizes += size
            if position is not None and identity_of(path) == position["first"]:
                # A compressed file is smaller than what was read of it.
                sizes -= min(position["offset"], size)
                break
        return max(0, sizes) // USUAL_LINE
