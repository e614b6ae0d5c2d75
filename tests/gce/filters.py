"""The parameter "filter" of Compute's lists: `status = RUNNING`, `(labels.role = web) (name : a*)`."""

import re
from collections.abc import Callable
from typing import Any

from gce.web import Json, invalid

TOKEN = re.compile(r'\s*(\(|\)|!=|<=|>=|=|<|>|:|"(?:[^"\\]|\\.)*"|[^\s()=!<>:]+)')
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", ":", "eq", "ne")
Test = Callable[[Json], bool]


def refuse(text: str) -> Exception:
    return invalid(f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")


class Parser:
    """One expression; terms side by side mean AND."""

    def __init__(self, text: str, fields: set[str]) -> None:
        self.text = text
        self.fields = fields  # the resource's
        self.tokens = self.split(text)

    def split(self, text: str) -> list[str]:
        tokens, position = [], 0
        while text[position:].strip():
            found = TOKEN.match(text, position)
            if found is None:
                raise refuse(self.text)
            tokens.append(found[1])
            position = found.end()
        return tokens

    def next(self) -> str:
        if not self.tokens:
            raise refuse(self.text)
        return self.tokens.pop(0)

    def parse(self) -> Test:
        test = self.parse_or()
        if self.tokens:
            raise refuse(self.text)
        return test

    def parse_or(self) -> Test:
        tests = [self.parse_and()]
        while self.tokens and self.tokens[0] == "OR":
            self.next()
            tests.append(self.parse_and())
        return lambda resource: any(test(resource) for test in tests)

    def parse_and(self) -> Test:
        tests = [self.parse_term()]
        while self.tokens and self.tokens[0] not in ("OR", ")"):
            if self.tokens[0] == "AND":
                self.next()
            tests.append(self.parse_term())
        return lambda resource: all(test(resource) for test in tests)

    def parse_term(self) -> Test:
        token = self.next()
        if token == "NOT":
            negated = self.parse_term()
            return lambda resource: not negated(resource)
        if token == "(":
            test = self.parse_or()
            if self.next() != ")":
                raise refuse(self.text)
            return test
        operator = self.next()
        if operator not in OPERATORS or token.partition(".")[0] not in self.fields:
            raise refuse(self.text)
        return comparison(token, operator, self.next().strip('"'))


def comparison(field: str, operator: str, wanted: str) -> Test:
    def test(resource: Json) -> bool:
        values = found_values(resource, field)
        if operator in ("!=", "ne"):
            return not any(equal(operator, value, wanted) for value in values)
        return any(equal(operator, value, wanted) for value in values)

    return test


def found_values(resource: Any, path: str) -> list[Any]:
    """What a path leads to; through each item of a list."""
    if isinstance(resource, list):
        return [value for item in resource for value in found_values(item, path)]
    if not path:
        return [] if resource is None else [resource]
    if not isinstance(resource, dict):
        return []
    head, _, rest = path.partition(".")
    return found_values(resource.get(head), rest)


def equal(operator: str, value: Any, wanted: str) -> bool:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if operator in ("eq", "ne"):
        return re.fullmatch(wanted, text) is not None
    if operator == ":":
        if wanted == "*":
            return True
        pattern = ".*".join(re.escape(part) for part in wanted.split("*"))
        return re.search(pattern if "*" not in wanted else f"^{pattern}$", text, re.I) is not None
    if operator in ("=", "!="):
        return text == wanted
    left, right = as_numbers(text, wanted)
    compared = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return bool(compared[operator])


def as_numbers(left: str, right: str) -> Any:
    try:
        return float(left), float(right)
    except ValueError:
        return left, right


def compile_filter(text: str, fields: set[str]) -> Test:
    """Whether a resource, with these fields, is one that the filter wants. Refusal: it is malformed."""
    return Parser(text, fields).parse() if text.strip() else lambda _: True
