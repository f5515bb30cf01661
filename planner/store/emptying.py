"""Taking everything out of the database but the clinic and some accounts, history included, in one transaction.

This is for a made-up clinic alone. The guards of history are lifted for it and back, as `guards.py` has them, before
the transaction ends; whatever fails in between leaves rows and guards as they were, because both engines roll back
what was done to triggers as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import ColumnElement, Connection, Delete, Table, and_, delete, or_, text, update
from sqlalchemy.orm import Session

from planner.store.base import Base
from planner.store.guards import APPEND_ONLY, GuardMissing, guards_fault, guards_for
from planner.store.records import Account, Clinic

#: What an account that stays keeps: its roles, browsers, second factor, and what stands between it and others.
OF_ACCOUNTS: Final = frozenset(
    {
        "account_origin",
        "account_role",
        "browser_session",
        "factor_removal",
        "idempotency_key",
        "password_reset",
        "recovery_code",
        "second_factor",
    }
)
#: About nobody in the clinic: failed sign-ins still count against whoever tries.
UNTOUCHED: Final = frozenset({"sign_in_attempt"})


def empty_but_accounts(db: Session, account_ids: Collection[int], *, keep_clinic: bool) -> None:
    """Delete every row but those accounts with what is theirs, and the clinic's own row.

    The accounts lose their sites and their person. Raises GuardMissing when the guards are not all back.
    """
    db.flush()
    connection = db.connection()
    _keep_others_out(connection)
    with _history_open(connection):
        db.execute(update(Account).where(Account.id.in_(account_ids)).values(person_id=None, patient_id=None))
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in UNTOUCHED and not (keep_clinic and table.name == Clinic.__tablename__):
                connection.execute(_deletion(table, account_ids))
    db.expire_all()


def _deletion(table: Table, account_ids: Collection[int]) -> Delete:
    if table.name == Account.__tablename__:
        return delete(table).where(table.c.id.not_in(account_ids))
    if table.name in OF_ACCOUNTS:
        return delete(table).where(or_(*_of_others(table, account_ids)))
    return delete(table)


def _of_others(table: Table, account_ids: Collection[int]) -> Iterator[ColumnElement[bool]]:
    """What makes a row one that an account has part in which goes."""
    for column in table.c:
        if any(key.column.table.name == Account.__tablename__ for key in column.foreign_keys):
            yield and_(column.is_not(None), column.not_in(account_ids))


def _keep_others_out(connection: Connection) -> None:
    """On PostgreSQL others read on but write only afterwards; on SQLite there is one writer anyway."""
    if connection.dialect.name != "sqlite":
        names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


@contextmanager
def _history_open(connection: Connection) -> Iterator[None]:
    """Lift what keeps history from being deleted, and put it back; every guard has to be there afterwards."""
    lifted = [guard for guard in guards_for(connection) if guard.table in APPEND_ONLY]
    for guard in reversed(lifted):
        connection.execute(text(guard.drop))
    yield
    for guard in lifted:
        connection.execute(text(guard.create.replace(":", "\\:")))
    if fault := guards_fault(connection):
        raise GuardMissing(fault)
