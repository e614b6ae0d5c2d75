"""What a client of TLS sees of a server: the tickets that it gives, and whether it takes up a session again."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# The longest ticket of each version, in bytes. TLS 1.2 has none, and in 1.3 it is the number by which the server finds
# the session; one that held a session would be several times as long.
LONGEST_TICKETS = [("tls1_2", 0), ("tls1_3", 32)]


@dataclass(frozen=True)
class TlsClient:
    """Of a server's address, by its name."""

    address: str
    port: int
    name: str

    def ask(self, *options: str) -> str:
        """What openssl tells of a connection. Its request is answered after the tickets, so it has them all."""
        command = ["openssl", "s_client", "-connect", f"{self.address}:{self.port}"]
        command += ["-servername", self.name, "-ign_eof", *options]
        request = f"GET /nowhere HTTP/1.1\r\nHost: {self.name}\r\nConnection: close\r\n\r\n"
        done = subprocess.run(command, input=request, capture_output=True, text=True, timeout=60)
        assert "HTTP/1.1 404" in done.stdout, done.stderr
        return done.stdout

    def longest_ticket(self, version: str) -> int:
        """In bytes, by whole lines of a dump; 0 if there is none."""
        told = self.ask(f"-{version}")
        tickets = re.findall("TLS session ticket:\n((?: +[0-9a-f]{4} - .*\n)+)", told)
        return max((16 * len(dump.splitlines()) for dump in tickets), default=0)

    def begin(self, version: str, session: Path) -> None:
        """Keeps a new session in the file."""
        self.ask(f"-{version}", "-sess_out", str(session))

    def resumes(self, version: str, session: Path) -> bool:
        """Whether the server goes on with the session in the file."""
        told = self.ask(f"-{version}", "-sess_in", str(session))
        return re.findall("^(New|Reused), TLSv", told, re.M) == ["Reused"]
