"""A client of RELP, the protocol by which rsyslog takes log lines and acknowledges each."""

import re
import select
import socket
import ssl
from collections.abc import Iterator

HEADER = re.compile(rb"(\d{1,9}) (\w{1,32}) (\d{1,9})([ \n])")
OFFER = b"relp_version=0\nrelp_software=bcryptd-log-shipping\ncommands=syslog"
NUMBER_MAX = 999_999_999
TIMEOUT_S = 10.0


class RelpError(Exception):
    """The other side does not speak RELP, or refuses."""


class Client:
    """An open session. Any error of it ends it."""

    def __init__(self, address: str, port: int, name: str, tls: ssl.SSLContext) -> None:
        plain = socket.create_connection((address, port), timeout=TIMEOUT_S)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket = tls.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise
        self.number = 0
        self.buffer = b""
        try:
            self.open()
        except BaseException:
            self.socket.close()
            raise

    def open(self) -> None:
        opened = self.send(b"open", OFFER)
        while True:
            for number in self.answers():
                if number == opened:
                    return

    def send(self, command: bytes, data: bytes) -> int:
        """Sends a command. Gives its number, by which it is answered."""
        self.number = self.number % NUMBER_MAX + 1
        space = b" " if data else b""
        self.socket.sendall(b"%d %s %d%s%s\n" % (self.number, command, len(data), space, data))
        return self.number

    def can_read(self, timeout_s: float) -> bool:
        return bool(self.socket.pending() or select.select([self.socket], [], [], timeout_s)[0])

    def answers(self) -> Iterator[int]:
        """The numbers of commands that were carried out; waits for data when none has come."""
        data = self.socket.recv(65536)
        if not data:
            raise RelpError("the log host ended the connection")
        self.buffer += data
        while (frame := self.frame()) is not None:
            number, command, content = frame
            if command == b"serverclose":
                raise RelpError("the log host ends the session")
            if command != b"rsp" or not content.startswith(b"200"):
                raise RelpError(f"the log host refuses: {content[:200]!r}")
            yield number

    def frame(self) -> tuple[int, bytes, bytes] | None:
        """The next frame of what has come, if it is there as a whole."""
        header = HEADER.match(self.buffer)
        if header is None:
            if len(self.buffer) > 64:
                raise RelpError("the answer is no RELP")
            return None
        length = int(header[3])
        # Without data the line's end follows the length.
        end = header.end() + length + 1 if header[4] == b" " else header.end()
        if len(self.buffer) < end:
            return None
        content = self.buffer[header.end() : header.end() + length]
        self.buffer = self.buffer[end:]
        return int(header[1]), header[2], content

    def close(self) -> None:
        """Says goodbye as far as that is possible."""
        try:
            self.send(b"close", b"")
        except OSError:
            pass
        self.socket.close()
