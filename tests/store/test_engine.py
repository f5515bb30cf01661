"""Connections: durable, in turn, and read-only where only reading is wanted."""

import threading
from datetime import datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from planner.store import sqlite
from planner.store.engine import RETRIES, Store, is_retryable, make_engine, sqlstate_of
from planner.store.records import ChangeSet, Clinic, Holdable, HoldableKind, Patient, Site
from tests.support.small_clinic import NOW, make_small_clinic


class FakeDeadlock(Exception):
    """What the driver says when two transactions wait for each other."""

    sqlstate = "40P01"


def deadlock() -> OperationalError:
    return OperationalError("SELECT 1", {}, FakeDeadlock())


def test_what_is_written_stays_and_an_exception_takes_it_back(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        db.add(Holdable(kind=HoldableKind.CHAIR))
    with pytest.raises(LookupError), fresh_store.writing() as db:
        db.add(Holdable(kind=HoldableKind.ROOM))
        db.flush()
        raise LookupError
    with fresh_store.reading() as db:
        assert db.scalars(select(Holdable.kind)).all() == [HoldableKind.CHAIR]


def test_a_reading_session_cannot_write(fresh_store: Store) -> None:
    with pytest.raises(DBAPIError), fresh_store.reading() as db:
        db.execute(text("INSERT INTO holdable (kind, turnover_minutes) VALUES ('chair', 0)"))


def test_readers_do_not_wait_for_a_writer(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        db.add(Holdable(kind=HoldableKind.CHAIR))
        db.flush()
        with fresh_store.reading() as other:
            assert other.scalars(select(func.count()).select_from(Holdable)).one() == 0


def test_writers_take_turns_and_none_is_lost(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        db.add(Clinic(id=1, name="Test", neutral_name="Test", zone="UTC", version=0))

    def count_up() -> None:
        for _ in range(10):
            with fresh_store.writing() as db:
                clinic = db.scalars(select(Clinic).with_for_update()).one()
                clinic.version += 1

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with fresh_store.reading() as db:
        assert db.scalars(select(Clinic.version)).one() == 40


def test_a_transaction_that_met_a_deadlock_is_tried_again(fresh_store: Store) -> None:
    tries = []

    def work(db: object) -> str:
        tries.append(1)
        if len(tries) <= RETRIES:
            raise deadlock()
        return "done"

    assert fresh_store.transact(work) == "done"
    assert len(tries) == RETRIES + 1


def test_but_not_for_ever(fresh_store: Store) -> None:
    tries = []

    def work(db: object) -> None:
        tries.append(1)
        raise deadlock()

    with pytest.raises(OperationalError):
        fresh_store.transact(work)
    assert len(tries) == RETRIES + 1


def test_another_fault_is_not_tried_again(fresh_store: Store) -> None:
    tries = []

    def work(db: object) -> None:
        tries.append(1)
        raise OperationalError("SELECT 1", {}, RuntimeError("gone"))

    with pytest.raises(OperationalError):
        fresh_store.transact(work)
    assert len(tries) == 1
    assert is_retryable(deadlock())
    assert sqlstate_of(ValueError()) is None


def test_only_the_two_databases_are_known() -> None:
    with pytest.raises(ValueError, match="SQLite"):
        make_engine("mysql://nowhere/planner")


def test_instants_come_back_aware_in_utc_to_the_second(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        make_small_clinic(db)
    with fresh_store.reading() as db:
        assert set(db.scalars(select(Patient.created_at))) == {NOW}


def test_a_naive_instant_is_refused(fresh_store: Store) -> None:
    naive = datetime(2027, 1, 1, 9, 0)
    with pytest.raises(StatementError, match="time zone"), fresh_store.writing() as db:
        db.add(ChangeSet(kind="x", at=naive, undo_until=naive))


SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "recursive_triggers": 1,
}


def test_every_connection_is_set_to_be_durable(fresh_store: Store, database_kind: str) -> None:
    for engine in (fresh_store.write_engine, fresh_store.read_engine):
        with engine.connect() as connection:
            if database_kind == "sqlite":
                said = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in SETTINGS}
                assert said == SETTINGS
                assert connection.execute(text("PRAGMA query_only")).scalar_one() == (engine is fresh_store.read_engine)
            else:
                assert connection.execute(text("SHOW timezone")).scalar_one() == "UTC"
                assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "15s"


def test_sqlite_is_one_without_the_fault_that_loses_pages() -> None:
    from pysqlite3 import dbapi2

    assert dbapi2.sqlite_version_info >= (3, 51, 3)


def test_a_writer_that_waits_too_long_is_told_so(fresh_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if fresh_store.write_engine.dialect.name != "sqlite":
        # PostgreSQL: no queue of ours, writers only wait where they want the same rows.
        with fresh_store.writing() as db, fresh_store.writing() as other:
            db.add(Holdable(kind=HoldableKind.CHAIR))
            other.add(Holdable(kind=HoldableKind.ROOM))
            db.flush()
            other.flush()
        return
    monkeypatch.setattr(sqlite, "QUEUE_SECONDS", 0.0)
    with fresh_store.writing() as db:
        db.add(Holdable(kind=HoldableKind.CHAIR))
        db.flush()
        with pytest.raises(sqlite.WriterQueueFull, match="Nothing was saved"), fresh_store.writing() as other:
            other.scalars(select(Site)).all()
    # The turn was given back: the next one writes.
    with fresh_store.writing() as db:
        db.add(Holdable(kind=HoldableKind.ROOM))
