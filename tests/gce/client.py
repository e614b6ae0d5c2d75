"""A small client of the double, for tests that speak HTTP themselves."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from gce.double import Double

COMPUTE = "https://compute.googleapis.com/compute/v1/"


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any  # parsed JSON, or the text of a page

    @property
    def reason(self) -> str:
        """Of the first error, in the body or of the operation that it is."""
        error = self.body["error"]["errors"][0]
        return str(error.get("reason") or error["code"])


@dataclass
class Client:
    double: Double
    token: str | None = None  # None: the double's own
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def __post_init__(self) -> None:
        env = self.double.env()
        context = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": env["HTTPS_PROXY"]}),
            urllib.request.HTTPSHandler(context=context),
        )

    def send(self, method: str, url: str, body: Any = None) -> Reply:
        """One request; a status of refusal is a reply too. OSError: the connection ended."""
        data = None if body is None else json.dumps(body).encode()
        token = self.double.token if self.token is None else self.token
        headers = {**self.headers, "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return Reply(answer.status, parse(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, parse(error.read()))

    def compute(self, method: str, path: str, body: Any = None) -> Reply:
        """A call of Compute; the path begins in the project ("global/networks")."""
        return self.send(
            method, f"{COMPUTE}projects/{self.double.project}/{path}".rstrip("/"), body
        )

    def get(self, path: str) -> Any:
        """A resource of Compute that is there."""
        reply = self.compute("GET", path)
        assert reply.status == 200, reply
        return reply.body

    def done(self, method: str, path: str, body: Any = None) -> Reply:
        """A write of Compute that succeeds, and its operation's end."""
        reply = self.end(method, path, body)
        assert reply.status == 200 and "error" not in reply.body, reply
        return reply

    def end(self, method: str, path: str, body: Any = None) -> Reply:
        """A write of Compute, and its operation's end; or its refusal."""
        reply = self.compute(method, path, body)
        return self.wait(reply) if reply.status == 200 else reply

    def wait(self, reply: Reply) -> Reply:
        """The end of the operation that a reply names."""
        while reply.body["status"] != "DONE":
            reply = self.send("GET", reply.body["selfLink"])
            assert reply.status == 200, reply
        return reply

    def make(self, path: str, **body: Any) -> str:
        """Creates a resource in a collection; its full address."""
        return str(self.done("POST", path, body).body["targetLink"])


def parse(content: bytes) -> Any:
    text = content.decode()
    return json.loads(text) if text.startswith("{") else text
