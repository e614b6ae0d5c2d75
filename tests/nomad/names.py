"""The blocks and attributes that Nomad and its autoscaler know, of names/*.yml; job.yml says how they are written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent / "names"
KEYS = {"labels", "attributes", "blocks", "open", "values"}


@dataclass(frozen=True)
class Choice:
    """A block whose names depend on its own label, or on an attribute beside it."""

    by: str
    of: Mapping[str, str]


@dataclass(frozen=True)
class Block:
    labels: int
    attributes: tuple[str, ...]
    blocks: Mapping[str, str | Choice]
    open: bool
    values: Mapping[str, frozenset[str]]

    def has_attribute(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.attributes)

    def targets(self) -> Iterator[str]:
        for target in self.blocks.values():
            yield from [target] if isinstance(target, str) else target.of.values()


def _full(file: str, name: str) -> str:
    return name if "." in name else f"{file}.{name}"


def _target(file: str, written: str | dict[str, dict[str, str]]) -> str | Choice:
    if isinstance(written, str):
        return _full(file, written)
    ((by, of),) = written.items()
    return Choice(by, {value: _full(file, name) for value, name in of.items()})


def _blocks(file: str, written: list[Any]) -> Iterator[tuple[str, str | Choice]]:
    for each in written:
        for name, target in ({each: each} if isinstance(each, str) else each).items():
            yield name, _target(file, target)


def _block(file: str, written: dict[str, Any]) -> Block:
    if unknown := written.keys() - KEYS:
        raise ValueError(f"names/{file}.yml: {unknown}")
    values = {name: frozenset(allowed) for name, allowed in written.get("values", {}).items()}
    return Block(
        written.get("labels", 0),
        tuple(written.get("attributes", ())),
        dict(_blocks(file, written.get("blocks", []))),
        written.get("open", False),
        values,
    )


def _read(file: str) -> Any:
    return yaml.safe_load((HERE / f"{file}.yml").read_text())


@cache
def names() -> Mapping[str, Block]:
    """All blocks, as file.name. The top of a file of HCL is the block file.file."""
    return {
        f"{file}.{name}": _block(file, written)
        for file in ("job", "drivers", "scaling", "agent", "autoscaler", "acl")
        for name, written in _read(file).items()
    }


@cache
def functions() -> frozenset[str]:
    """What a job's expression may call."""
    return frozenset(names()["job.functions"].attributes)


@cache
def metrics() -> frozenset[str]:
    """Those of Nomad's own."""
    return frozenset(_read("metrics")["metrics"])
