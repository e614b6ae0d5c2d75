"""Finds what an expression of a file refers to and is not there, and what is there and nothing refers to."""

from collections.abc import Iterator
from typing import Any

from nomad.expressions import calls, references
from nomad.hcl import Document, Expression
from nomad.names import functions
from nomad.variables import declared, locals_of

Path = tuple[str, ...]


def _is_word(path: Path) -> bool:
    """Whether it is a word of the language that is only written like an expression."""
    return (path[0] == "variable" and path[-1] == "type") or path[-1] == "iterator"


def _validated(path: Path) -> str | None:
    """The variable whose validation that is."""
    return path[1] if path[0] == "variable" and "validation" in path else None


def _iterators(job: Document, path: Path) -> Iterator[str]:
    """The names that the dynamic blocks around it give their elements."""
    for place, word in enumerate(path[:-2]):
        if word == "dynamic":
            entry: Any = job.tree
            for key in path[: place + 3]:
                entry = entry[int(key)] if isinstance(entry, list) else entry[key]
            yield str(entry.get("iterator", path[place + 1])).strip("${}")


def _unknown_reference(job: Document, path: Path, reference: Path) -> str | None:
    root, *rest = reference
    of_variable = _validated(path)
    if of_variable:
        return None if reference == ("var", of_variable) else "a validation is of its own variable"
    if root == "var":
        return None if rest and rest[0] in declared(job) else "no such variable"
    if root == "local":
        return None if rest and rest[0] in locals_of(job) else "no such local"
    # Nomad would take the name itself for the value.
    return None if root in _iterators(job, path) else "no such name"


def _of(job: Document, expression: Expression) -> Iterator[str]:
    where = ".".join(expression.path)
    for reference in references(expression.ast):
        problem = _unknown_reference(job, expression.path, reference)
        if problem:
            yield f"{where}: {'.'.join(reference)}: {problem}"
    for call in calls(expression.ast):
        if call.name not in functions():
            yield f"{where}: {call.name}(): no such function"


def bad_references(job: Document) -> list[str]:
    return [
        problem
        for expression in job.expressions
        if not _is_word(expression.path)
        for problem in _of(job, expression)
    ]


def unused(job: Document) -> list[str]:
    """Variables and locals that nothing but their own declaration uses."""
    used = {
        reference[:2]
        for expression in job.expressions
        for reference in references(expression.ast)
        if expression.path[:2] != ("variable", *reference[1:2])
    }
    there = {"var": declared(job), "local": locals_of(job)}
    return [
        f"{root}.{name} is not used"
        for root in there
        for name in there[root]
        if (root, name) not in used
    ]


def evaluated(document: Document) -> list[str]:
    """The expressions of a file in which Nomad evaluates none."""
    return [f"{'.'.join(each.path)}: nothing is evaluated here" for each in document.expressions]
