"""The agents, as ansible/playbooks/nomad.yml brings them up."""

from lab.command import run
from lab.host import Host
from lab.playbook import Inventory
from nomad.live.cluster import API, LOOK_S, Cluster
from support.play import Play
from support.waiting import eventually

CERTIFICATE = (
    "--cacert /etc/nomad.d/tls/ca.pem --cert /etc/nomad.d/tls/agent.pem"
    " --key /etc/nomad.d/tls/agent.key"
)
ALERT_OF_TLS = 56  # curl's status; no connection would be another


def status(host: Host, options: str, path: str = "/v1/jobs") -> str:
    """Of an answer of the API, asked on its own host; 000 is none."""
    command = "curl --silent --output /dev/null --write-out '%{http_code}'"
    return host.shell(f"{command} {options} '{API}{path}'", check=False)


def is_well(host: Host) -> bool:
    """Whether a client's agent serves, and has servers."""
    return status(host, CERTIFICATE, "/v1/agent/health?type=client") == "200"


def test_a_rehearsal_has_no_effect(rehearsal: Play, hosts: dict[str, Host]) -> None:
    assert set(rehearsal.hosts) == set(hosts)
    assert all(recap["failed"] == 0 for recap in rehearsal.hosts.values())


def test_a_second_run_changes_nothing(cluster: Cluster, inventory: Inventory) -> None:
    play = inventory.play("nomad.yml")
    assert play.changed() == 0, play.changes()


def test_nobody_asks_without_a_certificate_and_a_token(
    cluster: Cluster, hosts: dict[str, Host]
) -> None:
    server = hosts["server"]
    assert status(server, "--insecure") == "000"
    assert status(server, CERTIFICATE) == "403"
    assert status(server, f"{CERTIFICATE} --header 'X-Nomad-Token: {cluster.token}'") == "200"


def test_only_the_cluster_reaches_its_agents(cluster: Cluster, hosts: dict[str, Host]) -> None:
    assert not any(host.answers(4646) for host in hosts.values())
    url = f"https://{hosts['server'].address}:4646/"
    look = hosts["edge"].from_its_network(["curl", "--silent", "--insecure", url])
    assert run(*look, check=False).returncode == ALERT_OF_TLS


def test_a_server_has_no_rights(cluster: Cluster, hosts: dict[str, Host]) -> None:
    pid = hosts["server"].shell("systemctl show --property=MainPID --value nomad.service").strip()
    lines = hosts["server"].shell(f"cat /proc/{pid}/status").splitlines()
    values = dict(line.split(":", 1) for line in lines)
    assert int(values["CapEff"], 16) == 0
    assert int(values["Uid"].split()[0]) != 0


def shown(host: Host) -> str:
    """Serial number of the certificate that its agent shows."""
    look = "openssl s_client -connect 127.0.0.1:4646 </dev/null 2>/dev/null"
    return host.shell(f"{look} | openssl x509 -noout -serial", check=False)


def test_a_renewed_certificate_is_taken_by_a_reload(
    cluster: Cluster, inventory: Inventory, hosts: dict[str, Host]
) -> None:
    client, process = hosts["client1"], "systemctl show --property=MainPID nomad.service"
    before, running = shown(client), client.shell(process)
    assert "serial=" in before
    client.shell("rm /etc/bcryptd-tls/certificate.pem")
    inventory.play("nomad.yml", "--limit=client1", "--tags=internal_tls")
    eventually("the new one is shown", lambda: shown(client) != before, pause_s=LOOK_S)
    eventually("the agent is well", lambda: is_well(client), pause_s=LOOK_S)
    assert client.shell(process) == running


def test_clients_have_their_class_and_zone(cluster: Cluster) -> None:
    nodes = {name: cluster.api(f"/v1/node/{x['ID']}") for name, x in cluster.nodes().items()}
    assert {name: (x["NodeClass"], x["Meta"].get("zone")) for name, x in nodes.items()} == {
        "client1": ("bcryptd", "zone-a"),
        "client2": ("bcryptd", "zone-b"),
        "edge": ("edge", None),
    }
