"""The running server, held to docs/openapi.yaml: every reply is one that the document describes."""

import http.client
import json
from typing import Any

import bcrypt
import pytest
import yaml
from jsonschema import Draft202012Validator, RefResolver

from support.daemon import ROOT
from support.load import clients
from support.service import Answer, send
from support.stack import Stack
from support.waiting import eventually

SPEC: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
KNOWN = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode()
METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "trace")

# Only a fault that no request can cause brings these about: an engine that fails, a worker that
# hangs for longer than nginx waits.
FAULTS = {"500", "504"}


def resolve(node: Any) -> Any:
    """Follows a $ref inside of the document."""
    while isinstance(node, dict) and "$ref" in node:
        target = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def validate(schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator(schema, resolver=RefResolver.from_schema(SPEC)).validate(value)


def operation(path: str, method: str) -> dict[str, Any]:
    """The path's operation; a method it does not have is answered as its own one tells (405)."""
    item = SPEC["paths"][path]
    own = [name for name in METHODS if name in item]
    return dict(item[method.lower()] if method.lower() in item else item[own[0]])


def check(path: str, method: str, answer: Answer) -> str:
    responses = operation(path, method)["responses"]
    assert str(answer.status) in responses, f"{answer.status} is not described for {method} {path}"
    response = resolve(responses[str(answer.status)])
    content_type = answer.headers["content-type"].split(";")[0]
    contents = {name.split(";")[0]: value for name, value in response["content"].items()}
    assert content_type in contents, f"{content_type} is not described for {answer.status}"
    schema = contents[content_type].get("schema")
    if content_type.endswith("json"):
        validate(schema, json.loads(answer.body))
    for name, header in response.get("headers", {}).items():
        header = resolve(header)
        if header.get("required", False):
            assert name.lower() in answer.headers, f"no {name} in {answer.status}"
        if name.lower() in answer.headers and header["schema"].get("type") == "string":
            validate(header["schema"], answer.headers[name.lower()])
    return str(answer.status)


Case = tuple[str, str, str, Any, dict[str, str]]
JSON = {"Content-Type": "application/json"}
LONG = {"X-Long": "a" * 6000}


def post_cases(path: str, good: dict[str, Any]) -> list[Case]:
    bodies: list[dict[str, Any]] = [
        good,
        {**good, "password": 1},
        {**good, "password": "a" * 73},
        {**good, "password": "a" * 5000},
    ]
    return [(path, "POST", path, body, JSON) for body in bodies] + [
        (path, "POST", path, good, {"Content-Type": "text/plain"}),
        (path, "POST", path, good, {**JSON, **LONG}),
        (path, "POST", path + "?" + "a" * 6000, good, JSON),
        (path, "GET", path, None, {}),
    ]


POST_CASES = post_cases("/v1/hash", {"password": "hunter2"}) + post_cases(
    "/v1/verify", {"password": "hunter2", "hash": KNOWN}
)
GETHASH = "/gethash/{password}/"
GET_CASES: list[Case] = [
    (GETHASH, "GET", "/gethash/hunter2/", None, {}),
    (GETHASH, "GET", "/gethash/hunter2%zz/", None, {}),
    (GETHASH, "GET", "/gethash/hunter2/more", None, {}),
    (GETHASH, "GET", "/gethash/" + "a" * 73, None, {}),
    (GETHASH, "GET", "/gethash/" + "a" * 6000, None, {}),
    (GETHASH, "GET", "/gethash/hunter2/", None, LONG),
    (GETHASH, "POST", "/gethash/hunter2/", {}, JSON),
    (GETHASH, "POST", "/gethash/hunter2/", {"a": "a" * 5000}, JSON),
]


def ask(stack: Stack, case: Case) -> str:
    path, method, target, value, headers = case
    body = json.dumps(value).encode() if value is not None else None
    return check(path, method, stack.ask(method, target, body, headers))


def plain_on_the_tls_port(stack: Stack, method: str, target: str, body: bytes | None) -> Answer:
    connection = http.client.HTTPConnection("localhost", stack.https_port, timeout=30)
    return send(connection, method, target, body, JSON)


def ask_until(stack: Stack, status: int, method: str, target: str, body: bytes | None) -> Answer:
    """The first answer of this status."""

    def probe() -> Answer | None:
        answer = stack.ask(method, target, body, JSON)
        return answer if answer.status == status else None

    answer = eventually(f"an answer {status}", probe)
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize("path", [GETHASH, "/v1/hash", "/v1/verify"])
def test_public_replies_are_as_described_and_each_description_is_seen(path: str) -> None:
    target = path.format(password="hunter2")
    method = "GET" if path == GETHASH else "POST"
    fields = {"password": "hunter2", **({"hash": KNOWN} if path == "/v1/verify" else {})}
    body = json.dumps(fields).encode() if method == "POST" else None
    with Stack(BCRYPTD_COST="11") as own:
        seen = {ask(own, case) for case in POST_CASES + GET_CASES if case[0] == path}
        seen.add(check(path, method, plain_on_the_tls_port(own, method, target, body)))
        with clients(own, 20) as load:
            eventually("overload", lambda: load.statuses()[503] > 20)
            seen.add(check(path, method, ask_until(own, 503, method, target, body)))
    with Stack(client_limits="on", BCRYPTD_CLIENT_RATE="1", BCRYPTD_CLIENT_BURST="1") as own:
        seen.add(check(path, method, ask_until(own, 429, method, target, body)))
    assert seen == set(SPEC["paths"][path][method.lower()]["responses"]) - FAULTS


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics", "/status", "/nginx_status"])
def test_internal_replies_are_as_described(stack: Stack, path: str) -> None:
    answer = stack.internal(path)
    assert answer.status == 200
    check(path, "GET", answer)


def test_every_path_of_the_document_is_tested() -> None:
    internal = {"/", "/livez", "/readyz", "/metrics", "/status", "/nginx_status"}
    assert set(SPEC["paths"]) == {GETHASH, "/v1/hash", "/v1/verify"} | internal


def examples(node: Any, schema: Any = None) -> list[tuple[Any, Any]]:
    """Every example in the document with the schema it stands beside."""
    found = []
    if isinstance(node, dict):
        if "schema" in node and "example" in node:
            found.append((node["schema"], node["example"]))
        if "schema" in node and "examples" in node:
            found += [(node["schema"], resolve(x)["value"]) for x in node["examples"].values()]
        for child in node.values():
            found += examples(child)
    elif isinstance(node, list):
        for child in node:
            found += examples(child)
    return found


def test_the_examples_fit_their_schemas() -> None:
    found = [(schema, value) for schema, value in examples(SPEC) if not isinstance(value, str)]
    assert len(found) > 10
    for schema, value in found:
        validate(schema, value)


def test_the_example_hashes_are_true() -> None:
    password = SPEC["paths"]["/v1/hash"]["post"]["requestBody"]["content"]["application/json"][
        "examples"
    ]["default"]["value"]["password"]
    replies = SPEC["paths"]["/v1/hash"]["post"]["responses"]["200"]["content"]
    made = replies["application/json"]["example"]
    assert bcrypt.checkpw(password.encode(), made["hash"].encode())
    assert made["hash"].startswith(made["salt"])
