"""What an expression of HCL refers to and calls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nomad.hcl import Node

Bindings = Mapping[str, Node]  # a name that "for" binds, and the collection that it goes through


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    bindings: Bindings


def walk(node: Node, bindings: Bindings) -> Iterator[tuple[Node, Bindings]]:
    """The node and all below it, each with what is bound there."""
    yield node, bindings
    children = node["children"]
    if node["type"] == "for":
        yield from walk(children[0], bindings)
        names = [node["meta"]["keyVar"], node["meta"]["valVar"]]
        bindings = {**bindings, **{name: children[0] for name in names if name}}
        children = children[1:]
    for child in children:
        yield from walk(child, bindings)


def segments(node: Node) -> tuple[str, ...]:
    """The names of `var.count` or `local.values`."""
    return tuple(part["segment"] for part in node["meta"]["traversal"])


def references(node: Node) -> Iterator[tuple[str, ...]]:
    """What is referred to, without the names that "for" binds."""
    for each, bindings in walk(node, {}):
        if each["type"] == "scopeTraversal" and segments(each)[0] not in bindings:
            yield segments(each)


def calls(node: Node) -> Iterator[Call]:
    for each, bindings in walk(node, {}):
        if each["type"] == "function":
            yield Call(each["meta"]["name"], tuple(each["children"]), bindings)
