"""idle ADDRESS COUNT SOURCE...: opens so many connections from each of these addresses, as fast as the firewall lets a
client, asks once on each, and then only waits. Prints "open" when all have had their answer, and at the end, as JSON,
how the server has ended them. Run in another host's network."""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from itertools import product

from lab.playbook import NAME, defaults
from support.daemon import ROOT
from support.waiting import LIMIT_S

PORT = 80
MARGIN_S = 1.0  # for nginx's clock, which it reads once for all that has come in
# Refused, as all on this port, and of no interest to fail2ban; the connection stays.
REQUEST = f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()


def keepalive_s() -> int:
    """For so long nginx lets a connection be idle."""
    text = (ROOT / "nginx" / "bcryptd" / "clients.conf").read_text()
    return int(re.findall(r"^keepalive_timeout (\d+)s;", text, re.M)[0])


class Attack:
    """All connections, and how they ended: by the server's end of it, or by a reset; early is before it had been idle
    for as long as it may be."""

    def __init__(self, address: str, count: int, sources: list[str]) -> None:
        self.address = address
        self.all = list(product(range(count), sources))
        limits = defaults("firewall")
        self.rate = int(limits["firewall_connections_rate"])
        self.burst = int(limits["firewall_connections_burst"])
        self.answered = 0
        self.outcomes: Counter[str] = Counter()
        self.allowed_s = keepalive_s() - MARGIN_S

    async def keep(self, number: int, source: str) -> None:
        """As its address' connection of that number, when the firewall lets it."""
        await asyncio.sleep(max(0, number - self.burst) / self.rate)
        reader, writer = await asyncio.open_connection(self.address, PORT, local_addr=(source, 0))
        begun = time.monotonic()
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\n")
        self.answered += 1
        if self.answered == len(self.all):
            print("open", flush=True)
        try:
            await reader.read()
            how = "ended"
        except ConnectionResetError:
            how = "reset"
        early = "early " if time.monotonic() - begun < self.allowed_s else ""
        self.outcomes[early + how] += 1
        writer.close()

    async def run(self) -> None:
        kept = [self.keep(number, source) for number, source in self.all]
        await asyncio.wait_for(asyncio.gather(*kept), LIMIT_S)


def main() -> None:
    address, count, *sources = sys.argv[1:]
    attack = Attack(address, int(count), sources)
    asyncio.run(attack.run())
    print(json.dumps(attack.outcomes))


if __name__ == "__main__":
    main()
