"""The image, built on a booted host: by the roles of the servers, without anything of its own, and a VM that
boots from it fetches its certificate and serves."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from gce.booted import BootedMachine
from gce.double import Double
from gce.metadata import Servers, servers
from gce.play import ANSIBLE, Project, deployable, make_pair, production
from lab.client import presented, serves
from lab.command import run
from lab.host import Host
from lab.lab import Lab, lab_or_skip
from lab.playbook import NAME as SERVED
from support.daemon import ROOT
from support.waiting import eventually

TAGS = "--tags=gce_secrets,gce_network,gce_image"
NAME = "bcryptd-production"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with lab_or_skip() as opened:
        yield opened


@pytest.fixture(scope="module")
def builder(lab: Lab) -> Host:
    return lab.boot("builder")[0]


@pytest.fixture(scope="module")
def package() -> str:
    output = run("../script/package", cwd=ANSIBLE).stdout
    return str(ROOT / output.splitlines()[-1])


@pytest.fixture(scope="module")
def project(
    lab: Lab, builder: Host, package: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Production, with a builder that is booted here: reached by its address, with a key of the lab."""
    with Double(machines=lambda clock: BootedMachine(builder)) as double:
        deployable(double)
        directory = tmp_path_factory.mktemp("project")
        variables = lab.host_variables(builder)
        opened = production(
            double,
            directory,
            gce_image_package=package,
            gce_image_ssh_user=variables["ansible_user"],
            gce_image_ssh_public_key=f"{lab.key}.pub",
        )
        administrator = f"{lab.network[1]}/32"
        opened.set_for_builder(
            ansible_ssh_private_key_file=variables["ansible_ssh_private_key_file"],
            ansible_ssh_common_args="-o IdentitiesOnly=yes",
            gce_guest_agent="",
            base_ntp_servers=[],
            firewall_ssh_sources=[administrator],
            firewall_internal_sources=[administrator],
            firewall_unlimited_sources=[administrator],
            nginx_unlimited_networks=[administrator],
            nginx_server_names=[SERVED],
        )
        yield opened


@pytest.fixture(scope="module")
def identity(builder: Host) -> set[str]:
    """What the host has and no other may have."""
    return traits(builder)


def pair(files: tuple[Path, Path]) -> str:
    """Certificate and key, as the secret has them."""
    return "".join(path.read_text() for path in files)


def presents(host: Host, files: tuple[Path, Path]) -> bool:
    return ssl.DER_cert_to_PEM_cert(presented(host.address)) == files[0].read_text()


def point_to(google: Servers, host: Host) -> None:
    """Lets the VM find Google there, which needs no TLS in this network of ours, and try soon again, as often as it
    takes."""
    url = f"http://{google.server_name}:{google.server_port}"
    settings = [f'Environment="BCRYPTD_{name}_URL={url}"' for name in ("METADATA", "SECRETS")]
    directory = host.root / "etc/systemd/system/bcryptd-certificate.service.d"
    directory.mkdir()
    often = ["[Unit]", "StartLimitIntervalSec=0", "[Service]", "RestartSec=1"]
    (directory / "test.conf").write_text("\n".join([*often, *settings, ""]))


def traits(host: Host) -> set[str]:
    return set(host.shell("cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub").splitlines())


@pytest.fixture(scope="module")
def built(project: Project, identity: set[str]) -> Project:
    project.play("gce.yml", TAGS)
    return project


def test_the_image_is_there_with_its_content_and_the_builder_is_gone(built: Project) -> None:
    images = [link for link in built.double.links() if f"/images/{NAME}-20" in link]
    assert len(images) == 1
    image = built.double.get("images", images[0].split("/")[-1])
    assert image["family"] == NAME and image["labels"]["content"]
    gone = (f"/instances/{NAME}-builder", f"/disks/{NAME}-builder")
    assert not any(link.endswith(gone) for link in built.double.links())


def test_an_image_of_the_same_content_is_not_built_again(built: Project) -> None:
    again = built.play("gce.yml", TAGS)
    assert again.changed() == 0, again.changes()


def test_nothing_of_the_builder_is_left_on_the_disk(
    built: Project, builder: Host, lab: Lab
) -> None:
    root = builder.root
    assert (root / "etc/machine-id").read_text() == ""
    for pattern in ("etc/ssh/ssh_host_*", "etc/nginx/tls/*", "root/.ssh/authorized_keys"):
        assert list(root.glob(pattern)) == [], pattern
    assert list(root.glob("home/*/.ssh/authorized_keys")) == []
    logs = [path for path in (root / "var/log").rglob("*") if path.is_file()]
    # What the last shutdown wrote is systemd's own.
    assert [p.name for p in logs if p.stat().st_size and "nginx" in str(p)] == []
    assert (root / "usr/local/sbin/bcryptd-fetch-certificate").exists()


def test_a_vm_of_it_fetches_its_certificate_and_serves(
    built: Project, builder: Host, lab: Lab, identity: set[str], tmp_path: Path
) -> None:
    """Secret Manager answers late, later it has another pair, and then nonsense."""
    fetch = "bcryptd-certificate.service"
    with servers(str(lab.network[1])) as google:
        point_to(google, builder)
        builder.start()
        eventually("asked", lambda: any("latest:access" in path for path in google.asked))
        assert not builder.answers(443)
        first = make_pair(built.directory)
        google.pair = pair(first)
        eventually("serves", lambda: serves(builder.address))
        assert presents(builder, first)
        assert not traits(builder) & identity
        second = make_pair(tmp_path)
        google.pair = pair(second)
        builder.run_unit(fetch)
        # The reload is over; its old workers may answer a little longer.
        eventually("renewed", lambda: presents(builder, second))
        # Secret Manager is away while it boots: the pair that it has is good until there is another one.
        google.pair = None
        builder.reboot()
        eventually("serves", lambda: serves(builder.address))
        assert presents(builder, second)
        google.pair = pair(first)
        eventually("renewed", lambda: presents(builder, first))
        google.pair = "nonsense"
        assert builder.run_unit(fetch, check=False).returncode != 0
        assert serves(builder.address)
        google.pair = pair(second)
        builder.run("systemctl", "reset-failed")
        builder.run_unit(fetch)
        assert builder.shell("systemctl --failed --no-legend --plain") == ""
    journal = builder.shell("journalctl --no-pager")
    assert "nginx keeps what it has" in journal and "PRIVATE KEY" not in journal
    assert builder.shell("find /run -name key.pem") == ""
