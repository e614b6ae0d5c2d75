"""The hashes, held against an independent bcrypt (python3-bcrypt)."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import bcrypt
import pytest

from support.stack import Stack

EVERY_BYTE = bytes(range(1, 256))


@pytest.fixture(scope="module", params=["libxcrypt", "lanes"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The contract is the same whatever computes."""
    with Stack(BCRYPTD_ENGINE=request.param) as running:
        yield running


def encode(password: bytes) -> str:
    """Every byte as %XX."""
    return "".join(f"%{byte:02X}" for byte in password)


def check(password: bytes, answer: dict[str, str]) -> None:
    assert list(answer) == ["salt", "hash"]
    setting = bytes.fromhex(answer["salt"])
    whole = bytes.fromhex(answer["hash"])
    assert re.fullmatch(rb"\$2b\$04\$[./A-Za-z0-9]{22}", setting)
    assert whole.startswith(setting) and len(whole) == 60
    assert bcrypt.hashpw(password, setting) == whole


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
@pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
def test_gethash_answers_hex_of_setting_and_hash(stack: Stack, tls: bool, slash: str) -> None:
    answer = stack.get(f"/gethash/hunter2{slash}", tls=tls)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    check(b"hunter2", answer.json())
    assert len(answer.json()["salt"]) == 58 and len(answer.json()["hash"]) == 120


def test_each_hash_has_a_salt_of_its_own(stack: Stack) -> None:
    assert len({stack.get("/gethash/hunter2/").json()["salt"] for _ in range(20)}) == 20


@pytest.mark.parametrize("length", [1, 2, 71, 72])
def test_lengths_that_bcrypt_holds(stack: Stack, length: int) -> None:
    password = (b"0123456789" * 8)[:length]
    check(password, stack.get(f"/gethash/{password.decode()}/").json())
    answer = stack.post("/v1/hash", {"password": password.decode(), "cost": 4}).json()
    assert bcrypt.hashpw(password, answer["hash"].encode()).decode() == answer["hash"]


@pytest.mark.parametrize("start", range(0, 255, 15))
def test_every_byte_but_nul(stack: Stack, start: int) -> None:
    password = EVERY_BYTE[start : start + 15]
    check(password, stack.get(f"/gethash/{encode(password)}/").json())
    for byte in password:
        check(bytes([byte]), stack.get(f"/gethash/{encode(bytes([byte]))}/").json())


NAMES = {
    "slash": b"/",
    "slashes": b"a//b/",
    "dot": b".",
    "two dots": b"..",
    "a path inside": b"a/../b",
    "percent": b"100%",
    "an escape, decoded once": b"%41",
    "question mark and hash": b"a?b=c#d",
    "plus stays plus": b"a+b",
    "UTF-8": "pässwörd\N{SNOWMAN}".encode(),
    "invalid UTF-8": b"\xff\xfe\x80",
    "new line": b"a\r\nb",
}


@pytest.mark.parametrize("password", NAMES.values(), ids=NAMES.keys())
def test_passwords_that_look_like_something_else(stack: Stack, password: bytes) -> None:
    check(password, stack.get(f"/gethash/{encode(password)}/").json())
    check(password, stack.get(f"/gethash/{encode(password).lower()}").json())
    check(password, stack.get(f"/gethash/{quote_from_bytes(password, safe='')}/").json())


def test_post_hash_answers_plain_text_and_the_cost(stack: Stack) -> None:
    answer = stack.post("/v1/hash", {"password": "hunter2", "cost": 5})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    value = answer.json()
    assert list(value) == ["hash", "salt", "cost"]
    assert value["hash"].startswith("$2b$05$") and value["cost"] == 5
    assert value["hash"].startswith(value["salt"]) and len(value["salt"]) == 29
    assert bcrypt.checkpw(b"hunter2", value["hash"].encode())


def test_post_hash_takes_the_default_cost(stack: Stack) -> None:
    assert stack.post("/v1/hash", {"password": "hunter2"}).json()["cost"] == 4


JSON_TEXTS = {
    "escapes": (rb'{"password": "\u0041\n\\\"\/"}', b'A\n\\"/'),
    "a pair of surrogates": (rb'{"password": "\ud83d\ude00"}', "\U0001f600".encode()),
    "a pair that json-c takes for half": (rb'{"password": "\ud876\udc00"}', "\U0002d800".encode()),
    "an escaped backslash before u": (rb'{"password": "\\ud800"}', rb"\ud800"),
    "UTF-8 as it is": ('{"password": "\N{SNOWMAN}"}'.encode(), "\N{SNOWMAN}".encode()),
    "spaces": (b' {\n"password"\t:\r"a" } \n', b"a"),
}


@pytest.mark.parametrize(("body", "password"), JSON_TEXTS.values(), ids=JSON_TEXTS.keys())
def test_json_strings_are_hashed_as_the_bytes_they_mean(
    stack: Stack, body: bytes, password: bytes
) -> None:
    answer = stack.post("/v1/hash", body).json()
    assert bcrypt.checkpw(password, answer["hash"].encode())


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_content_type_may_have_parameters(stack: Stack, content_type: str) -> None:
    answer = stack.ask("POST", "/v1/hash", b'{"password": "a"}', {"Content-Type": content_type})
    assert answer.status == 200


@pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
@pytest.mark.parametrize("password", [b"hunter2", b"\xc3\xbf" * 36], ids=["short", "72 bytes"])
def test_verify_knows_all_kinds(stack: Stack, prefix: bytes, password: bytes) -> None:
    made = bcrypt.hashpw(password, bcrypt.gensalt(5, b"2b")).decode()
    known = made.replace("$2b$", f"${prefix.decode()}$")
    answer = stack.post("/v1/verify", {"password": password.decode(), "hash": known})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"match": True, "needs_rehash": prefix != b"2b"}
    wrong = stack.post("/v1/verify", {"password": password.decode()[:-1] + "x", "hash": known})
    assert wrong.json()["match"] is False


def test_verify_asks_for_a_rehash_below_the_default_cost() -> None:
    with Stack(BCRYPTD_COST="6") as own:
        for cost, needed in ((4, True), (5, True), (6, False), (7, False)):
            known = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(cost)).decode()
            answer = own.post("/v1/verify", {"password": "hunter2", "hash": known}).json()
            assert answer == {"match": True, "needs_rehash": needed}


def test_verify_takes_a_cheap_legacy_hash_below_the_allowed_minimum() -> None:
    with Stack(BCRYPTD_MIN_COST="6", BCRYPTD_COST="6") as own:
        known = bcrypt.hashpw(b"hunter2", bcrypt.gensalt(4)).decode()
        answer = own.post("/v1/verify", {"password": "hunter2", "hash": known})
        assert answer.json() == {"match": True, "needs_rehash": True}


def test_one_connection_serves_many_requests(stack: Stack) -> None:
    connection = stack.client()
    for number in range(10):
        connection.request("GET", f"/gethash/password{number}/")
        response = connection.getresponse()
        check(f"password{number}".encode(), json.loads(response.read()))
    connection.close()
