"""The root file system of the hosts: both stores and their clients are there, and nothing starts by itself."""

from lab.image import CUSTOMIZE_HOST, HOST, Kind

PACKAGES = "postgresql,pgbouncer,etcd-server,etcd-client,python3-psycopg2"

# The cluster is made once, here: initdb takes seconds on each host otherwise.
# What watches files is left out: there are many of these hosts, and all of a machine's share one limit of inotify
# instances, 128 by default.
CUSTOMIZE = f"""{CUSTOMIZE_HOST}
chroot "$1" systemctl mask console-getty.service getty.target systemd-logind.service \\
    systemd-ask-password-console.path systemd-ask-password-wall.path
chroot "$1" systemctl disable postgresql.service pgbouncer.service etcd.service
chroot "$1" pg_dropcluster 15 main
chroot "$1" pg_createcluster --start-conf=manual --locale=C.UTF-8 --encoding=UTF8 15 main \\
    -- --auth-host=scram-sha-256 --auth-local=peer
rm -rf "$1/var/lib/etcd"/*
"""

DATABASES = Kind("databases", f"{HOST.packages},{PACKAGES}", CUSTOMIZE)
