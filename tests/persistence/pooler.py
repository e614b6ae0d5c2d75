"""pgbouncer on a host of its own, in transaction mode."""

from lab.host import Host
from persistence.hosts import Site, write

PORT = 6432
MAX_CLIENTS = 1000
# Its view of a server that is gone: as fast as that of the clients that go straight.
SETTINGS = """[databases]
registry = host={server} port=5432 dbname=registry
[pgbouncer]
listen_addr = *
listen_port = {port}
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt
stats_users = app
pool_mode = transaction
default_pool_size = {size}
max_client_conn = {clients}
server_connect_timeout = 2
server_login_retry = 1
tcp_keepalive = 1
tcp_keepidle = 1
tcp_keepintvl = 1
tcp_keepcnt = 1
tcp_user_timeout = 1000
unix_socket_dir = /var/run/postgresql
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
"""


class Pooler:
    def __init__(self, site: Site, size: int) -> None:
        self.site = site
        self.host = site.pooler
        self.size = size

    def point(self, server: Host) -> None:
        settings = SETTINGS.format(
            server=server.address, port=PORT, size=self.size, clients=MAX_CLIENTS
        )
        write(self.host, "/etc/pgbouncer/pgbouncer.ini", settings, "postgres", "0640")

    def begin(self, server: Host) -> None:
        self.point(server)
        secret = f'"app" "{self.site.password}"\n'
        write(self.host, "/etc/pgbouncer/userlist.txt", secret, "postgres", "0600")
        entry = f"*:*:*:app:{self.site.password}\n"
        write(self.host, "/root/.pgpass", entry, mode="0600")
        self.host.run("systemctl", "start", "pgbouncer")

    def repoint(self, server: Host) -> None:
        self.point(server)
        self.host.run("systemctl", "reload", "pgbouncer")

    def waiting(self) -> int:
        """Clients that wait for a connection to the server."""
        console = ["psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(PORT), "-U", "app"]
        shown = self.host.run(*console, "-d", "pgbouncer", "-c", "SHOW POOLS").stdout
        pools = [line.split("|") for line in shown.splitlines()]
        return sum(int(pool[3]) for pool in pools if pool[0] == "registry")
