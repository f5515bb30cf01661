"""Migrations go up and down on both engines, leave no difference to the records, and prove the guards."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.store.base import Base
from planner.store.engine import Store, make_engine
from planner.store.guards import GuardMissing, check_guards, guards_fault, missing_guards
from planner.store.migrate import current, downgrade, drift, head, upgrade
from planner.store.records import Appointment, Occupancy, Patient
from tests.services.booked import booked_course


def tables(url: str) -> set[str]:
    engine = make_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_up_makes_every_table_and_guard(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}
    engine = make_engine(empty_database_url)
    try:
        assert current(engine) == head()
        assert drift(engine) == []
        with engine.connect() as connection:
            check_guards(connection)
    finally:
        engine.dispose()


def test_down_leaves_nothing_and_up_again_works(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    downgrade(empty_database_url, "base")
    assert tables(empty_database_url) == {"alembic_version"}
    upgrade(empty_database_url)
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}


def test_up_twice_changes_nothing(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}


def test_each_step_goes_down_and_up_with_its_guards(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = make_engine(empty_database_url)
    try:
        for revision in ("0011", "0010", "0009", "0008", "0007", "0006", "0005", "0004", "0003", "0002", "0001"):
            downgrade(empty_database_url, revision)
            assert current(engine) == revision
            with engine.connect() as connection:
                assert guards_fault(connection) is None
        assert "calendar_try" not in tables(empty_database_url)
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO clinic (id, name, neutral_name, zone, help_text, feed_words, "
                "undo_minutes, hold_minutes, staff_idle_minutes, patient_idle_minutes, is_demo, version) "
                "VALUES (1, 'Test', 'Test', 'UTC', '', '', 3, 20, 15, 30, :no, 1)"), {"no": False})  # fmt: skip
            for key, place in (("calendar not found", "calendar 192.0.2.7"), ("a hash", "calendar fetched again"),
                               ("a hash", "192.0.2.7")):  # fmt: skip
                connection.execute(
                    text("INSERT INTO sign_in_attempt (email_hash, address, at) VALUES (:key, :place, :at)"),
                    {"key": key, "place": place, "at": 0 if engine.dialect.name == "sqlite" else "2027-01-01 00:00Z"},
                )
        upgrade(empty_database_url)
        assert drift(engine) == []
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT plan_ahead_months FROM clinic")) == 36
            assert connection.scalars(text("SELECT address FROM sign_in_attempt")).all() == ["192.0.2.7"]
    finally:
        engine.dispose()


def test_up_keeps_what_is_stored_and_puts_lost_guards_back(fresh_database_url: str) -> None:
    store = Store(fresh_database_url)
    try:
        with store.writing() as db:
            booked_course(db)
            before = (db.query(Appointment).count(), db.query(Occupancy).count())
            lost = "occupancy_no_overlap_update" if db.connection().dialect.name == "sqlite" else "occupancy_no_overlap"
            on_table = "TRIGGER" if lost.endswith("update") else "TABLE occupancy DROP CONSTRAINT"
            db.execute(text(f"{'DROP' if on_table == 'TRIGGER' else 'ALTER'} {on_table} {lost}"))
        with store.reading() as db, pytest.raises(GuardMissing, match=f"{lost}.*migrate"):
            check_guards(db.connection())
        upgrade(fresh_database_url)
        with store.reading() as db:
            assert missing_guards(db.connection()) == []
            assert (db.query(Appointment).count(), db.query(Occupancy).count()) == before
    finally:
        store.dispose()


def test_a_table_that_strays_from_its_record_is_told(fresh_store: Store) -> None:
    with fresh_store.write_engine.begin() as connection:
        connection.execute(text("ALTER TABLE site ADD COLUMN planted INTEGER"))
        connection.execute(text("CREATE TABLE strange (id INTEGER PRIMARY KEY)"))
    told = " ".join(drift(fresh_store.write_engine))
    assert "planted" in told
    assert "strange" in told
    assert "remove" in told


def test_times_held_are_whole_numbers_on_sqlite_and_nothing_else(fresh_store: Store, database_kind: str) -> None:
    with fresh_store.reading() as db:
        if database_kind == "sqlite":
            made = db.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'occupancy'"))
            assert made is not None
            assert made.rstrip().endswith("STRICT")
        else:
            kinds = db.scalars(
                text("SELECT data_type FROM information_schema.columns WHERE column_name IN ('starts_at', 'ends_at')")
            )
            assert set(kinds) == {"timestamp with time zone"}


def test_there_is_one_newest_migration() -> None:
    assert head()


def test_who_made_an_account_is_taken_from_what_still_tells_it(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0007")
    engine = make_engine(empty_database_url)
    sqlite = engine.dialect.name == "sqlite"

    def at(day: int) -> object:
        return 1_800_000_000 + day if sqlite else f"2027-01-{day:02} 00:00Z"

    try:
        with engine.begin() as connection:
            for number, who in enumerate(("founder", "invited", "machine"), 101):  # the guard check takes the first
                connection.execute(text("INSERT INTO account (id, email, email_key, password_hash, name, active, "
                    "theme, density, created_at, version) VALUES (:id, :who, :who, '', :who, :yes, '', '', :at, 1)"),
                    {"id": number, "who": who, "at": at(number - 100), "yes": True})  # fmt: skip
            connection.execute(text("INSERT INTO setup_ticket (id, token_hash, created_at, used_at) "
                "VALUES (1, 'a', :at, :at)"), {"at": at(1)})  # fmt: skip
            for number, who, used in ((1, "invited", at(2)), (2, "machine", None), (3, "machine", at(9))):
                connection.execute(text("INSERT INTO invitation (id, email, email_key, name, roles, site_ids, "
                    "token_hash, created_by_id, created_at, expires_at, used_at) "
                    "VALUES (:id, :who, :who, :who, '[]', '[]', :hash, 101, :at, :at, :used)"),
                    {"id": number, "who": who, "hash": f"h{number}", "at": at(1), "used": used})  # fmt: skip
        upgrade(empty_database_url)
        with engine.connect() as connection:
            known = connection.execute(text("SELECT account_id, made_by_id FROM account_origin ORDER BY account_id"))
            assert [tuple(row) for row in known] == [(101, None), (102, 101)]
    finally:
        engine.dispose()


def test_the_moment_of_a_discharge_is_taken_from_the_history(empty_database_url: str) -> None:
    upgrade(empty_database_url, "0009")
    engine = make_engine(empty_database_url)
    told = 1_800_000_000 if engine.dialect.name == "sqlite" else "2027-01-15 08:00:00Z"
    try:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO site (id, name, code, alias, address, zone, visit_grid_minutes, "
                "therapy_grid_minutes, holiday_country, holiday_region, active, version) "
                "VALUES (101, 'N', 'N', '', '', 'UTC', 15, 15, '', '', :yes, 1)"), {"yes": True})  # fmt: skip
            for number, active in ((101, True), (102, False), (103, False)):
                connection.execute(text("INSERT INTO holdable (id, kind, turnover_minutes) VALUES (:id, 'patient', 0)"),
                    {"id": number})  # fmt: skip
                connection.execute(text("INSERT INTO patient (id, holdable_id, code, name, site_id, escort, modes, "
                    "preferred_from_minute, preferred_to_minute, active, created_at, version) "
                    "VALUES (:id, :id, :code, 'X', 101, '', '[]', 0, 1440, :active, :at, 1)"),
                    {"id": number, "code": f"P-{number}", "active": active, "at": told})  # fmt: skip
            for number, whom in ((101, 101), (102, 102)):  # the first was taken up again since
                connection.execute(text("INSERT INTO audit_entry (id, at, roles, action, object_type, object_id, "
                    "address, outcome, detail) VALUES (:id, :at, '', 'patient.discharge', 'patient', :whom, '', 'ok', "
                    "'{}')"), {"id": number, "at": told, "whom": whom})  # fmt: skip
        before = datetime.now(UTC).replace(microsecond=0)
        upgrade(empty_database_url)
        with Session(engine) as db:
            found = {row.id: row.discharged_at for row in db.execute(select(Patient.id, Patient.discharged_at))}
        assert found[101] is None
        assert found[102] == datetime(2027, 1, 15, 8, tzinfo=UTC)
        assert found[103] is not None and before <= found[103] <= datetime.now(UTC)
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text("UPDATE patient SET active = :yes WHERE id = 102"), {"yes": True})
    finally:
        engine.dispose()
