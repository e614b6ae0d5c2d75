"""Hosts of the service and one that watches them, as the playbooks deploy them."""

from pathlib import Path
from typing import Any

from lab.host import Host
from lab.lab import Lab
from lab.playbook import Inventory, staging
from observe.central import LOOK_S, Central
from observe.receiver import Receiver
from support.waiting import eventually

SCRAPED = ("bcryptd", "node", "nginx", "mtail", "probe")
WATCHING = ("prometheus", "alertmanager", "blackbox")


def boot(lab: Lab, **releases: str) -> dict[str, Host]:
    """By their names; what runs on each is the release's."""
    hosts = {name: lab.add(name, release) for name, release in releases.items()}
    for host in hosts.values():
        host.wait_booted()
    return hosts


def watched_by(mon: Host, lab: Lab, web: list[Host], package: Path, **changes: Any) -> Inventory:
    """The service on hosts that another one may ask for its metrics."""
    inventory = staging(lab, web, package, [mon.address], **changes)
    inventory.skip_tags = ""
    return inventory


def add_monitoring(
    inventory: Inventory, lab: Lab, mon: Host, receiver: Receiver, **changes: Any
) -> None:
    """On a host, which tells the receiver."""
    inventory.add_group(
        "monitoring",
        [mon],
        firewall_ssh_sources=[f"{lab.network[1]}/32"],
        alertmanager_page_webhooks=[receiver.url],
        alertmanager_ticket_webhooks=[receiver.url],
        # What ends is told sooner than by default; what begins is not.
        alertmanager_group_interval="10s",
        **changes,
    )


def everything(web: list[Host]) -> set[tuple[str, str]]:
    """All targets: job and instance. The monitoring host is measured, too."""
    scraped = {(job, host.name) for job in SCRAPED for host in web}
    return scraped | {(job, "mon") for job in (*WATCHING, "node")}


def wait_until_watched(central: Central, web: list[Host]) -> None:
    """Until all targets have answered."""
    wanted = everything(web)
    eventually("all targets are up", lambda: central.up() >= wanted, pause_s=LOOK_S)
