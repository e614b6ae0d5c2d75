"""Small APIs, whose schema Google publishes in no package: routes and strict tables of fields by hand."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gce.web import Answer, Json, Refusal, Request, invalid, unknown_route

# A table of fields: "string", "integer", "boolean", ("ONE", "OF", "THESE"), [each item's], {"field": its},
# {"*": that of any field}.
Spec = Any
TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
COMMON_QUERY = {"alt", "prettyPrint", "$alt"}


@dataclass(frozen=True)
class Asked:
    """One checked request."""

    names: dict[str, str]  # in the path
    query: dict[str, str]
    body: Json


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # "/v1/projects/{project}/secrets/{secret}:addVersion"
    call: Callable[[Asked], Json]
    query: tuple[str, ...] = ()
    body: Spec = None  # None: there is none

    def match(self, request: Request) -> dict[str, str] | None:
        """The names in the path, if the request is for this route."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/:]+)", re.escape(self.path))
        found = re.fullmatch(pattern, request.path) if request.method == self.method else None
        return None if found is None else found.groupdict()


class Api:
    """The routes of one API at its hosts. A request gets an answer or raises Refusal."""

    def __init__(self, hosts: tuple[str, ...], projects: tuple[str, ...], routes: list[Route]):
        self.hosts = hosts
        self.projects = projects  # by which the double's own one is called
        self.routes = routes

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        for route in self.routes:
            names = route.match(request)
            if names is not None:
                return route, names
        return None

    def route(self, request: Request) -> str | None:
        """A name for all requests of the same kind."""
        found = self.find(request)
        return None if found is None else f"{found[0].method} {found[0].path}"

    def handle(self, request: Request) -> Answer:
        found = self.find(request)
        if found is None:
            return unknown_route(request.path)
        route, names = found
        if names.get("project", self.projects[0]) not in self.projects:
            text = f"Permission denied on project '{names['project']}'"
            raise Refusal(403, "forbidden", text)
        unknown = set(request.query) - {*route.query, *COMMON_QUERY}
        problems = [f"Unknown name '{name}': no such parameter" for name in sorted(unknown)]
        problems += check_given(route, request.body)
        if problems:
            raise invalid("Invalid JSON payload received. " + "; ".join(problems))
        return Answer(200, route.call(Asked(names, request.query, request.body or {})))


def check_given(route: Route, body: Any) -> list[str]:
    if route.body is None:
        return [] if body in (None, {}) else ["A body is not expected"]
    return check(body, route.body, "") if body is not None else ["A body is expected"]


def check(value: Any, spec: Spec, where: str) -> list[str]:
    """What is wrong in a value by a table of fields."""
    if value is None:
        return []
    if isinstance(spec, str):
        wanted = TYPES[spec]
        right = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
        return [] if right else [f"Invalid value at '{where}': {spec} is wanted, got {value!r}"]
    if isinstance(spec, tuple):
        return [] if value in spec else [f"Invalid value at '{where}': '{value}' is none of {spec}"]
    if isinstance(spec, list):
        if not isinstance(value, list):
            return [f"Invalid value at '{where}': a list is wanted"]
        items = enumerate(value)
        return [p for index, item in items for p in check(item, spec[0], f"{where}[{index}]")]
    if not isinstance(value, dict):
        return [f"Invalid value at '{where}': an object is wanted"]
    problems = []
    for name, item in value.items():
        place = f"{where}.{name}" if where else name
        if name in spec or "*" in spec:
            problems += check(item, spec.get(name, spec.get("*")), place)
        else:
            problems.append(f"Unknown name '{name}' at '{where}': Cannot find field")
    return problems


def masked(body: Json, mask: str | None, allowed: tuple[str, ...]) -> Json:
    """The fields that a patch's updateMask names. Refusal: it names none, or another one."""
    names = [name for name in (mask or "").split(",") if name]
    if not names or not set(names) <= set(allowed):
        raise invalid(f"Invalid update mask '{mask}': some of {', '.join(allowed)}")
    return {name: body.get(name) for name in names}
