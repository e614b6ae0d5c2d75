"""Three members of etcd."""

import json
from typing import Any

from lab.host import Host
from persistence.client.keyvalue import PORT, Etcd, coded, value_of
from persistence.client.outcome import Unavailable, Unknown
from persistence.hosts import Site, write
from support.waiting import eventually

SETTINGS = """ETCD_NAME={name}
ETCD_DATA_DIR=/var/lib/etcd/site
ETCD_LISTEN_PEER_URLS=http://{address}:2380
ETCD_LISTEN_CLIENT_URLS=http://{address}:{port},http://127.0.0.1:{port}
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://{address}:2380
ETCD_ADVERTISE_CLIENT_URLS=http://{address}:{port}
ETCD_INITIAL_CLUSTER={members}
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_INITIAL_CLUSTER_TOKEN={token}
"""


class Members:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.hosts = site.members

    def begin(self) -> None:
        members = ",".join(f"{host.name}=http://{host.address}:2380" for host in self.hosts)
        for host in self.hosts:
            settings = SETTINGS.format(
                name=host.name,
                address=host.address,
                port=PORT,
                members=members,
                token=self.site.lab.id,
            )
            write(host, "/etc/default/etcd", settings)
            host.run("systemctl", "start", "--no-block", "etcd")
        eventually("etcd has a leader", lambda: self.leader() is not None, pause_s=0.1)
        eventually("all members are there", self.complete, pause_s=0.1)

    def start(self, host: Host) -> None:
        """One that was cut off."""
        host.boot()
        host.run("systemctl", "start", "--no-block", "etcd")

    def running(self) -> list[Host]:
        return [host for host in self.hosts if host.leader() is not None]

    def status(self, host: Host) -> dict[str, Any] | None:
        """What a member knows of itself."""
        command = ["env", "ETCDCTL_API=3", "etcdctl", "endpoint", "status", "--write-out=json"]
        done = host.run(*command, check=False)
        if done.returncode != 0 or not done.stdout.startswith("["):
            return None
        found: dict[str, Any] = json.loads(done.stdout)[0]["Status"]
        return found

    def leader(self) -> Host | None:
        for host in self.running():
            status = self.status(host)
            if status and status.get("leader") == status["header"]["member_id"]:
                return host
        return None

    def complete(self) -> bool:
        """Whether each member runs, knows the leader and has applied the same."""
        states = [self.status(host) for host in self.running()]
        known = [state for state in states if state and state.get("leader")]
        return len(known) == len(self.hosts) and len({s["raftAppliedIndex"] for s in known}) == 1

    def wait_complete(self) -> tuple[Host, list[Host]]:
        """The leader, and the others."""
        eventually("all members are there", self.complete, pause_s=0.1)
        leader = eventually("etcd has a leader", self.leader, pause_s=0.1)
        return leader, [host for host in self.hosts if host is not leader]

    def addresses(self) -> list[str]:
        return [host.address for host in self.hosts]

    def client(self, *hosts: Host, serializable: bool = False, deadline_s: float = 20) -> Etcd:
        """From this machine."""
        addresses = [host.address for host in hosts or self.hosts]
        return Etcd(addresses, serializable, deadline_s)

    def owners(self, run: str) -> dict[str, str]:
        """The claim that has each name, by a linearizable read."""
        prefix = f"users/{run}/"
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        question = {"key": coded(prefix), "range_end": coded(last)}
        client = self.client(*self.running())

        def ask() -> list[dict[str, Any]] | None:
            try:
                return list(client.call("range", question).get("kvs", []))
            except (Unknown, Unavailable):
                return None

        pairs = eventually("etcd answers", lambda: (found := ask()) is not None and [found])[0]
        return {self.name(pair): json.loads(value_of(pair))["claim"] for pair in pairs}

    @staticmethod
    def name(pair: dict[str, Any]) -> str:
        return value_of({"value": pair["key"]}).removeprefix("users/")
