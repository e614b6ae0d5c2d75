"""The files below nomad/, each of a kind by its place, and what has to be so in each kind."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path

from nomad.checker import unknown_names
from nomad.files import missing_files
from nomad.hcl import Document, HclError, parse_all
from nomad.job import bad_placeholders, bad_services, unknown_ports, unknown_settings
from nomad.queries import bad_queries, undeclared_plugins
from nomad.references import bad_references, evaluated, unused
from nomad.variables import bad_declarations, bad_values

ROOT = Path(__file__).resolve().parents[2]
NOMAD = ROOT / "nomad"
# The first that fits counts.
KINDS = {
    "*.nomad.hcl": "job",
    "vars/*.hcl": "values",
    "agent/*.hcl": "agent",
    "autoscaler/policies/*.hcl": "scaling",
    "*/policy*.hcl": "acl",
    "autoscaler/*.hcl": "autoscaler",
}
# The job that nomad/vars/ is for.
JOB = "bcryptd.nomad.hcl"
Rule = Callable[[Document], list[str]]


def files() -> list[str]:
    return sorted(str(path.relative_to(NOMAD)) for path in NOMAD.rglob("*.hcl"))


def kind(name: str) -> str | None:
    return next((KINDS[pattern] for pattern in KINDS if fnmatchcase(name, pattern)), None)


@cache
def _parsed() -> dict[str, Document | HclError]:
    return parse_all({name: (NOMAD / name).read_text() for name in files()})


def document(name: str) -> Document:
    """HclError: it is none."""
    found = _parsed()[name]
    if isinstance(found, HclError):
        raise found
    return found


def _agents() -> list[Document]:
    return [document(name) for name in files() if kind(name) == "autoscaler"]


def _placeholders(job: Document) -> list[str]:
    return bad_placeholders(job, (ROOT / "nginx/values.conf.j2").read_text())


def rules(of: str) -> dict[str, Rule]:
    """What finds problems in a file of that kind, by what it looks at."""
    if of == "values":
        return {
            "variables": lambda values: bad_values(values, document(JOB)),
            "plain": evaluated,
        }
    names: dict[str, Rule] = {"names": partial(unknown_names, kind=of)}
    scaling: dict[str, Rule] = {
        "queries": bad_queries,
        "sources": lambda policy: undeclared_plugins(policy, _agents()),
    }
    if of == "job":
        return {
            **names,
            **scaling,
            "declarations": bad_declarations,
            "references": bad_references,
            "unused": unused,
            "files": lambda job: missing_files(job, ROOT),
            "placeholders": _placeholders,
            "services": bad_services,
            "ports": unknown_ports,
            "settings": unknown_settings,
        }
    return {**names, "plain": evaluated, **(scaling if of == "scaling" else {})}
