"""What docs/persistence.md says of PostgreSQL and etcd, as relations that hold on a machine of any speed."""

from typing import Any

import pytest

from figures.record import Record
from persistence import registration
from persistence.kind import KIND
from persistence.measure import QUICK
from persistence.postgres import RESERVED
from persistence.statistic import one_winner
from persistence.tables import picked

Data = dict[str, Any]


def rows(data: Data, way: str) -> list[Data]:
    return [dict(row) for row in picked(data["connections"]["rows"], way=way)]


def fatal(row: Data) -> list[str]:
    """Refusals by the server, unlike a connection that took too long."""
    return [text for text in row["errors"] if text.startswith("FATAL:")]


def test_straight_connections_end_at_the_limit(data: Data) -> None:
    few, many = rows(data, "direct")
    room = QUICK.max_connections - RESERVED
    assert few["workers"] <= room < many["workers"]
    assert few["refused"] == 0 and not fatal(few)
    # Whoever has a connection keeps it, and all of these were used before the count.
    assert many["refused"] == many["workers"] - room
    assert room <= many["server_connections"] <= QUICK.max_connections
    assert fatal(many)


def test_the_refusal_has_its_sqlstate(data: Data) -> None:
    many = rows(data, "direct")[-1]
    assert sum(data["connections"]["refusals_53300"].values()) >= many["refused"]


def test_pgbouncer_lets_them_wait_instead(data: Data) -> None:
    for row in rows(data, "pgbouncer"):
        assert row["refused"] == 0 and not fatal(row)
        assert 0 < row["server_connections"] <= QUICK.pool_size
    assert rows(data, "pgbouncer")[-1]["waiting"] > 0


def test_a_backend_has_memory_of_its_own(data: Data) -> None:
    for row in data["connections"]["rows"]:
        sizes = row["backend_kb"]
        assert 0 < sizes["private"] <= sizes["pss"] <= sizes["rss"]


def test_each_name_has_one_winner(data: Data) -> None:
    assert all(row["one_winner"] for row in data["connections"]["rows"])
    assert all(row["one_winner"] for row in data["registration"])
    assert all(one_winner(row["names"]) for row in data["retry"])
    assert all(row["names"]["contested"] > 0 for row in data["connections"]["rows"] + data["retry"])


def test_counting_is_exact(data: Data) -> None:
    """Nothing is counted twice, or lost, however many count at once."""
    assert {row["exact"] for row in data["hot"] if row["hot"]} <= {True, None}
    assert any(row["exact"] for row in picked(data["hot"], hot=True, way="synchronous"))


@pytest.mark.parametrize("way", ["synchronous", "etcd"])
def test_many_workers_are_faster_when_each_counts_alone(data: Data, way: str) -> None:
    shared, own = (picked(data["hot"], way=way, hot=hot)[-1] for hot in (True, False))
    assert shared["workers"] == own["workers"] == QUICK.hot[-1] * QUICK.vms
    assert own["per_s"] > shared["per_s"] > 0


def test_a_hot_key_needs_more_tries_with_more_workers(data: Data) -> None:
    shared = picked(data["hot"], hot=True, way="etcd")
    few, many = (row["tries"] for row in shared)
    assert 1 <= few < many
    assert all(row["tries"] == 1 for row in data["hot"] if not row["hot"])


def test_each_store_answers_the_same_load(data: Data) -> None:
    for row in data["registration"]:
        assert all(row[way]["per_s"] > 0 for way in registration.WAYS)


def test_a_failover_without_waiting_for_the_standby_loses_what_was_acknowledged(data: Data) -> None:
    run = picked(data["failover"], way="asynchronous")[0]
    assert run["names"]["lost"] > 0


def test_synchronous_replication_and_etcd_lose_nothing(data: Data) -> None:
    for way in ("synchronous", "etcd"):
        run = picked(data["failover"], way=way)[0]
        assert run["acknowledged"] > 0
        assert one_winner(run["names"]), run["names"]


def test_all_clients_come_back(data: Data) -> None:
    for run in data["failover"]:
        assert run["unknown"] + run["unavailable"] > 0
        assert 0 < run["gap_s"] <= run["longest_wait_s"]


def test_a_key_gives_the_retry_its_first_answer(data: Data) -> None:
    for row in data["retry"]:
        keyed, unkeyed = row["retries"]["keyed"], row["retries"]["unkeyed"]
        assert keyed["done"] > 0 and keyed["won"] == keyed["done"]
        assert unkeyed["done"] > 0 and unkeyed["taken"] == unkeyed["done"]
    for run in data["failover"]:
        assert run["retries"]["keyed"]["taken"] == 0


def test_what_is_read_elsewhere_may_be_old(data: Data) -> None:
    stale = data["stale"]
    assert stale["held_standby"] == {"written": "2", "read": "1"}
    assert stale["cut_follower"]["read"] == "1" and stale["cut_follower"]["linearizable_refused"]


def test_what_waits_for_it_is_never_old(data: Data) -> None:
    found = {row["way"]: row for row in data["stale"]["rows"]}
    for way in ("remote_apply", "linearizable"):
        assert found[way]["reads"] > 0 and found[way]["stale"] == 0


def test_without_a_quorum_only_serializable_reads_are_answered(data: Data) -> None:
    quorum = data["quorum"]
    assert not quorum["write"]["answered"] and not quorum["linearizable"]["answered"]
    assert quorum["serializable"]["answered"] and quorum["serializable"]["text"] == "1"
    assert quorum["back_s"] > 0


def test_etcd_refuses_a_large_value(data: Data) -> None:
    limits = data["limits"]
    assert 1024 < limits["etcd_taken_kib"] < limits["large_kib"] == limits["postgresql_large_kib"]
    assert "too large" in limits["etcd_refusal"]


def test_the_figure_renders(data: Data) -> None:
    """script/figures --quick does the same with it."""
    machine = {"CPU": "a CPU", "memory": "some", "system": "Debian"}
    record = Record("persistence", "2000-01-01", True, machine, data)
    assert all(text.startswith("| ") for text in KIND.tables(record.data).values())
    assert KIND.pictures is not None
    assert all(picture.startswith("<svg ") for picture in KIND.pictures(record.data).values())
