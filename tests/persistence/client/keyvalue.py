"""etcd by the JSON gateway of its v3 API: one connection, to the next endpoint after a failure."""

import http.client
import json
from base64 import b64decode, b64encode
from typing import Any

from persistence.client.outcome import Unavailable, Unknown
from persistence.client.store import TAKEN, WON

DEADLINE_S = 1.0
PORT = 2379


def coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def value_of(pair: dict[str, Any]) -> str:
    return b64decode(pair.get("value", "")).decode()


class Etcd:
    def __init__(
        self, endpoints: list[str], serializable: bool = False, deadline_s: float = DEADLINE_S
    ) -> None:
        self.endpoints = endpoints
        self.serializable = serializable
        self.deadline_s = deadline_s
        self.connection: http.client.HTTPConnection | None = None

    def connect(self) -> None:
        address = self.endpoints[0]
        connection = http.client.HTTPConnection(address, PORT, timeout=self.deadline_s)
        try:
            connection.connect()
        except OSError as error:
            self.turn()
            raise Unavailable(type(error).__name__) from None
        self.connection = connection

    def turn(self) -> None:
        """To the next endpoint."""
        self.close()
        self.endpoints = self.endpoints[1:] + self.endpoints[:1]

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def call(self, method: str, question: dict[str, Any]) -> dict[str, Any]:
        if self.connection is None:
            self.connect()
        assert self.connection is not None
        try:
            self.connection.request("POST", f"/v3/kv/{method}", json.dumps(question))
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.turn()
            raise Unknown(type(error).__name__) from None
        if answer.status == 200:
            found: dict[str, Any] = json.loads(text)
            return found
        self.turn()
        raise Unknown(self.reason(answer.status, text))

    @staticmethod
    def reason(status: int, text: str) -> str:
        try:
            return f"{status} {json.loads(text)['error']}"
        except (ValueError, KeyError):
            return f"{status} {text.strip()[:80]}"

    def get(self, key: str) -> dict[str, Any] | None:
        """The pair, with its revisions."""
        question = {"key": coded(key), "serializable": self.serializable}
        pairs: list[dict[str, Any]] = self.call("range", question).get("kvs", [])
        return pairs[0] if pairs else None

    def put_if(self, key: str, value: str, condition: dict[str, Any]) -> dict[str, Any]:
        """Writes when the condition holds; when it does not, the answer has what is there."""
        name = coded(key)
        return self.call(
            "txn",
            {
                "compare": [{"key": name, **condition}],
                "success": [{"requestPut": {"key": name, "value": coded(value)}}],
                "failure": [{"requestRange": {"key": name}}],
            },
        )

    def register(self, name: str, claim: str, keyed: bool) -> str:
        value = json.dumps({"claim": claim, "key": claim if keyed else None})
        absent = {"target": "CREATE", "createRevision": "0"}
        answer = self.put_if(f"users/{name}", value, absent)
        if answer.get("succeeded"):
            return WON
        there = answer["responses"][0]["response_range"]["kvs"][0]
        return WON if keyed and json.loads(value_of(there))["key"] == claim else TAKEN

    def add(self, counter: str) -> int:
        """Reads, and writes when nobody has written since; else again."""
        key, tries = f"counters/{counter}", 0
        while True:
            tries += 1
            pair = self.get(key)
            revision = pair["mod_revision"] if pair else "0"
            number = int(value_of(pair)) + 1 if pair else 1
            same = {"target": "MOD", "modRevision": revision}
            if self.put_if(key, str(number), same).get("succeeded"):
                return tries

    def write(self, name: str, number: int) -> None:
        self.call("put", {"key": coded(f"marks/{name}"), "value": coded(str(number))})

    def read(self, name: str) -> int:
        pair = self.get(f"marks/{name}")
        return int(value_of(pair)) if pair else 0
