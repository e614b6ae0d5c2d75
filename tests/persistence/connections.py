"""More workers than PostgreSQL takes connections: straight, and through pgbouncer."""

import time
from typing import Any

from persistence import load
from persistence.pooler import MAX_CLIENTS
from persistence.postgres import RESERVED
from persistence.stores import Stores, registered
from support.waiting import eventually


def one(stores: Stores, way: str, per_vm: int, seconds: float) -> dict[str, Any]:
    pooled = way == "pgbouncer"
    store = stores.pooled() if pooled else stores.direct()
    run, room = f"connections-{way}-{per_vm}", stores.sql.max_connections - RESERVED
    with load.running(stores.site, per_vm, task="register", run=run, store=store) as loaded:
        # At first those that are being refused hold slots as well.
        served = loaded.workers if pooled else min(loaded.workers, room)
        eventually(
            "each connection is used", lambda: stores.sql.registering(run) >= served, pause_s=0.1
        )
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
    stores.sql.set_synchronous(False)
    rows = [one(stores, way, n, seconds) for way in ("direct", "pgbouncer") for n in per_vm]
    return {
        "way": "asynchronous",
        "max_connections": stores.sql.max_connections,
        "max_client_conn": MAX_CLIENTS,
        "pool_size": stores.pooler.size,
        "vms": len(stores.site.vms),
        "superuser_refused": stores.sql.shut_out,
        "refusals_53300": stores.sql.refusals(),
        "rows": rows,
    }
