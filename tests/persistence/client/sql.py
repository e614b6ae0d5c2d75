"""PostgreSQL, straight or through pgbouncer: one connection, each call a transaction of its own."""

from typing import Any

import psycopg2

from persistence.client.outcome import Unavailable, Unknown
from persistence.client.store import TAKEN, WON

REGISTER = """INSERT INTO users (name, claim, request_key) VALUES (%s, %s, %s)
ON CONFLICT (name) DO NOTHING RETURNING claim"""
FIRST_ANSWER = "SELECT claim FROM users WHERE name = %s AND request_key = %s"
ADD = "UPDATE counters SET n = n + 1 WHERE name = %s"
WRITE = """INSERT INTO marks (name, n) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET n = excluded.n"""
READ = "SELECT n FROM marks WHERE name = %s"


def told(error: Exception) -> str:
    """The first line of an error, without the address."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line.rsplit("failed: ", 1)[-1]


class PostgreSQL:
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection: Any = None

    def connect(self) -> None:
        try:
            self.connection = psycopg2.connect(self.dsn)
        except psycopg2.OperationalError as error:
            raise Unavailable(told(error)) from None
        self.connection.autocommit = True

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        if self.connection is None:
            self.connect()
        connection: Any = self.connection
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall()) if cursor.description else []
        except psycopg2.errors.ReadOnlySqlTransaction as error:
            # Still on a standby: look for the primary.
            self.close()
            raise Unavailable(told(error)) from None
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            self.close()
            raise Unknown(told(error)) from None

    def register(self, name: str, claim: str, keyed: bool) -> str:
        if self.execute(REGISTER, name, claim, claim if keyed else None):
            return WON
        return WON if keyed and self.execute(FIRST_ANSWER, name, claim) else TAKEN

    def add(self, counter: str) -> int:
        self.execute(ADD, counter)
        return 1

    def write(self, name: str, number: int) -> None:
        self.execute(WRITE, name, number)

    def read(self, name: str) -> int:
        rows = self.execute(READ, name)
        return int(rows[0][0]) if rows else 0
