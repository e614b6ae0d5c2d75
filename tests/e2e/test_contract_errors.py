"""Everything wrong gets its own clear error, and the service goes on."""

import re
from typing import Any

import bcrypt
import pytest

from support.service import Answer
from support.stack import Stack

KNOWN = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode()
MARK = "s3cr3t-mark"


def check_problem(answer: Answer, status: int, slug: str, detail: str = "") -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert list(problem) == ["type", "title", "status", "detail", "request_id"]
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["title"] and problem["detail"].endswith(".")
    assert re.search(detail, problem["detail"]), problem["detail"]
    assert MARK.encode() not in answer.body
    if "x-request-id" in answer.headers:
        assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.fixture(autouse=True)
def goes_on(stack: Stack) -> Any:
    """After every error the next request is served, and no worker has died."""
    before = stack.worker_pids()
    yield
    assert stack.get("/gethash/hunter2/").status == 200
    assert stack.worker_pids() == before


GET_ERRORS: dict[str, tuple[str, int, str, str]] = {
    "73 bytes": ("a" * 73, 422, "unprocessable-password", "has 73 bytes; bcrypt holds 72"),
    "73 bytes encoded": ("%61" * 73, 422, "unprocessable-password", "73"),
    "500 bytes": ("a" * 500, 422, "unprocessable-password", "500"),
    "empty": ("", 422, "unprocessable-password", "empty"),
    "a path below": ("a/b", 404, "not-found", "%2F"),
    "a query": ("a/?x=1", 400, "malformed", "%3F"),
    "an unencoded question mark": ("what?", 400, "malformed", "%3F"),
}


@pytest.mark.parametrize(
    ("rest", "status", "slug", "detail"), GET_ERRORS.values(), ids=GET_ERRORS.keys()
)
def test_gethash_errors(stack: Stack, rest: str, status: int, slug: str, detail: str) -> None:
    check_problem(stack.get(f"/gethash/{rest}/" if rest else "/gethash/"), status, slug, detail)


@pytest.mark.parametrize("escape", ["%", "%4", "%zz", "%4g", "%%41"])
def test_bad_escapes(stack: Stack, escape: str) -> None:
    check_problem(stack.get(f"/gethash/{MARK}{escape}/"), 400, "malformed")


def test_nul_in_the_path(stack: Stack) -> None:
    check_problem(stack.get(f"/gethash/{MARK}%00/"), 400, "malformed", "NUL|%00")


def body(value: str) -> bytes:
    return value.encode()


JSON_ERRORS: dict[str, tuple[bytes, int, str, str]] = {
    "empty": (b"", 400, "malformed", "JSON object"),
    "not JSON": (b"password=" + MARK.encode(), 400, "malformed", "JSON object"),
    "half": (b'{"password": "' + MARK.encode(), 400, "malformed", "JSON object"),
    "trailing": (b'{"password": "a"} {}', 400, "malformed", "JSON object"),
    "single quotes": (b"{'password': 'a'}", 400, "malformed", "single quotes"),
    "a name in single quotes": (b"{'password': \"a\"}", 400, "malformed", "single quotes"),
    "comment": (b'{"password": "a" /* b */}', 400, "malformed", "JSON object"),
    "an array": (b'["password"]', 400, "malformed", "JSON object"),
    "a string": (b'"password"', 400, "malformed", "JSON object"),
    "null": (b"null", 400, "malformed", "JSON object"),
    "deep": (b'{"password": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "malformed", "JSON object"),
    "invalid UTF-8": (b'{"password": "\xff"}', 400, "malformed", "UTF-8"),
    "a lone surrogate": (rb'{"password": "\ud800"}', 400, "malformed", "half a character"),
    "a reversed pair": (rb'{"password": "\udc00\ud800"}', 400, "malformed", "half a character"),
    "a field twice": (b'{"password": "a", "password": "b"}', 400, "malformed", "twice"),
    "a raw control character": (b'{"password": "a\nb"}', 400, "malformed", "control character"),
    "a NUL byte at the end": (b'{"password": "a"}\0', 400, "malformed", "NUL"),
    "a name cut by NUL": (rb'{"password\u0000x": "a"}', 400, "malformed", "NUL"),
    "overlong UTF-8": (b'{"password": "\xc0\x80"}', 400, "malformed", "UTF-8"),
    "no password": (b"{}", 400, "malformed", '"password" is missing'),
    "password number": (b'{"password": 1}', 400, "malformed", '"password" must be a string'),
    "password null": (b'{"password": null}', 400, "malformed", '"password" must be a string'),
    "password object": (b'{"password": {}}', 400, "malformed", '"password" must be a string'),
    "password empty": (b'{"password": ""}', 422, "unprocessable-password", "empty"),
    "password NUL": (rb'{"password": "a\u0000b"}', 422, "unprocessable-password", "NUL"),
    "73 bytes": (b'{"password": "%s"}' % (b"a" * 73), 422, "unprocessable-password", "73"),
    "73 bytes in 37 characters": (
        b'{"password": "%sa"}' % ("ä" * 36).encode(),
        422,
        "unprocessable-password",
        "73",
    ),
    "cost text": (
        b'{"password": "a", "cost": "10"}',
        400,
        "malformed",
        '"cost" must be an integer',
    ),
    "cost float": (b'{"password": "a", "cost": 10.0}', 400, "malformed", "integer"),
    "cost exponent": (b'{"password": "a", "cost": 1e1}', 400, "malformed", "integer"),
    "cost bool": (b'{"password": "a", "cost": true}', 400, "malformed", "integer"),
    "cost null": (b'{"password": "a", "cost": null}', 400, "malformed", "integer"),
    "cost 0": (b'{"password": "a", "cost": 0}', 422, "unprocessable-cost", "from 4 to 15"),
    "cost negative": (b'{"password": "a", "cost": -1}', 422, "unprocessable-cost", "4 to 15"),
    "cost above": (b'{"password": "a", "cost": 16}', 422, "unprocessable-cost", "4 to 15"),
    "cost huge": (
        b'{"password": "a", "cost": 99999999999999999999}',
        422,
        "unprocessable-cost",
        "4 to 15",
    ),
    "unknown field": (b'{"password": "a", "%s": 1}' % MARK.encode(), 400, "malformed", "unknown"),
}


@pytest.mark.parametrize(
    ("text", "status", "slug", "detail"), JSON_ERRORS.values(), ids=JSON_ERRORS.keys()
)
def test_post_hash_errors(stack: Stack, text: bytes, status: int, slug: str, detail: str) -> None:
    check_problem(stack.post("/v1/hash", text), status, slug, detail)


VERIFY_ERRORS: dict[str, tuple[Any, int, str, str]] = {
    "no hash": ({"password": "a"}, 400, "malformed", '"hash" is missing'),
    "no password": ({"hash": KNOWN}, 400, "malformed", '"password" is missing'),
    "hash number": ({"password": "a", "hash": 1}, 400, "malformed", '"hash" must be a string'),
    "hash short": ({"password": "a", "hash": KNOWN[:-1]}, 422, "unprocessable-hash", "53"),
    "hash long": ({"password": "a", "hash": KNOWN + "a"}, 422, "unprocessable-hash", "53"),
    "hash 2x": (
        {"password": "a", "hash": KNOWN.replace("2b", "2x")},
        422,
        "unprocessable-hash",
        "2y",
    ),
    "hash of another kind": (
        {"password": "a", "hash": "$6$salt$" + "a" * 52},
        422,
        "unprocessable-hash",
        "",
    ),
    "hash alphabet": ({"password": "a", "hash": KNOWN[:-1] + "="}, 422, "unprocessable-hash", ""),
    "cost 3": (
        {"password": "a", "hash": KNOWN.replace("$04$", "$03$")},
        422,
        "unprocessable-hash",
        "04 to 31",
    ),
    "cost above the maximum": (
        {"password": "a", "hash": KNOWN.replace("$04$", "$16$")},
        422,
        "unprocessable-cost",
        "at most 15",
    ),
    "cost 31": (
        {"password": "a", "hash": KNOWN.replace("$04$", "$31$")},
        422,
        "unprocessable-cost",
        "at most 15",
    ),
    "cost field": ({"password": "a", "hash": KNOWN, "cost": 4}, 400, "malformed", "unknown"),
}


@pytest.mark.parametrize(
    ("value", "status", "slug", "detail"), VERIFY_ERRORS.values(), ids=VERIFY_ERRORS.keys()
)
def test_verify_errors(stack: Stack, value: Any, status: int, slug: str, detail: str) -> None:
    check_problem(stack.post("/v1/verify", value), status, slug, detail)


@pytest.mark.parametrize("size", [4097, 5000, 1000000])
def test_a_body_above_4_kib(stack: Stack, size: int) -> None:
    text = b'{"password": "a"' + b" " * (size - 17) + b"}"
    assert len(text) == size
    check_problem(stack.post("/v1/hash", text), 413, "too-large")


def test_a_body_of_4_kib_is_served(stack: Stack) -> None:
    text = b'{"password": "a"' + b" " * (4096 - 17) + b"}"
    assert stack.post("/v1/hash", text).status == 200


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/jsonx", "application/json x"]
)
@pytest.mark.parametrize("path", ["/v1/hash", "/v1/verify"])
def test_another_content_type(stack: Stack, path: str, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = stack.ask("POST", path, b'{"password": "a"}', headers)
    check_problem(answer, 415, "unsupported-media-type", "application/json")


@pytest.mark.parametrize("path", ["/v1/hash?x=1", f"/v1/verify?password={MARK}"])
def test_a_query_on_a_post_route(stack: Stack, path: str) -> None:
    check_problem(stack.post(path, {"password": "a"}), 400, "malformed", "body")


UNKNOWN = [
    "/",
    "/gethash",
    "/v1/",
    "/v1/hash/",
    "/v2/hash",
    f"/{MARK}",
    "/metrics",
    "/livez",
    "/%2e",
]


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_routes(stack: Stack, path: str) -> None:
    check_problem(stack.get(path), 404, "not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method_for_gethash(stack: Stack, method: str) -> None:
    answer = stack.ask(method, f"/gethash/{MARK}/")
    check_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/hash", "/v1/verify"])
def test_wrong_method_for_post_routes(stack: Stack, path: str, method: str) -> None:
    answer = stack.ask(method, path)
    check_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_head_is_not_a_way_to_burn_cpu(stack: Stack) -> None:
    answer = stack.ask("HEAD", "/gethash/hunter2/")
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET", b"")


def test_a_very_long_path(stack: Stack) -> None:
    answer = stack.get("/gethash/" + "a" * 20000)
    assert answer.status == 414
    check_problem(answer, 414, "uri-too-long")
