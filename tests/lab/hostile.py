"""Requests that no client sends, each of which would do harm to a service that believed it.

hostile ADDRESS: sends all of them. Run in another host's network."""

import sys

from lab.client import service
from lab.playbook import NAME

BODY = '{"password":"a","cost":10}'
CHUNKS = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"
POST, LENGTH, CHUNKED = (
    "POST /v1/hash",
    f"Content-Length: {len(BODY)}",
    "Transfer-Encoding: chunked",
)
# What is asked (line, headers, body), and the status; none where the connection is closed without a word.
HOSTILE: dict[str, tuple[str, list[str], str, str]] = {
    # Two servers would disagree on where such a request ends.
    "length and chunks": (POST, ["Content-Length: 5", CHUNKED], CHUNKS, "400"),
    "two lengths": (POST, [LENGTH, "Content-Length: 5"], BODY, "400"),
    "chunks by another name": (POST, ["Transfer-Encoding: xchunked"], CHUNKS, "400"),
    "a length that is no number": (POST, ["Content-Length: +5"], BODY, "400"),
    "two hosts": ("GET /", ["Host: other.example"], "", "400"),
    # More than is read of a request.
    "a huge path": (f"GET /gethash/{'a' * 20000}/", [], "", "414"),
    "a huge header": ("GET /", [f"X: {'a' * 20000}"], "", "431"),
    "many headers": ("GET /", [f"X: {'a' * 90}"] * 400, "", "431"),
    "a huge body": (POST, ["Content-Length: 1000000"], "", "413"),
    # Ways to anything but the three routes.
    "the metrics": ("GET /metrics", [], "", "404"),
    "the metrics by dots": ("GET /gethash/../metrics", [], "", "404"),
    "the metrics by escaped dots": ("GET /gethash/%2e%2e/metrics", [], "", "404"),
    "the metrics by two slashes": ("GET //metrics", [], "", "404"),
    "dots that are escaped twice": ("GET /%252e%252e/metrics", [], "", "404"),
    "a file above the root": ("GET /../../etc/passwd", [], "", "400"),
    "a file by escapes": ("GET /%2e%2e%2f%2e%2e%2fetc/passwd", [], "", "400"),
    "an end by NUL": ("GET /gethash/a%00b/", [], "", "400"),
    "another server": ("GET http://169.254.169.254/", [], "", ""),
    "a tunnel": ("CONNECT 169.254.169.254:80", [], "", "400"),
    "a trace": ("TRACE /", [], "", "405"),
}


def hostile_request(name: str) -> bytes:
    """What goes over the connection."""
    line, headers, body, _ = HOSTILE[name]
    all_headers = [f"Host: {NAME}", "Content-Type: application/json", "Connection: close", *headers]
    return "\r\n".join([f"{line} HTTP/1.1", *all_headers, "", body]).encode()


def main() -> None:
    for name in HOSTILE:
        service(sys.argv[1]).raw(hostile_request(name), tls=True)


if __name__ == "__main__":
    main()
