"""What a VM of GCE asks at boot: its metadata server, and Secret Manager behind it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

SECRET = "projects/example-project/secrets/bcryptd-production-tls"
TOKEN = "token-of-the-vm"
METADATA = "/computeMetadata/v1/instance"


class Handler(BaseHTTPRequestHandler):
    """Answers the three questions of bcryptd-fetch-certificate, each only with the header it needs."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Servers)
        from_google = self.headers["Metadata-Flavor"] == "Google"
        as_vm = self.headers["Authorization"] == f"Bearer {TOKEN}"
        answers = {
            f"{METADATA}/attributes/bcryptd-certificate": (from_google, SECRET),
            f"{METADATA}/service-accounts/default/token": (
                from_google,
                json.dumps({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}),
            ),
            f"/v1/{SECRET}/versions/latest:access": (as_vm, server.payload()),
        }
        allowed, text = answers.get(self.path, (True, None))
        status = 403 if not allowed else 200 if text is not None else 404
        server.asked.append(self.path)
        self.send_response(status)
        self.end_headers()
        self.wfile.write((text or "").encode() if status == 200 else b"")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Servers(ThreadingHTTPServer):
    """Both, at one address; `pair` is what the secret holds, None while Secret Manager is away."""

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), Handler)
        self.pair: str | None = None
        self.asked: list[str] = []

    def payload(self) -> str | None:
        if self.pair is None:
            return None
        data = base64.b64encode(self.pair.encode()).decode()
        return json.dumps({"name": f"{SECRET}/versions/1", "payload": {"data": data}})


@contextmanager
def servers(address: str) -> Iterator[Servers]:
    with Servers(address) as opened:
        thread = Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield opened
        finally:
            opened.shutdown()
            thread.join()
