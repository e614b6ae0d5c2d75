"""A host of the service and a log host, and what the one wrote and the other has."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.host import Host
from lab.lab import Lab
from lab.playbook import Inventory, settings, staging

STORE = "/var/log/bcryptd"
LOG = "/var/log/nginx/bcryptd.log"
OWN = f"zcat -f {LOG}*"
PORT = 20514
# The timer may be at it.
ROTATE = "logrotate --wait-for-state-lock --force /etc/logrotate.d/bcryptd"
SHIPPER = "bcryptd-log-shipping.service"

Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Hosts:
    """The two."""

    web: Host
    log: Host

    def written(self) -> Counter[str]:
        """The requests that nginx has logged, by their ids."""
        return ids(parse(self.web.shell(OWN)))

    def lines(self, kind: str) -> Lines:
        """What the log host has, with repetitions."""
        pattern = f"{STORE}/{self.web.name}/*.{kind}.jsonl*"
        return parse(self.log.shell(f"for f in {pattern}; do [ ! -e $f ] || zcat -f $f; done"))

    def arrived(self) -> Counter[str]:
        return ids(self.lines("access"))

    def metric(self, name: str) -> float:
        """Of the shipper, as node_exporter finds it; the sum of its series."""
        path = "/var/lib/prometheus/node-exporter/bcryptd_log_shipping.prom"
        # Who is not root, as node_exporter is not.
        rows = self.web.shell(f"runuser -u nobody -- cat {path}").splitlines()
        return sum(
            float(x.split()[-1]) for x in rows if x.startswith(f"bcryptd_log_shipping_{name}")
        )


def parse(text: str) -> Lines:
    return [json.loads(line) for line in text.splitlines()]


def ids(lines: Lines) -> Counter[str]:
    return Counter(line["bcryptd.request_id"] for line in lines)


def boot(lab: Lab) -> Hosts:
    hosts = Hosts(lab.add("web1", "bookworm"), lab.add("log", "trixie"))
    for host in (hosts.web, hosts.log):
        host.wait_booted()
    return hosts


def deploy(lab: Lab, hosts: Hosts, package: Path) -> Inventory:
    """Everything, with a log that tells all it can."""
    inventory = staging(lab, [hosts.web], package, [], bcryptd_settings=settings(log_level="debug"))
    inventory.add_group(
        "logging",
        [hosts.log],
        firewall_ssh_sources=[f"{lab.network[1]}/32"],
        firewall_internal_sources=[str(lab.network)],
    )
    inventory.play("site.yml")
    return inventory
