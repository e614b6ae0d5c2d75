"""How large a value may be."""

from typing import Any

from persistence.client.keyvalue import Etcd, coded
from persistence.client.outcome import Unavailable, Unknown
from persistence.stores import Stores

KIB = 1024
LARGE_KIB = 4 * KIB


def refusal(client: Etcd, kib: int) -> str | None:
    """What etcd says to a value of that size, None when it takes it."""
    try:
        client.call("put", {"key": coded("large"), "value": coded("x" * kib * KIB)})
    except (Unknown, Unavailable) as error:
        return str(error)
    return None


def measure(stores: Stores) -> dict[str, Any]:
    client = stores.members.client()
    taken, refused = 1, LARGE_KIB
    text = refusal(client, refused)
    above = text
    while refused - taken > 1:
        middle = (taken + refused) // 2
        told = refusal(client, middle)
        if told is None:
            taken = middle
        else:
            refused, above = middle, told
    client.call("deleterange", {"key": coded("large")})
    size = "SELECT length(body) FROM documents WHERE id = 1"
    body = f"INSERT INTO documents (id, body) VALUES (1, repeat('x', {LARGE_KIB * KIB}))"
    stores.sql.sql(body)
    return {
        "etcd_taken_kib": taken,
        "etcd_refusal": above,
        "large_kib": LARGE_KIB,
        "etcd_large": text,
        "postgresql_large_kib": int(stores.sql.sql(size)) // KIB,
    }
