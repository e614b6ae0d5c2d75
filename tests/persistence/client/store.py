"""What a worker asks of a store, whichever it is."""

from typing import Any, Protocol

WON, TAKEN = "won", "taken"


class Store(Protocol):
    """Each call raises Unknown or Unavailable when there is no answer."""

    def connect(self) -> None:
        ...

    def close(self) -> None:
        ...

    def register(self, name: str, claim: str, keyed: bool) -> str:
        """WON or TAKEN. With an idempotency key, a claim that has won before has won again."""

    def add(self, counter: str) -> int:
        """Adds one; returns how often it was tried."""

    def write(self, name: str, number: int) -> None:
        ...

    def read(self, name: str) -> int:
        """The number, 0 when there is none yet."""


def open_store(settings: dict[str, Any]) -> Store:
    # A VM of one store has no need of the other's library.
    if settings["kind"] == "postgresql":
        from persistence.client.sql import PostgreSQL

        return PostgreSQL(settings["dsn"])
    from persistence.client.keyvalue import Etcd

    return Etcd(settings["endpoints"], settings.get("serializable", False))
