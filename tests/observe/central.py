"""Prometheus and Alertmanager on their host, asked there: they listen on its loopback."""

import json
import urllib.parse
from typing import Any

from lab.command import run
from lab.host import Host
from support.waiting import eventually

PROMETHEUS, ALERTMANAGER = 9090, 9093
LOOK_S = 0.5  # between two looks: far below a scrape interval, and cheap
Series = tuple[dict[str, str], float]


class Central:
    """The monitoring host."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, port: int, path: str, **parameters: str) -> str:
        url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(parameters)}"
        command = ["curl", "--silent", "--show-error", "--max-time", "30", url]
        return run(*self.host.from_its_network(command)).stdout

    def api(self, name: str, **parameters: str) -> Any:
        """The data of an answer of Prometheus's API."""
        answer = json.loads(self.get(PROMETHEUS, f"/api/v1/{name}", **parameters))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[Series]:
        """The series of an instant query, with their values."""
        data = self.api("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(x["metric"], float(x["value"][1])) for x in data["result"]]

    def value(self, expression: str) -> float:
        """Of an expression that has one."""
        ((_, value),) = self.query(expression)
        return value

    def rule_groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = self.api("rules")["groups"]
        return groups

    def alerting_rules(self) -> dict[str, dict[str, Any]]:
        rules = (rule for group in self.rule_groups() for rule in group["rules"])
        return {rule["name"]: rule for rule in rules if rule["type"] == "alerting"}

    def targets(self) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self.api("targets", state="active")["activeTargets"]
        return targets

    def up(self) -> set[tuple[str, str]]:
        """The targets that answered the last scrape: job and instance."""
        return {
            (x["labels"]["job"], x["labels"]["instance"])
            for x in self.targets()
            if x["health"] == "up"
        }

    def wait_for(self, what: str, expression: str, limit_s: float = 120) -> list[Series]:
        """Until an expression has a series."""
        found: list[Series] = eventually(
            what, lambda: self.query(expression), limit_s, pause_s=LOOK_S
        )
        return found
