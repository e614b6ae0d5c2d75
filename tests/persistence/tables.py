"""The tables of docs/persistence.md."""

from collections.abc import Iterable, Mapping
from typing import Any

from figures.tables import rounded, table
from persistence.postgres import MAX_CONNECTIONS, RESERVED

Row = Mapping[str, Any]
A_WORKER = (1, 4, 10)  # connections that a worker might hold
WAYS = {
    "asynchronous": "PostgreSQL, asynchronous",
    "synchronous": "PostgreSQL, synchronous",
    "asynchronous-pgbouncer": "PostgreSQL, asynchronous, by pgbouncer",
    "etcd": "etcd",
    "remote_apply": "PostgreSQL, synchronous, `remote_apply`",
    "serializable": "etcd, serializable",
    "linearizable": "etcd, linearizable",
}


def yes(value: bool) -> str:
    return "yes" if value else "no"


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def fleet(data: Row) -> str:
    limit = MAX_CONNECTIONS - RESERVED
    head = ["fleet", "hosts at most", "in an update", "workers a host"]
    head += [f"{count} a worker" for count in A_WORKER]
    rows = []
    for one in data["fleet"]:
        most = one["maximum"] + one["surge"]
        wanted = [most * one["workers"] * count for count in A_WORKER]
        cells = [f"**{count}**" if count > limit else str(count) for count in wanted]
        rows.append([one["fleet"], str(one["maximum"]), str(most), str(one["workers"]), *cells])
    return table(head, rows)


def connections(data: Row) -> str:
    head = [
        "way",
        "workers",
        "without a connection",
        "refused or timed out",
        "connections at the server",
    ]
    head += ["waiting at the pooler", "registrations/s", "p50 ms", "p99 ms"]
    rows = []
    for one in data["connections"]["rows"]:
        counts = ("workers", "refused", "unavailable", "server_connections", "waiting")
        speeds = ("per_s", "p50_ms", "p99_ms")
        numbers = [str(one[name]) for name in counts] + [rounded(one[name]) for name in speeds]
        rows.append([one["way"], *numbers])
    return "\n".join(
        (table(head, rows), settings(data) + "\n", refusals(data) + "\n", memory(data))
    )


def settings(data: Row) -> str:
    found = data["connections"]
    return (
        f"{WAYS[found['way']]}, with `max_connections` {found['max_connections']}; pgbouncer with"
        f" `max_client_conn` {found['max_client_conn']} and `default_pool_size` {found['pool_size']}."
    )


def refusals(data: Row) -> str:
    found = data["connections"]["refusals_53300"]
    texts = [f"`{text}` ({count} times)" for text, count in sorted(found.items())]
    return (
        f"PostgreSQL's log under SQLSTATE 53300, which libpq does not tell: {' and '.join(texts)}."
    )


def memory(data: Row) -> str:
    rows = picked(data["connections"]["rows"], way="direct")
    sizes = [
        f"of {row['server_connections']} backends each has {row['backend_kb']['private'] / 1024:.1f} MB of its own,"
        f" {row['backend_kb']['pss'] / 1024:.1f} MB with its part of what they share (PSS)"
        for row in (rows[0], rows[-1])
    ]
    return f"Memory: {'; '.join(sizes)}."


def picked(rows: Iterable[Row], **wanted: object) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def hot(data: Row) -> str:
    head = ["store", "workers", "one for all: /s", "p99 ms", "tries for one", "at most"]
    head += ["one each: /s", "p99 ms", "spread ÷ hot"]
    rows = []
    for shared in picked(data["hot"], hot=True):
        own = picked(data["hot"], hot=False, way=shared["way"], workers=shared["workers"])[0]
        rows.append(
            [
                WAYS[shared["way"]],
                str(shared["workers"]),
                *(rounded(shared[name]) for name in ("per_s", "p99_ms", "tries")),
                str(shared["most_tries"]),
                *(rounded(own[name]) for name in ("per_s", "p99_ms")),
                rounded(own["per_s"] / shared["per_s"]),
            ]
        )
    return table(head, rows)


def registration(data: Row) -> str:
    """The ratio is of the synchronous one."""
    head = ["store", "workers", "registrations/s", "p50 ms", "p99 ms", "client's CPU, ms", "÷ etcd"]
    rows = []
    for one in data["registration"]:
        low, middle, high = one["ratio"]
        for way in ("asynchronous", "synchronous", "etcd"):
            speeds = [rounded(one[way][name]) for name in ("per_s", "p50_ms", "p99_ms", "cpu_ms")]
            ratio = f"{middle:.1f} ({low:.1f} to {high:.1f})" if way == "synchronous" else ""
            rows.append([WAYS[way], str(one["workers"]), *speeds, ratio])
    return table(head, rows)


def failover(data: Row) -> str:
    head = ["store", "standby apart before, s", "nobody served, s", "one client waited, s"]
    head += [
        "acknowledged",
        "**lost**",
        "given twice",
        "outcome unknown",
        "refused or no connection",
    ]
    rows = []
    for one in data["failover"]:
        times = [rounded(one[name]) for name in ("apart_s", "gap_s", "longest_wait_s")]
        counts = [one["acknowledged"], one["names"]["lost"], one["names"]["two_winners"]]
        counts += [one["unknown"], one["unavailable"]]
        rows.append([WAYS[one["way"]], *times, *map(str, counts)])
    return table(head, rows)


def retry(data: Row) -> str:
    """The first are without a key, then with one."""
    head = ["store", "without a key: unknown", "the name is its own", '**told "taken"**']
    head += ["with a key: unknown", "the name is its own", 'told "taken"']
    runs = [(f"{WAYS[one['way']]}, answers lost", one["retries"]) for one in data["retry"]]
    runs += [(f"{WAYS[one['way']]}, failover", one["retries"]) for one in data["failover"]]
    counts = ("unknown", "done", "taken")
    rows = [
        [name, *(str(found[way][key]) for way in ("unkeyed", "keyed") for key in counts)]
        for name, found in runs
    ]
    return table(head, rows)


def stale(data: Row) -> str:
    head = ["write, then read on another host", "reads", "stale", "share", "pairs a second"]
    rows = [
        [
            WAYS[one["way"]],
            str(one["reads"]),
            str(one["stale"]),
            share(one["stale"], one["reads"]),
            rounded(one["pairs_per_s"]),
        ]
        for one in data["stale"]["rows"]
    ]
    return table(head, rows)


def quorum(data: Row) -> str:
    asked = data["quorum"]
    rows = []
    for name, what in (
        ("write", "write"),
        ("linearizable", "linearizable read"),
        ("serializable", "serializable read"),
    ):
        one = asked[name]
        rows.append([what, yes(one["answered"]), f"`{one['text']}`", rounded(one["took_s"])])
    rows.append(["write, once a second member boots", "yes", "`written`", rounded(asked["back_s"])])
    left = table(["one of three left", "answered", "told", "after s"], rows, left=3)
    return f"{left}\n{limits(data)}"


def limits(data: Row) -> str:
    found = data["limits"]
    return (
        f"Of values, etcd takes {found['etcd_taken_kib']} KiB. To one KiB more it says `{found['etcd_refusal']}`,"
        f" to {found['large_kib']} KiB `{found['etcd_large']}`; PostgreSQL stores that."
    )


def tables(data: Row) -> dict[str, str]:
    made = (fleet, connections, hot, registration, failover, retry, stale, quorum)
    return {one.__name__: one(data) for one in made}
