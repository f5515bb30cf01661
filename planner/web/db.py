"""The request's one database session: opened on first use, committed once at the end, below status 400 only.

Safe methods read, unsafe ones write. On SQLite a writing session holds the one write lock of the clinic from its
first statement on, so nothing slow happens in it and no second one is ever opened in the same request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, g, request
from sqlalchemy.orm import Session

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIRST_ERROR = 400


def is_safe_request() -> bool:
    """Whether this request may change nothing."""
    return request.method in SAFE_METHODS


def db() -> Session:
    """The request's session. While an error page is made it only reads."""
    found: Session | None = g.get("db")
    if found is None:
        store = current_app.extensions["planner"]
        reads = is_safe_request() or g.get("view_is_over", False)
        found = g.db = store.read_session() if reads else store.write_session()
    return found


@contextmanager
def own_transaction() -> Iterator[Session]:
    """A short writing transaction of its own, for views marked `@own_transactions` and for session upkeep.

    Refused while the request's own writing session is open: on SQLite the two would wait for each other.
    """
    _demand_no_writing()
    store: Any = current_app.extensions["planner"]
    with store.writing() as session:
        yield session


def in_own_transaction(work: Callable[[Session], None]) -> None:
    """The same for work that is done again after a deadlock."""
    _demand_no_writing()
    current_app.extensions["planner"].transact(work)


def _demand_no_writing() -> None:
    if g.get("db") is not None and not is_safe_request():
        raise RuntimeError("the request already has a writing session")


@contextmanager
def own_reading() -> Iterator[Session]:
    """A short reading transaction of its own."""
    with current_app.extensions["planner"].reading() as session:
        yield session


def end_transaction(status: int) -> None:
    """Commit what the view did if it answered below 400, else take it back."""
    session: Session | None = g.pop("db", None)
    if session is None:
        return
    try:
        if status < FIRST_ERROR and not is_safe_request() and not g.get("view_is_over", False):
            session.commit()
        else:
            session.rollback()
    finally:
        session.close()
