"""A request to an API, its answer, and refusals in the form of Google's servers."""

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

NOT_FOUND_PAGE = """<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That's an error.</ins>
  <p>The requested URL <code>{path}</code> was not found on this server.
</html>
"""

# Of google.rpc.Code, by the status of HTTP.
CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True)
class Request:
    method: str
    host: str  # without the port
    path: str  # without the query
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None  # parsed JSON; None: there was none
    token: str | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json | None = None
    page: str | None = None  # HTML in place of a body

    def content(self) -> tuple[str, bytes]:
        """The type and the bytes."""
        if self.page is not None:
            return "text/html; charset=UTF-8", self.page.encode()
        text = "" if self.body is None else json.dumps(self.body, indent=2) + "\n"
        return "application/json; charset=UTF-8", text.encode()


class Refusal(Exception):
    """Why a request, or a running operation, cannot be done."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        code: str | None = None,
        domain: str = "global",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason  # "notFound"
        self.message = message
        self.code = code or CODES.get(status, "UNKNOWN")
        self.domain = domain

    def answer(self) -> Answer:
        error = {"message": self.message, "domain": self.domain, "reason": self.reason}
        content = {"code": self.status, "message": self.message, "status": self.code}
        return Answer(self.status, {"error": {**content, "errors": [error]}})

    def operation_error(self) -> Json:
        """As an operation carries it."""
        code = "".join(f"_{c}" if c.isupper() else c.upper() for c in self.reason)
        return {"errors": [{"code": code, "message": self.message}]}


def unknown_route(path: str) -> Answer:
    """What Google's front end says to a path that no API has."""
    return Answer(404, page=NOT_FOUND_PAGE.format(path=path))


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid", message)


def absent(link: str) -> Refusal:
    return Refusal(404, "notFound", f"The resource '{link}' was not found")


def exists(link: str) -> Refusal:
    return Refusal(409, "alreadyExists", f"The resource '{link}' already exists")


def not_ready(link: str) -> Refusal:
    return Refusal(400, "resourceNotReady", f"The resource '{link}' is not ready")


def in_use(link: str, user: str) -> Refusal:
    return Refusal(
        400,
        "resourceInUseByAnotherResource",
        f"The resource '{link}' is already being used by '{user}'",
    )


def stale(what: str) -> Refusal:
    return Refusal(412, "conditionNotMet", f"Invalid fingerprint: {what}")
