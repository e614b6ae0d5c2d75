"""Google's own schema of the Compute API, read from the npm package that package-lock.json pins: which
routes there are, which fields a body may have, and of which type and values they are."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gce.comments import Comments, read_comments

PROTOS = Path(__file__).parent / "node_modules/@google-cloud/compute/build/protos"
SCHEMA = "protos.json"
COMMENTED = "google/cloud/compute/v1/compute.proto"
INTEGERS = {"int32": (-(2**31), 2**31), "uint32": (0, 2**32), "int64": (-(2**63), 2**63)}
INTEGERS["uint64"] = (0, 2**64)
VARIABLE = re.compile(r"\{(\w+)\}")
# Those of every Google API that a client may add; the double's answers do not depend on them.
COMMON_QUERY = frozenset({"alt", "prettyPrint", "$alt", "$prettyPrint"})


@dataclass(frozen=True)
class Field:
    name: str
    type: str  # a type of protocol buffers, or the name of a message
    repeated: bool
    mapped: bool  # an object whose keys are the client's
    required: bool
    output_only: bool
    values: frozenset[str]  # empty: any


@dataclass(frozen=True)
class Method:
    """One call of the API."""

    service: str  # "RegionHealthChecks"
    verb: str  # "Insert"
    http: str  # "POST"
    template: str  # "/compute/v1/projects/{project}/…"
    request: str  # the message of path, query and body together
    response: str
    body: str | None  # the field of the request that is the body
    variables: tuple[str, ...]  # the fields of the request that are in the path

    @property
    def name(self) -> str:
        return f"{self.service}.{self.verb}"


@dataclass(frozen=True)
class Problem:
    """What is wrong in a request: where, and why."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"Invalid value at '{self.where}': {self.why}"


def camel(name: str) -> str:
    """health_check → healthCheck, as in the schema's names of fields."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


@cache
def load_schema() -> "Schema":
    """The pinned one, read once a process. FileNotFoundError: the npm package is not installed."""
    return Schema()


class Schema:
    """One loaded schema; it never changes."""

    def __init__(self, protos: Path = PROTOS) -> None:
        """FileNotFoundError: the npm package is not installed."""
        if not (protos / SCHEMA).exists():
            raise FileNotFoundError(f"no {SCHEMA}: run `npm ci --ignore-scripts` in tests/gce")
        tree = json.loads((protos / SCHEMA).read_bytes())
        for name in ("google", "cloud", "compute", "v1"):
            tree = tree["nested"][name]
        self.tree: dict[str, Any] = tree["nested"]
        self.comments: Comments = read_comments(protos / COMMENTED)
        self.messages: dict[str, dict[str, Field]] = {}
        self.routes: dict[tuple[str, int], list[tuple[list[str], Method]]] = {}
        self.methods: dict[str, Method] = {}
        for service, content in self.tree.items():
            for verb, description in content.get("methods", {}).items():
                self.add_method(service, verb, description)

    def add_method(self, service: str, verb: str, description: dict[str, Any]) -> None:
        prefix = "(google.api.http)."
        rule = {
            key.removeprefix(prefix): value
            for key, value in description["options"].items()
            if key.startswith(prefix)
        }
        body = rule.pop("body", None)
        if len(rule) != 1:
            raise ValueError(f"{service}.{verb}: not one route but {rule}")
        ((http, template),) = rule.items()
        method = Method(
            service,
            verb,
            http.upper(),
            template,
            description["requestType"],
            description["responseType"],
            None if body is None else camel(body),
            tuple(camel(name) for name in VARIABLE.findall(template)),
        )
        words = template.split("/")
        self.routes.setdefault((method.http, len(words)), []).append((words, method))
        self.methods[method.name] = method

    def match(self, http: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method of a path and the values in it; fixed words go before variables."""
        words = path.split("/")
        best: tuple[int, Method, dict[str, str]] | None = None
        for template, method in self.routes.get((http, len(words)), []):
            values = match_words(template, words)
            if values is not None and (best is None or len(values) < best[0]):
                named = {camel(name): value for name, value in values.items()}
                best = (len(values), method, named)
        return None if best is None else best[1:]

    def fields(self, message: str) -> dict[str, Field]:
        """The fields of a message by their REST names. KeyError: there is no such message."""
        if message not in self.messages:
            content = self.tree[message]
            self.messages[message] = {
                name: self.make_field(message, content, name, description)
                for name, description in content["fields"].items()
            }
        return self.messages[message]

    def make_field(
        self, message: str, content: dict[str, Any], name: str, description: dict[str, Any]
    ) -> Field:
        key = (message, description["id"])
        enum = self.comments.enum_of.get(key)
        values: set[str] = set()
        if enum is not None:
            declared = content.get("nested", {}).get(enum, {}).get("values", {})
            values.update(value for value in declared if not value.startswith("UNDEFINED_"))
            values.update(self.comments.more_values.get((message, enum), []))
        return Field(
            name,
            description["type"],
            description.get("rule") == "repeated",
            "keyType" in description,
            description.get("options", {}).get("(google.api.field_behavior)") == "REQUIRED",
            key in self.comments.output_only,
            frozenset(values),
        )

    def body_message(self, method: Method) -> str | None:
        """The message of a method's body."""
        return None if method.body is None else self.fields(method.request)[method.body].type

    def check_body(self, message: str, body: Any, where: str = "") -> list[Problem]:
        """All that is wrong in a body by the message's fields; null stands for "not given"."""
        if not isinstance(body, dict):
            return [Problem(where or message, f"an object is wanted, not {json_type(body)}")]
        problems = []
        fields = self.fields(message)
        for name, value in body.items():
            place = f"{where}.{name}" if where else name
            if name not in fields:
                problems.append(Problem(place, f"{message} has no field '{name}'"))
            elif value is not None:
                problems += self.check_field(fields[name], value, place)
        return problems

    def check_field(self, field: Field, value: Any, where: str) -> list[Problem]:
        if field.mapped:
            if not isinstance(value, dict):
                return [Problem(where, f"an object is wanted, not {json_type(value)}")]
            pairs = [(f"{where}.{key}", item) for key, item in value.items()]
        elif field.repeated:
            if not isinstance(value, list):
                return [Problem(where, f"a list is wanted, not {json_type(value)}")]
            pairs = [(f"{where}[{index}]", item) for index, item in enumerate(value)]
        else:
            pairs = [(where, value)]
        return [
            problem for place, item in pairs for problem in self.check_value(field, item, place)
        ]

    def check_value(self, field: Field, value: Any, where: str) -> list[Problem]:
        if field.type in self.tree:
            return self.check_body(field.type, value, where)
        why = check_scalar(field.type, value)
        if why is None and field.values and value not in field.values:
            allowed = ", ".join(sorted(field.values))
            why = f"'{value}' is none of {allowed}"
        return [] if why is None else [Problem(where, why)]

    def check_query(self, method: Method, query: dict[str, str]) -> list[Problem]:
        """All that is wrong in the parameters after the path's "?"."""
        fields = self.fields(method.request)
        known = {
            name: field
            for name, field in fields.items()
            if name != method.body and name not in method.variables
        }
        problems = [
            Problem(name, f"{method.name} has no parameter '{name}'")
            for name in query
            if name not in known and name not in COMMON_QUERY
        ]
        for name, field in known.items():
            if name in query:
                problems += self.check_field_text(field, query[name])
            elif field.required:
                problems.append(Problem(name, "the parameter is required"))
        return problems

    def check_field_text(self, field: Field, text: str) -> list[Problem]:
        if field.type == "bool":
            return [] if text in ("true", "false") else [Problem(field.name, "true or false")]
        value = [text] if field.repeated else text
        return self.check_field(field, value, field.name)

    def writable(self, message: str, body: dict[str, Any]) -> dict[str, Any]:
        """A checked body without what only the server writes, which it ignores; numbers in the form in which
        Google's server answers them (those of 64 bits as strings)."""
        fields = self.fields(message)
        return {
            name: self.writable_value(fields[name], value)
            for name, value in body.items()
            if not fields[name].output_only
        }

    def writable_value(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        if field.mapped:
            return {key: self.writable_item(field, item) for key, item in value.items()}
        if field.repeated:
            return [self.writable_item(field, item) for item in value]
        return self.writable_item(field, value)

    def writable_item(self, field: Field, value: Any) -> Any:
        return (
            self.writable(field.type, value)
            if field.type in self.tree
            else plain(field.type, value)
        )


def match_words(template: list[str], words: list[str]) -> dict[str, str] | None:
    values = {}
    for pattern, word in zip(template, words, strict=True):
        if pattern.startswith("{"):
            if not word:
                return None
            values[pattern[1:-1]] = word
        elif pattern != word:
            return None
    return values


def json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")


def check_scalar(kind: str, value: Any) -> str | None:
    """Why a JSON value does not stand for a value of the kind, or None.
    A number may come as a string, as in Google's JSON form of protocol buffers."""
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        number = as_integer(value)
        return None if number is not None and low <= number < high else f"no {kind}: {value!r}"
    if kind in ("float", "double"):
        return None if is_number(value) else f"a number is wanted, not {json_type(value)}"
    wanted = {"string": str, "bytes": str, "bool": bool}[kind]
    if isinstance(value, wanted):
        return None
    return f"a {'boolean' if wanted is bool else 'string'} is wanted, not {json_type(value)}"


def plain(kind: str, value: Any) -> Any:
    """A checked value of the kind in the form of Google's answers."""
    if kind in ("int64", "uint64"):
        return str(as_integer(value))
    if kind in INTEGERS:
        return as_integer(value)
    return float(value) if kind in ("float", "double") else value


def as_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return None


def is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)
