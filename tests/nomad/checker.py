"""Finds names in a file of HCL that Nomad does not know, or not at that place."""

import re
from collections.abc import Iterator
from typing import Any

from nomad.hcl import Document
from nomad.names import Block, Choice, names

Body = dict[str, Any]
DYNAMIC = {"for_each", "iterator", "labels", "content"}
# for_each = var.driver == "exec" ? [1] : []
CONDITION = re.compile(r'\$\{(\S+) == "([^"]*)" \? ')


def is_block(value: Any, labels: int) -> bool:
    """Whether the parser read a block with so many labels: as a list of bodies, below each label."""
    if labels:
        return isinstance(value, dict) and all(
            is_block(each, labels - 1) for each in value.values()
        )
    return isinstance(value, list) and value != [] and all(isinstance(each, dict) for each in value)


def bodies(value: Any, labels: int) -> Iterator[tuple[tuple[str, ...], Body]]:
    """The bodies of a block of that name, each with its labels."""
    if labels == 0:
        yield from (((), body) for body in value)
        return
    for label, inner in value.items():
        yield from (((label, *rest), body) for rest, body in bodies(inner, labels - 1))


def _labels(target: str | Choice) -> int:
    # Those of a choice have the same number.
    name = target if isinstance(target, str) else next(iter(target.of.values()))
    return names()[name].labels


def _chosen_by(around: Body, attribute: str, repeated: str) -> str | None:
    """The value of the attribute, or the one that a for_each compares it with; None cannot be told."""
    value = around.get(attribute)
    if isinstance(value, str) and "${" not in value:
        return value
    match = CONDITION.match(repeated)
    return match[2] if match and value == f"${{{match[1]}}}" else None


class Checker:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def report(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}")

    def body(self, where: str, block: Block, body: Body) -> None:
        if block.open:
            return
        for name, value in body.items():
            if name == "dynamic":
                self.dynamic(where, block, body)
            elif name in block.blocks and is_block(value, _labels(block.blocks[name])):
                for labels, inner in bodies(value, _labels(block.blocks[name])):
                    self.inner(where, block, body, name, labels, inner)
            elif block.has_attribute(name):
                self.attribute(where, block, body, name)
            else:
                self.unknown(where, block, name, value)

    def inner(
        self,
        where: str,
        block: Block,
        around: Body,
        name: str,
        labels: tuple[str, ...],
        body: Body,
        repeated: str = "",
    ) -> None:
        """A block below another one; repeated is the for_each of a dynamic one."""
        target = block.blocks[name]
        if isinstance(target, Choice):
            by_label = target.by == "label"
            value = labels[0] if by_label else _chosen_by(around, target.by, repeated)
            if value is None or value not in target.of:
                self.report(where, f"no names are known of '{name}' with the {target.by} {value!r}")
                return
            target = target.of[value]
        self.body(" / ".join([where, " ".join([name, *labels])]), names()[target], body)

    def dynamic(self, where: str, block: Block, body: Body) -> None:
        for name, entries in body["dynamic"].items():
            if name not in block.blocks:
                self.report(where, f"unknown block '{name}'")
                continue
            for entry in entries:
                for key in entry.keys() - DYNAMIC:
                    self.report(where, f"unknown attribute '{key}' of dynamic '{name}'")
                for key in {"for_each", "content"} - entry.keys():
                    self.report(where, f"no '{key}' in dynamic '{name}'")
                labels = tuple(entry.get("labels", ()))
                for content in entry.get("content", ()):
                    repeated = str(entry.get("for_each"))
                    self.inner(where, block, body, name, labels, content, repeated)

    def attribute(self, where: str, block: Block, body: Body, name: str) -> None:
        value = body[name]
        if is_block(value, 0):
            self.report(where, f"'{name}' is an attribute, not a block")
        elif isinstance(value, dict) and name in block.blocks:
            self.inner(where, block, body, name, (), value)
        allowed = block.values.get(name, frozenset())
        for each in value if isinstance(value, list) else [value]:
            if allowed and isinstance(each, str) and "${" not in each and each not in allowed:
                self.report(where, f"'{name}' is never {each!r}")

    def unknown(self, where: str, block: Block, name: str, value: Any) -> None:
        if name in block.blocks:
            labels = _labels(block.blocks[name])
            self.report(where, f"'{name}' is a block, its labels are {labels}")
        elif is_block(value, 0) or (isinstance(value, dict) and is_block(value, 1)):
            self.report(where, f"unknown block '{name}'")
        else:
            self.report(where, f"unknown attribute '{name}'")


def unknown_names(document: Document, kind: str) -> list[str]:
    """What is wrong in it as a file of that kind: job, scaling, agent, autoscaler or acl."""
    checker = Checker()
    checker.body(document.name, names()[f"{kind}.file"], document.tree)
    return checker.problems
