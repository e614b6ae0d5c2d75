"""More workers than PostgreSQL takes connections: straight, and through pgbouncer."""

import time
from typing import Any

from persistence import load
from persistence.stores import Stores, registered


def one(stores: Stores, way: str, per_vm: int, seconds: float) -> dict[str, Any]:
    store = stores.pooled() if way == "pgbouncer" else stores.direct()
    run = f"connections-{way}-{per_vm}"
    with load.running(stores.site, per_vm, task="register", run=run, store=store) as loaded:
        time.sleep(seconds / 2)
        seen: dict[str, Any] = {
            "server_connections": stores.sql.connections(),
            "waiting": stores.pooler.waiting(),
            "backend_kb": stores.sql.backend_kb(),
        }
        time.sleep(seconds / 2)
        seen["server_connections"] = max(seen["server_connections"], stores.sql.connections())
    # Those that leave at the end make room for others.
    without = sum(
        not any(row[5] and row[4] <= loaded.ended for row in report["rows"])
        for report in loaded.reports
    )
    return {"way": way, "refused": without, **seen, **registered(loaded, stores.sql.owners(run))}


def measure(stores: Stores, per_vm: list[int], seconds: float) -> dict[str, Any]:
    rows = [one(stores, way, n, seconds) for way in ("direct", "pgbouncer") for n in per_vm]
    return {
        "max_connections": stores.sql.max_connections,
        "pool_size": stores.pooler.size,
        "vms": len(stores.site.vms),
        "superuser_refused": stores.sql.shut_out,
        "refusals_53300": stores.sql.refusals(),
        "rows": rows,
    }
