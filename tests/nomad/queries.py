"""What a scaling policy asks of Prometheus, and whether there is such a series."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from nomad.checker import bodies
from nomad.hcl import Document
from nomad.names import metrics

ROOT = Path(__file__).resolve().parents[2]
INTERPOLATION = re.compile(r"\$\{[^}]*\}")
STRING = re.compile(r'"[^"]*"')
BY = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)"
LABELS = re.compile(rf"\{{[^{{}}]*\}}|{BY}|\[[^\]]*\]")
# A name that is not called.
NAME = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?![\w:]*\s*\()")
WORDS = {"and", "bool", "group_left", "group_right", "offset", "or", "unless"}


def series(query: str) -> set[str]:
    """The names of the series that a query of PromQL asks for."""
    bare = LABELS.sub(" ", STRING.sub('""', INTERPOLATION.sub("", query)))
    return set(NAME.findall(bare)) - WORDS


@cache
def recorded() -> frozenset[str]:
    files = (ROOT / "monitoring/rules").glob("*.yml")
    groups = (group for file in files for group in yaml.safe_load(file.read_text())["groups"])
    return frozenset(
        rule["record"] for group in groups for rule in group["rules"] if "record" in rule
    )


def checks(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The checks of all scaling policies in the tree, by their labels; a service's have none."""
    if isinstance(tree, list):
        for each in tree:
            yield from checks(each)
    elif isinstance(tree, dict):
        for name, value in tree.items():
            if name == "check" and isinstance(value, dict):
                yield from ((labels[0], body) for labels, body in bodies(value, 1))
            else:
                yield from checks(value)


def bad_queries(document: Document) -> list[str]:
    return [
        f"check {name}: nothing records {missing}"
        for name, check in checks(document.tree)
        for missing in sorted(series(check.get("query", "")) - recorded() - metrics())
    ]


def undeclared_plugins(document: Document, agents: list[Document]) -> list[str]:
    """Sources that no file of the autoscaler's agent configures."""
    apms = {label for agent in agents for label in agent.tree.get("apm", {})}
    return [
        f"check {name}: the agent has no apm {check.get('source')!r}"
        for name, check in checks(document.tree)
        if check.get("source") not in apms
    ]
