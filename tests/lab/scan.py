"""scan ADDRESS PORT...: prints those of the TCP ports that accept connections. Run in another host's network."""

import asyncio
import sys

LIMIT_S = 1.0  # a dropped packet is never answered
AT_ONCE = 2000


async def accepts(address: str, port: int, gate: asyncio.Semaphore) -> bool:
    async with gate:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), LIMIT_S)
        except (OSError, asyncio.TimeoutError):
            return False
        writer.close()
        return True


async def scan(address: str, ports: list[int]) -> list[int]:
    gate = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(accepts(address, port, gate) for port in ports))
    return [port for port, is_open in zip(ports, found) if is_open]


if __name__ == "__main__":
    print(*asyncio.run(scan(sys.argv[1], [int(port) for port in sys.argv[2:]])))
