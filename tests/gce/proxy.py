"""An HTTP proxy on the loopback that is itself the server behind every CONNECT."""

import socket
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gce.certificates import Certificates
from gce.web import Answer

THREADS = 64
IDLE = 60.0  # seconds until a silent connection is closed
LONGEST = 16 * 1024 * 1024  # bytes of a request's body


@dataclass(frozen=True)
class Incoming:
    """A request as it came over the wire."""

    method: str
    host: str
    target: str  # path and query
    content_type: str
    authorization: str
    body: bytes


Respond = Callable[[Incoming], Answer | None]  # None: close the connection without an answer


class Server(ThreadingHTTPServer):
    """Serves until stop(); each connection has a thread, of which there are at most THREADS."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, certificates: Certificates, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates.certificate, certificates.key)
        self.free = threading.BoundedSemaphore(THREADS)
        self.open: set[socket.socket] = set()
        self.guard = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Ends all connections, and waits until nothing runs any more."""
        self.shutdown()
        self.thread.join()
        with self.guard:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # It is closed already.
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; others are for whoever reads the test's output."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: it begins in the clear, and CONNECT makes TLS of it."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE
    server: Server
    authority = ""  # of CONNECT

    def setup(self) -> None:
        super().setup()
        with self.server.guard:
            self.server.open.add(self.connection)

    def finish(self) -> None:
        with self.server.guard:
            self.server.open.discard(self.connection)
        try:
            super().finish()
        finally:
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """The double keeps its own log."""

    def do_CONNECT(self) -> None:
        if self.authority:
            self.send_error(400)
            return
        self.authority = self.path.rpartition(":")[0]
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        with self.server.guard:
            self.server.open.discard(self.connection)
        secure = self.server.context.wrap_socket(self.connection, server_side=True)
        self.connection = secure
        with self.server.guard:
            self.server.open.add(secure)
        self.rfile = secure.makefile("rb")
        self.wfile = secure.makefile("wb")
        self.close_connection = False

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST:
            self.send_error(413)
            return
        host = self.authority or self.headers.get("Host", "").partition(":")[0]
        answer = self.server.respond(
            Incoming(
                self.command,
                host,
                self.path,
                self.headers.get("Content-Type", ""),
                self.headers.get("Authorization", ""),
                self.rfile.read(length),
            )
        )
        if answer is None:
            self.close_connection = True
            return
        kind, content = answer.content()
        self.send_response(answer.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer
