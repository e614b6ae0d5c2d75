"""The files that a job reads when it is submitted."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from nomad.expressions import Bindings, Call, calls, segments
from nomad.hcl import Document, Node
from nomad.variables import declared, locals_of

# What reads a file, or lists files.
READING = {"file", "filebase64", "fileexists"}


class _Values:
    """What an expression can be, with each variable at its default; LookupError: that cannot be told."""

    def __init__(self, job: Document, root: Path) -> None:
        self.job = job
        self.root = root

    def texts(self, node: Node, bindings: Bindings) -> list[str]:
        if node["type"] in ("template", "templateWrap"):
            parts = [self.texts(child, bindings) for child in node["children"]]
            return ["".join(each) for each in product(*parts)]
        if node["type"] == "literalValue":
            return [node["meta"]["value"]]
        if node["type"] == "function" and node["meta"]["name"] == "fileset":
            return self.fileset(node, bindings)
        if node["type"] == "scopeTraversal":
            return self.named(segments(node), bindings)
        raise LookupError(f"cannot tell what {node['meta']['value']} is")

    def fileset(self, node: Node, bindings: Bindings) -> list[str]:
        where, pattern = (self.texts(child, bindings) for child in node["children"])
        directory = self.root / where[0]
        found = [path for path in directory.glob(pattern[0]) if path.is_file()]
        return [str(path.relative_to(directory)) for path in sorted(found)]

    def named(self, name: tuple[str, ...], bindings: Bindings) -> list[str]:
        if name[0] in bindings:
            return self.texts(bindings[name[0]], {})
        if name[0] == "var":
            value = declared(self.job)[name[1]].body["default"]
        else:
            value = locals_of(self.job)[name[1]]
        texts = value if isinstance(value, list) else [value]
        if any("${" in text for text in texts):
            raise LookupError(f"cannot tell what {'.'.join(name)} is")
        return texts


def _missing(call: Call, values: _Values) -> Iterator[str]:
    if call.name == "fileset" and not values.fileset({"children": call.arguments}, call.bindings):
        yield "fileset() finds no file"
    if call.name in READING:
        for path in values.texts(call.arguments[0], call.bindings):
            if not (values.root / path).is_file():
                yield f"{call.name}(): no file {path}"


def missing_files(job: Document, root: Path) -> list[str]:
    """Root is the directory in which the job is submitted."""
    values = _Values(job, root)
    return [
        f"{'.'.join(expression.path)}: {problem}"
        for expression in job.expressions
        for call in calls(expression.ast)
        for problem in _missing(call, values)
    ]
