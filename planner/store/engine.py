"""Connections: one engine that writes, one that only reads, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

import planner.store.sqlite  # noqa: F401  registers the dialect

RETRIES = 3
NO_DATABASE = "The database is SQLite (sqlite:///file) or PostgreSQL (postgresql://…)."
#: PostgreSQL: deadlock detected, could not serialise.
RETRYABLE = frozenset({"40P01", "40001"})

Result = TypeVar("Result")

POSTGRES_OPTIONS = "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"


def make_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for `sqlite:///file` or `postgresql://…`. Raises ValueError for another database."""
    parsed = _parsed(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return create_engine(parsed.set(drivername="sqlite+planner"), read_only=read_only, hide_parameters=True)
    if backend != "postgresql":
        raise ValueError(NO_DATABASE)
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 2, "options": POSTGRES_OPTIONS},
    )
    return engine.execution_options(postgresql_readonly=True) if read_only else engine


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # Without its cause, which may tell the address with its password.
        raise ValueError(NO_DATABASE) from None


class Store:
    """The database of one clinic. Sessions are handed out by the doors only; nothing below commits."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.write_engine = make_engine(url)
        self.read_engine = make_engine(url, read_only=True)
        self._write = sessionmaker(self.write_engine, expire_on_commit=False)
        self._read = sessionmaker(self.read_engine, expire_on_commit=False, autoflush=False)

    def write_session(self) -> Session:
        """A session that may write. On SQLite it holds the one write lock from its first statement to its end."""
        return self._write()

    def read_session(self) -> Session:
        """A session that only reads."""
        return self._read()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that commits at the end, or rolls back on any exception."""
        with self._write.begin() as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads."""
        with self._read() as db:
            yield db

    def transact(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` in one transaction; after a deadlock on PostgreSQL try again, three times at most."""
        for attempt in range(RETRIES + 1):
            try:
                with self.writing() as db:
                    return work(db)
            except OperationalError as error:
                if attempt == RETRIES or not is_retryable(error):
                    raise
        raise AssertionError("unreachable")

    def dispose(self) -> None:
        """Close every connection."""
        self.write_engine.dispose()
        self.read_engine.dispose()


def sqlstate_of(error: BaseException) -> str | None:
    """PostgreSQL's five-letter code of a database error, if it has one."""
    original: Any = getattr(error, "orig", None)
    return getattr(original, "sqlstate", None)


def is_retryable(error: OperationalError) -> bool:
    """Whether the same transaction may simply be tried again."""
    return sqlstate_of(error) in RETRYABLE
