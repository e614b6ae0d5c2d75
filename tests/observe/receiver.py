"""A webhook receiver: what the Alertmanager tells people, with the time at which it came."""

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Notice:
    """One alert of a post."""

    status: str  # "firing" or "resolved"
    labels: dict[str, str]
    annotations: dict[str, str]
    at: float  # time.monotonic()

    @property
    def alert(self) -> str:
        return self.labels["alertname"]

    def is_about(self, alert: str, labels: dict[str, str]) -> bool:
        return self.alert == alert and labels.items() <= self.labels.items()


def read(post: dict[str, Any], at: float) -> list[Notice]:
    return [Notice(x["status"], x["labels"], x["annotations"], at) for x in post["alerts"]]


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.receiver.take(read(json.loads(body), time.monotonic()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, receiver: "Receiver") -> None:
        super().__init__((address, 0), Handler)
        self.receiver = receiver


class Receiver:
    """Listens on an address until the block ends."""

    def __init__(self, address: str) -> None:
        self.server = Server(address, self)
        self.url = f"http://{address}:{self.server.server_address[1]}/"
        self.notices: list[Notice] = []
        self.changed = threading.Condition()

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def take(self, notices: list[Notice]) -> None:
        with self.changed:
            self.notices += notices
            self.changed.notify_all()

    def first(self, status: str, alert: str, since: float, **labels: str) -> Notice | None:
        """The first notice of that kind after a time."""
        for notice in self.notices:
            if notice.at >= since and notice.status == status and notice.is_about(alert, labels):
                return notice
        return None

    def wait(
        self, status: str, alert: str, since: float, limit_s: float, **labels: str
    ) -> Notice | None:
        """The same, which may still come until limit_s after that time."""
        end = since + limit_s
        with self.changed:
            while (found := self.first(status, alert, since, **labels)) is None:
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)
        return found

    def is_firing(self, alert: str, **labels: str) -> bool:
        """Whether the last that was told of it is that it fires."""
        about = [x for x in self.notices if x.is_about(alert, labels)]
        return bool(about) and about[-1].status == "firing"
