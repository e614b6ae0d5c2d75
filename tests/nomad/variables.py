"""The variables and locals of a job: how they are declared, and what a file of values assigns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nomad.hcl import Document

TYPE = re.compile(r"\$\{(?:(list|map)\()?(string|number|bool)\)?\}")
# Texts without a form of their own, which a validation could hold them to.
ANY_TEXT = {
    "artifact": "an address in one of the ways that Nomad fetches by",
    "measure_program": "a path",
    "nginx": "a path",
    "node_class": "a name that the clients' operator gives",
    "server_name": "a name of DNS",
    "server_names": "what nginx's server_name takes",
    "spread_attribute": "an attribute of the nodes",
    "user": "a name of the system",
}


@dataclass(frozen=True)
class Variable:
    name: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))

    @property
    def validations(self) -> list[Mapping[str, Any]]:
        return list(self.body.get("validation", []))


def declared(job: Document) -> dict[str, Variable]:
    found = job.tree.get("variable", {})
    return {name: Variable(name, body) for name, bodies in found.items() for body in bodies}


def locals_of(job: Document) -> dict[str, Any]:
    return {name: value for body in job.tree.get("locals", []) for name, value in body.items()}


def has_type(written: str, value: Any) -> bool:
    """Whether a value that a file assigns has the type, as `type = list(string)` has it."""
    match = TYPE.fullmatch(written)
    if not match:
        raise ValueError(f"not looked at by these tests: {written}")
    if match[1] == "list":
        return isinstance(value, list) and all(_is(match[2], each) for each in value)
    if match[1] == "map":
        return isinstance(value, dict) and all(_is(match[2], each) for each in value.values())
    return _is(match[2], value)


def _is(primitive: str, value: Any) -> bool:
    if primitive == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str if primitive == "string" else bool)


def _declaration(variable: Variable) -> list[str]:
    where = f"variable {variable.name}"
    problems = [
        f"{where}: no {key}"
        for key in ("type", "description", "default")
        if key not in variable.body
    ]
    if problems:
        return problems
    if not TYPE.fullmatch(variable.type):
        return [f"{where}: the type {variable.type} is unknown"]
    if not has_type(variable.type, variable.body["default"]):
        problems.append(f"{where}: the default is no {variable.type}")
    if not variable.body["description"].endswith("."):
        problems.append(f"{where}: the description is no sentence")
    formed = variable.type == "${string}" and variable.name not in ANY_TEXT
    if formed and not variable.validations:
        problems.append(f"{where}: a text without a validation")
    for validation in variable.validations:
        missing = {"condition", "error_message"} - validation.keys()
        problems += [f"{where}: a validation without {key}" for key in sorted(missing)]
    return problems


def bad_declarations(job: Document) -> list[str]:
    found = job.tree.get("variable", {})
    twice = [f"variable {name}: declared twice" for name in found if len(found[name]) > 1]
    return twice + [each for variable in declared(job).values() for each in _declaration(variable)]


def bad_values(values: Document, job: Document) -> list[str]:
    """What is wrong with a file that assigns values to the job's variables."""
    problems = []
    variables = declared(job)
    for name, value in values.tree.items():
        if name not in variables:
            problems.append(f"{values.name}: {job.name} has no variable {name}")
        elif not has_type(variables[name].type, value):
            problems.append(f"{values.name}: {name} is no {variables[name].type}")
    return problems


def differing(job: Document, other: Document) -> list[str]:
    """Variables of both jobs that are not held to the same form."""
    ours, theirs = declared(job), declared(other)
    return [
        f"variable {name}: {job.name} and {other.name} differ in {what}"
        for name in sorted(ours.keys() & theirs.keys())
        for what in ("type", "validations")
        if getattr(ours[name], what) != getattr(theirs[name], what)
    ]
