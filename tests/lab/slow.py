"""Clients that hold connections by being slow."""

from lab.attack import resolving
from lab.lab import Lab
from lab.playbook import NAME

DOOR_PORT = 8080
SLOW: dict[str, list[str]] = {
    "headers": ["-H", "-i", "2", "/"],
    "body": ["-B", "-i", "2", "-s", "4000", "-f", "application/json", "/v1/hash"],
    "read": ["-X", "-w", "1", "-y", "1", "-n", "5", "-z", "1", "/gethash/hunter2/"],
}


def slow_attack(lab: Lab, attack: str) -> list[str]:
    """slowhttptest knows no TLS with names (SNI), so it goes through a door. 500 new connections a
    second, for a minute at the most."""
    *options, path = SLOW[attack]
    size = ["-c", "9000", "-r", "500", "-l", "60", "-u", f"http://{NAME}:{DOOR_PORT}{path}"]
    return resolving(lab, "127.0.0.1", ["nice", "-n", "19", "slowhttptest", *options, *size])
