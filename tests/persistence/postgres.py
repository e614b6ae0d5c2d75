"""PostgreSQL as a primary and a standby that streams from a slot."""

import csv
import io
import subprocess

from lab.host import Host
from persistence.hosts import Site, write
from support.waiting import eventually

SETTINGS = """listen_addresses = '*'
max_connections = {max_connections}
shared_buffers = 64MB
wal_level = replica
max_wal_senders = 4
max_replication_slots = 4
hot_standby = on
password_encryption = scram-sha-256
ssl = off
log_line_prefix = '%m [%p] %e '
"""
ACCESS = """local all postgres peer
host registry app {network} scram-sha-256
host replication replicator {network} scram-sha-256
"""
SCHEMA = """
CREATE TABLE users (name text PRIMARY KEY, claim text NOT NULL, request_key text UNIQUE);
CREATE TABLE counters (name text PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
CREATE TABLE marks (name text PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE documents (id bigserial PRIMARY KEY, body text NOT NULL);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
"""
DIRECTORY = "/etc/postgresql/15/main"
DATA = "/var/lib/postgresql/15/main"
LOG = "/var/log/postgresql/postgresql-15-main.log"
# By default:
MAX_CONNECTIONS = 100
RESERVED = 3  # superuser_reserved_connections
FULL = "sorry, too many clients already"
# The kernel says that a peer is gone after a second, libpq after two.
PATIENCE = "connect_timeout=2 tcp_user_timeout=1000 keepalives_idle=1 keepalives_interval=1 keepalives_count=1"


class Cluster:
    def __init__(self, site: Site, max_connections: int) -> None:
        self.site = site
        self.max_connections = max_connections
        self.primary, self.standby = site.databases
        self.shut_out = 0  # how often the superuser was

    def begin(self) -> None:
        for host in self.site.databases:
            self.configure(host)
        self.primary.run("pg_ctlcluster", "15", "main", "start")
        password = self.site.password
        roles = f"""CREATE ROLE app LOGIN PASSWORD '{password}';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{password}';
CREATE DATABASE registry;
"""
        self.sql(roles, database="postgres")
        self.sql(SCHEMA)
        self.replicate()

    def configure(self, host: Host) -> None:
        settings = SETTINGS.format(max_connections=self.max_connections)
        write(host, f"{DIRECTORY}/conf.d/site.conf", settings, "postgres")
        access = ACCESS.format(network=self.site.network)
        write(host, f"{DIRECTORY}/pg_hba.conf", access, "postgres", "0640")
        entry = f"*:*:*:replicator:{self.site.password}\n"
        write(host, "/var/lib/postgresql/.pgpass", entry, "postgres", "0600")

    def sql(self, statement: str, host: Host | None = None, database: str = "registry") -> str:
        """As superuser, over the host's own socket. It has reserved connections; who is about to be refused may hold
        them for a moment."""
        psql = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        command = ["runuser", "-u", "postgres", "--", *psql]

        def ask() -> subprocess.CompletedProcess[str] | None:
            done = (host or self.primary).run(*command, check=False, stdin=statement)
            if FULL in done.stderr:
                self.shut_out += 1
                return None
            assert done.returncode == 0, done.stderr
            return done

        done: subprocess.CompletedProcess[str] = eventually("a reserved connection", ask)
        return done.stdout.strip()

    def replicate(self) -> None:
        """Makes the standby anew from the primary."""
        self.standby.shell(f"pg_ctlcluster 15 main stop -m immediate; rm -rf {DATA}", check=False)
        self.standby.run(
            *("runuser", "-u", "postgres", "--", "pg_basebackup", "--no-sync", "--checkpoint=fast"),
            *("--host", self.primary.address, "--username", "replicator", "--pgdata", DATA),
            *("--write-recovery-conf", "--create-slot", "--slot", "standby"),
        )
        self.standby.run("pg_ctlcluster", "15", "main", "start")
        self.wait_streaming()

    def wait_streaming(self) -> None:
        """Until the standby has all that the primary has."""
        behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
        eventually("the standby streams", lambda: self.sql(behind) == "1", pause_s=0.05)

    def set_synchronous(self, on: bool, apply: bool = False) -> None:
        """In a file of the primary alone: a standby that becomes one starts without."""
        names, level = ("*" if on else ""), ("remote_apply" if apply else "on")
        lines = f"synchronous_standby_names = '{names}'\nsynchronous_commit = {level}\n"
        write(self.primary, f"{DIRECTORY}/conf.d/synchronous.conf", lines, "postgres")
        self.sql("SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication"
        wanted = "sync" if on else "async"
        eventually(f"replication is {wanted}", lambda: self.sql(state) == wanted, pause_s=0.05)
        shown = "SHOW synchronous_commit"
        eventually(f"commits are {level}", lambda: self.sql(shown) == level, pause_s=0.05)

    def promote(self) -> None:
        """What a failover manager does once it has found the primary dead; the roles change."""
        self.sql("SELECT pg_promote(true, 60)", self.standby)
        self.primary, self.standby = self.standby, self.primary

    def rebuild(self) -> None:
        """Brings back the host that was cut off, as the standby."""
        self.standby.boot()
        self.standby.shell(f"rm -f {DIRECTORY}/conf.d/synchronous.conf")
        self.replicate()

    def hold_replay(self, held: bool) -> None:
        self.sql(f"SELECT pg_wal_replay_{'pause' if held else 'resume'}()", self.standby)
        if held:
            state = "SELECT pg_get_wal_replay_pause_state()"
            eventually("replay held", lambda: self.sql(state, self.standby) == "paused")

    def dsn(self, *hosts: Host, attributes: str = "any") -> str:
        addresses = ",".join(host.address for host in hosts)
        secret = f"user=app password={self.site.password} dbname=registry"
        return f"host={addresses} {secret} target_session_attrs={attributes} {PATIENCE}"

    def direct(self) -> str:
        """Finds the primary, whichever it is."""
        return self.dsn(*self.site.databases, attributes="read-write")

    def owners(self, run: str) -> dict[str, str]:
        """The claim that has each name."""
        rows = self.sql(
            f"COPY (SELECT name, claim FROM users WHERE name LIKE '{run}/%') TO STDOUT CSV"
        )
        return {name: claim for name, claim in csv.reader(io.StringIO(rows))}

    def connections(self) -> int:
        """Those of the application, at the server."""
        return int(self.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"))

    def registering(self, run: str) -> int:
        """Workers of a run that have registered a name by now."""
        worker = "split_part(claim, '/', 2)"
        return int(
            self.sql(f"SELECT count(DISTINCT {worker}) FROM users WHERE name LIKE '{run}/%'")
        )

    def refusals(self) -> dict[str, int]:
        """What the primary's log has under 53300, too_many_connections: how often each text."""
        found: dict[str, int] = {}
        lines = self.primary.shell(f"grep ' 53300 FATAL: ' {LOG} || true").splitlines()
        for line in lines:
            text = line.partition("FATAL: ")[2].strip()
            found[text] = found.get(text, 0) + 1
        return found

    def backend_kb(self) -> dict[str, float]:
        """Mean memory of the application's backends, of the kernel's smaps_rollup."""
        script = """for pid in $(pgrep -f '^postgres: 15/main: app'); do
            grep -hE '^(Pss|Private_Clean|Private_Dirty|Rss):' /proc/$pid/smaps_rollup || true; done"""
        sums = {"Pss": 0, "Rss": 0, "Private": 0}
        lines = self.primary.shell(script).split("\n")
        for name, value in (line.split()[:2] for line in lines if line):
            sums[name.partition("_")[0].rstrip(":")] += int(value)
        count = max(sum(line.startswith("Pss:") for line in lines), 1)
        return {name.lower(): total / count for name, total in sums.items()}
