"""The same job by the driver docker, from the image."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.engine import engine_or_skip
from lab.client import clients, serves
from lab.host import Host
from lab.lab import Lab
from nomad.live.cluster import LOOK_S, Cluster
from nomad.live.conftest import CLIENTS
from nomad.live.deployment import Deployment
from support.waiting import eventually

# A registry is more than this needs, and "latest" is no tag that the job takes.
IMAGE = "bcryptd:1"
# Overlays do not lie upon the overlay that a host of the lab is. The job uses the machine's network.
SETTINGS = '{"storage-driver": "vfs", "iptables": false, "bridge": "none"}'
INSTALL = (
    "apt-get -q update && DEBIAN_FRONTEND=noninteractive"
    " apt-get -q install --yes --no-install-recommends docker.io"
)


@pytest.fixture(scope="module")
def image(lab: Lab) -> Iterator[Path]:
    """The image, as a file."""
    path = lab.directory / "image.tar"
    with engine_or_skip() as engine:
        engine.build(IMAGE, more="mtail")
        engine.docker("save", f"--output={path}", IMAGE)
    yield path


@pytest.fixture(scope="module")
def docker(cluster: Cluster, image: Path, hosts: dict[str, Host]) -> None:
    """Docker on the machines for the instances, known to Nomad."""
    for name in CLIENTS:
        host = hosts[name]
        (host.root / "etc/docker").mkdir(exist_ok=True)
        (host.root / "etc/docker/daemon.json").write_text(SETTINGS)
        host.shell(INSTALL)
        (host.root / "var/tmp/image.tar").write_bytes(image.read_bytes())
        host.shell("docker load --quiet --input /var/tmp/image.tar && rm /var/tmp/image.tar")

    def known() -> bool:
        nodes = cluster.nodes()
        return all(nodes[name]["Drivers"]["docker"]["Healthy"] for name in CLIENTS)

    eventually("the driver is healthy", known, pause_s=LOOK_S)


def running_tasks(host: Host) -> list[str]:
    """Of the containers, whose names are TASK-ALLOCATION."""
    names = host.shell("docker ps --format '{{.Names}}'").split()
    return [name.partition("-")[0] for name in names]


def test_the_driver_is_changed_by_canary_without_a_failed_request(
    docker: None, cluster: Cluster, deployment: Deployment, address: str, hosts: dict[str, Host]
) -> None:
    version = cluster.job_version("bcryptd") + 1
    with clients(address) as load:
        deployment.submit(driver="docker", image=IMAGE)
        deployment.wait_deployed(version)
    assert load.failed == [] and load.count() > 0
    assert serves(address)
    tasks = Counter(task for name in CLIENTS for task in running_tasks(hosts[name]))
    assert tasks == {"bcryptd": 2, "nginx": 2, "mtail": 2}
