"""The SQLite dialect of this product: a pinned library, durable settings, and writers in one queue.

SQLite's own wait for the write lock is unfair, so writers first queue on a lock file beside the database. The pinned
`pysqlite3` brings a SQLite without the WAL-reset fault of 3.7.0 to 3.51.2.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

QUEUE_SECONDS = 15.0
POLL_SECONDS = 0.002

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=15000",
    "trusted_schema=OFF",
    "recursive_triggers=ON",
    "mmap_size=0",
)


class WriterQueueFull(TimeoutError):
    """Other writers kept the database for longer than a person should wait."""


class WriterQueue:
    """The lock file of one connection. Held from BEGIN to the end of COMMIT or ROLLBACK."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._held = False

    def enter(self) -> None:
        """Wait for the turn to write; raises WriterQueueFull after 15 s."""
        if self._held:
            return
        deadline = time.monotonic() + QUEUE_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WriterQueueFull("The database is busy. Nothing was saved; please try again.") from None
                time.sleep(POLL_SECONDS)
            else:
                self._held = True
                return

    def leave(self) -> None:
        """Let the next writer in."""
        if self._held:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._held = False

    def close(self) -> None:
        self.leave()
        os.close(self._descriptor)


class PlannerSQLite(SQLiteDialect_pysqlite):
    """`sqlite+planner://`: explicit transactions, BEGIN IMMEDIATE for writers after their turn in the queue."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        from pysqlite3 import dbapi2

        return dbapi2

    def __init__(self, read_only: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.read_only = read_only
        self._queues: dict[int, WriterQueue] = {}

    def connect(self, *args: Any, **options: Any) -> Any:
        options.setdefault("check_same_thread", False)
        connection = super().connect(*args, **options)
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute("PRAGMA " + pragma)
        if self.read_only:
            connection.execute("PRAGMA query_only=ON")
        elif args and args[0] and ":memory:" not in str(args[0]):
            self._queues[id(connection)] = WriterQueue(f"{args[0]}.lock")
        return connection

    def _queue(self, connection: Any) -> WriterQueue | None:
        return self._queues.get(id(getattr(connection, "dbapi_connection", connection)))

    def do_begin(self, dbapi_connection: Any) -> None:
        queue = self._queue(dbapi_connection)
        if queue is None:
            dbapi_connection.cursor().execute("BEGIN")
            return
        queue.enter()
        try:
            dbapi_connection.cursor().execute("BEGIN IMMEDIATE")
        except BaseException:
            queue.leave()
            raise

    def do_commit(self, dbapi_connection: Any) -> None:
        try:
            super().do_commit(dbapi_connection)
        finally:
            if (queue := self._queue(dbapi_connection)) is not None:
                queue.leave()

    def do_rollback(self, dbapi_connection: Any) -> None:
        try:
            super().do_rollback(dbapi_connection)
        finally:
            if (queue := self._queue(dbapi_connection)) is not None:
                queue.leave()

    def do_close(self, dbapi_connection: Any) -> None:
        queue = self._queues.pop(id(getattr(dbapi_connection, "dbapi_connection", dbapi_connection)), None)
        super().do_close(dbapi_connection)
        if queue is not None:
            queue.close()


registry.register("sqlite.planner", "planner.store.sqlite", "PlannerSQLite")
