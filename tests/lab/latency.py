"""latency ADDRESS COUNT: asks a service one request after the other, each on a connection of its own,
and prints the statuses and the times in seconds as JSON. Run in another host's network."""

import json
import sys
import time
from typing import Any

from lab.client import QUESTION, service

PAUSE_S = 0.05  # below the rate that a client may have


def measure(address: str, count: int) -> dict[str, list[Any]]:
    statuses: list[int] = []
    times: list[float] = []
    for _ in range(count):
        begun = time.monotonic()
        statuses.append(service(address).post("/v1/hash", QUESTION.encode()).status)
        times.append(time.monotonic() - begun)
        time.sleep(PAUSE_S)
    return {"statuses": statuses, "times": times}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
