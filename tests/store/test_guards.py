"""The guards in the database: raw SQL cannot get round them, and nobody can take them away unnoticed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from planner.app import NotReady, check_ready, fault_of
from planner.store.engine import Store
from planner.store.guards import (
    GuardMissing,
    check_guards,
    guards_for,
    install_guards,
    missing_guards,
    remove_guards,
    strange_triggers,
)
from planner.store.integrity import is_overlap, violated
from planner.store.migrate import upgrade
from planner.store.records import (
    Appointment,
    AuditEntry,
    ChangeLine,
    ChangeSet,
    Occupancy,
    OverrideRule,
    RosterPublication,
    RuleOverride,
)
from tests.services.booked import booked_course
from tests.support.small_clinic import NOW, make_small_clinic

NINE = datetime(2027, 1, 11, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSERT = (
    "INSERT INTO occupancy (holdable_id, appointment_id, override_id, starts_at, ends_at) "
    "VALUES (:holdable, :appointment, :override, :start, :end)"
)


class Book:
    """A chair held from 09:00 to 11:30 by dose 1, and raw SQL to break that with."""

    def __init__(self, db: Session) -> None:
        booked = booked_course(db)
        self.db = db
        self.on_sqlite = db.get_bind().dialect.name == "sqlite"
        self.clinic = booked.clinic
        self.first, self.second = booked.dose(1), booked.dose(2)
        self.chair = booked.clinic.chairs[0].holdable_id
        self.account = booked.clinic.account_id
        self.row = self.sql(
            "SELECT id FROM occupancy WHERE appointment_id = :a AND holdable_id = :h", a=self.first.id, h=self.chair
        ).scalar_one()

    def instant(self, value: datetime) -> Any:
        return int(value.timestamp()) if self.on_sqlite else value

    def sql(self, statement: str, **values: Any) -> Any:
        return self.db.execute(text(statement), values)

    def values(self, start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
        return {
            "holdable": self.chair, "appointment": self.second.id, "override": None,
            "start": self.instant(start), "end": self.instant(end),
        } | more  # fmt: skip

    def insert(self, start: datetime, end: datetime, statement: str = INSERT, **more: Any) -> None:
        with self.db.begin_nested():
            self.sql(statement, **self.values(start, end, **more))

    def override(self, appointment: Appointment, other: Appointment) -> int:
        row = RuleOverride(
            rule=OverrideRule.OVERLAP, appointment_id=appointment.id, other_appointment_id=other.id,
            reason="Both asked for it", account_id=self.account, role="coordinator", created_at=NOW,
        )  # fmt: skip
        self.db.add(row)
        self.db.flush()
        return row.id


@pytest.fixture
def book(db: Session) -> Book:
    return Book(db)


@contextmanager
def refused(name: str = "occupancy_no_overlap") -> Iterator[None]:
    with pytest.raises(IntegrityError) as error:
        yield
    assert violated(error.value) == name
    assert is_overlap(error.value) == (name == "occupancy_no_overlap")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NINE, NINE + HOUR),
        (NINE - HOUR, NINE + timedelta(seconds=1)),
        (NINE + timedelta(hours=3, seconds=-1), NINE + 5 * HOUR),
        (NINE - HOUR, NINE + 5 * HOUR),
        (NINE + HOUR, NINE + 2 * HOUR),
    ],
)
def test_no_insert_overlaps(book: Book, start: datetime, end: datetime) -> None:
    with refused():
        book.insert(start, end)


@pytest.mark.parametrize(("start", "end"), [(NINE - HOUR, NINE), (NINE + 3 * HOUR, NINE + 4 * HOUR)])
def test_spans_that_touch_do_not_overlap(book: Book, start: datetime, end: datetime) -> None:
    book.insert(start, end)


def test_other_things_may_be_held_at_the_same_time(book: Book) -> None:
    book.insert(NINE, NINE + HOUR, holdable=book.clinic.chairs[1].holdable_id)


def test_no_update_overlaps(book: Book) -> None:
    book.insert(NINE + 6 * HOUR, NINE + 7 * HOUR)
    for change in (
        "UPDATE occupancy SET starts_at = :start WHERE holdable_id = :h AND appointment_id = :a AND ends_at = :end",
        "UPDATE occupancy SET starts_at = :start, ends_at = :end WHERE holdable_id = :h AND appointment_id = :a",
    ):
        with refused(), book.db.begin_nested():
            book.sql(
                change, start=book.instant(NINE + 2 * HOUR), end=book.instant(NINE + 7 * HOUR), h=book.chair,
                a=book.second.id,
            )  # fmt: skip


def test_no_update_to_another_holdable_overlaps(book: Book) -> None:
    other = book.clinic.chairs[1].holdable_id
    book.insert(NINE, NINE + HOUR, holdable=other)
    with refused(), book.db.begin_nested():
        book.sql("UPDATE occupancy SET holdable_id = :chair WHERE holdable_id = :other", chair=book.chair, other=other)


def test_a_row_may_be_moved_within_its_own_span(book: Book) -> None:
    with book.db.begin_nested():
        book.sql(
            "UPDATE occupancy SET starts_at = :start, ends_at = :end WHERE id = :id",
            start=book.instant(NINE + HOUR), end=book.instant(NINE + 2 * HOUR), id=book.row,
        )  # fmt: skip


def test_rows_of_one_statement_do_not_overlap_each_other(book: Book) -> None:
    free = NINE + 8 * HOUR
    with refused(), book.db.begin_nested():
        book.sql(
            "INSERT INTO occupancy (holdable_id, appointment_id, starts_at, ends_at) VALUES "
            "(:h, :a, :start, :end), (:h, :a, :start, :end)",
            h=book.chair, a=book.second.id, start=book.instant(free), end=book.instant(free + HOUR),
        )  # fmt: skip


def test_nothing_is_held_for_no_time_or_for_more_than_a_day(book: Book) -> None:
    free = NINE + timedelta(days=90)
    for end in (free, free - HOUR, free + timedelta(days=1, seconds=1)):
        with pytest.raises(DBAPIError), book.db.begin_nested():
            book.sql(INSERT, **book.values(free, end))
    book.insert(free, free + timedelta(days=1))
    with refused():
        book.insert(free + timedelta(hours=23), free + timedelta(hours=25))
    book.insert(free + timedelta(days=1), free + timedelta(days=2))


def test_somebody_holds_it_and_only_one(book: Book) -> None:
    free = NINE + timedelta(days=90)
    with refused("ck_occupancy_one_owner"):
        book.insert(free, free + HOUR, appointment=None)


SQLITE_WAYS = {
    "or ignore": INSERT.replace("INSERT", "INSERT OR IGNORE"),
    "or replace": INSERT.replace("INSERT", "INSERT OR REPLACE"),
    "or fail": INSERT.replace("INSERT", "INSERT OR FAIL"),
    "replace": INSERT.replace("INSERT INTO", "REPLACE INTO"),
    "upsert, nothing": INSERT + " ON CONFLICT DO NOTHING",
    "upsert, update": INSERT + " ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at",
}
POSTGRES_WAYS = {
    "upsert, update": INSERT + " ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at",
    "select": "INSERT INTO occupancy (holdable_id, appointment_id, starts_at, ends_at) "
    "SELECT :holdable, :appointment, CAST(:start AS timestamptz), CAST(:end AS timestamptz)",
}


def test_no_other_way_of_writing_overlaps(book: Book) -> None:
    ways = SQLITE_WAYS if book.on_sqlite else POSTGRES_WAYS
    for statement in ways.values():
        with refused():
            book.insert(NINE, NINE + HOUR, statement)
    # An upsert that writes nothing where it would clash is no harm on PostgreSQL.
    if not book.on_sqlite:
        before = book.sql("SELECT count(*) FROM occupancy").scalar_one()
        book.insert(NINE, NINE + HOUR, INSERT + " ON CONFLICT DO NOTHING")
        assert book.sql("SELECT count(*) FROM occupancy").scalar_one() == before


def test_replacing_a_row_by_its_id_overlaps_no_other(book: Book) -> None:
    book.insert(NINE + 6 * HOUR, NINE + 7 * HOUR)
    other = book.sql("SELECT max(id) FROM occupancy").scalar_one()
    statement = (
        "INSERT OR REPLACE INTO occupancy (id, holdable_id, appointment_id, starts_at, ends_at) "
        "VALUES (:id, :holdable, :appointment, :start, :end)"
        if book.on_sqlite
        else "INSERT INTO occupancy (id, holdable_id, appointment_id, starts_at, ends_at) "
        "VALUES (:id, :holdable, :appointment, :start, :end) "
        "ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at"
    )
    with refused():
        book.insert(NINE, NINE + HOUR, statement, id=other)
    assert book.sql("SELECT starts_at FROM occupancy WHERE id = :id", id=other).scalar_one() == book.instant(
        NINE + 6 * HOUR
    )


@pytest.mark.parametrize("number", [-1, 0, -9_000])
def test_a_row_with_an_odd_id_hides_nothing(book: Book, number: int) -> None:
    """Before an insert SQLite tells triggers the id -1 for “not known yet”."""
    with book.db.begin_nested():
        book.sql("UPDATE occupancy SET id = :number WHERE id = :id", number=number, id=book.row)
    with refused():
        book.insert(NINE, NINE + HOUR)


def test_text_in_a_time_column_is_refused(book: Book) -> None:
    with pytest.raises(DBAPIError), book.db.begin_nested():
        book.sql(INSERT, **(book.values(NINE, NINE + HOUR) | {"start": "soon"}))


def test_an_override_lets_exactly_its_pair_overlap(book: Book) -> None:
    override = book.override(book.second, book.first)
    book.insert(NINE, NINE + HOUR, override=override)
    third = book.db.query(Appointment).filter(Appointment.id.not_in([book.first.id, book.second.id])).first()
    assert third is not None
    with refused():
        book.insert(NINE, NINE + HOUR, appointment=third.id)


def test_a_pair_that_may_overlap_still_has_to_say_so(book: Book) -> None:
    book.override(book.second, book.first)
    with refused():
        book.insert(NINE, NINE + HOUR)


def test_an_override_is_that_of_the_appointment_which_uses_it(book: Book) -> None:
    override = book.override(book.first, book.second)
    with refused("occupancy_override_named"):
        book.insert(NINE, NINE + HOUR, override=override)
    outside = RuleOverride(
        rule=OverrideRule.SPACING, appointment_id=book.second.id, reason="Travels", account_id=book.account,
        role="coordinator", created_at=NOW,
    )  # fmt: skip
    book.db.add(outside)
    book.db.flush()
    with refused("occupancy_override_named"):
        book.insert(NINE, NINE + HOUR, override=outside.id)


def test_taking_the_override_off_a_row_that_overlaps_is_refused(book: Book) -> None:
    override = book.override(book.second, book.first)
    book.insert(NINE, NINE + HOUR, override=override)
    with refused(), book.db.begin_nested():
        book.sql("UPDATE occupancy SET override_id = NULL WHERE override_id = :id", id=override)


def test_an_override_needs_a_reason_and_names_the_other(book: Book) -> None:
    row = (
        "INSERT INTO rule_override (rule, appointment_id, other_appointment_id, reason, account_id, role, created_at) "
        "VALUES (:rule, :a, :b, :reason, :account, 'coordinator', :now)"
    )
    values = {"rule": "overlap", "a": book.first.id, "b": book.second.id, "reason": "Because"}
    for change, name in (
        ({"reason": "no"}, "ck_rule_override_reason"),
        ({"b": None}, "ck_rule_override_overlap_names_other"),
        ({"rule": "spacing"}, "ck_rule_override_overlap_names_other"),
    ):
        with refused(name), book.db.begin_nested():
            book.sql(row, **(values | change), account=book.account, now=book.instant(NOW))


def history(book: Book) -> dict[str, int]:
    """One row in each table that is only added to."""
    book.override(book.second, book.first)
    book.db.add(
        RosterPublication(site_id=book.clinic.site_id, monday=NOW.date(), number=1, at=NOW, before=[], after=[])
    )
    book.db.flush()
    return {
        record.__tablename__: book.sql(f"SELECT max(id) FROM {record.__tablename__}").scalar_one()
        for record in (AuditEntry, ChangeLine, RosterPublication, RuleOverride)
    }


def test_history_is_only_added_to(book: Book) -> None:
    column = {"audit_entry": "action = 'x'", "change_line": "position = 9", "rule_override": "reason = 'xxx'"}
    column["roster_publication"] = "number = 2"
    for table, number in history(book).items():
        for statement in (f"UPDATE {table} SET {column[table]} WHERE id = :id", f"DELETE FROM {table} WHERE id = :id"):
            with refused(f"{table}_append_only"), book.db.begin_nested():
                book.sql(statement, id=number)


def test_history_is_not_replaced_either(book: Book) -> None:
    statement = (
        "INSERT OR REPLACE INTO audit_entry (id, at, roles, action, object_type, address, outcome, detail) "
        "VALUES (:id, :now, '', 'x', 'x', '', 'ok', '{}')"
        if book.on_sqlite
        else "INSERT INTO audit_entry (id, at, roles, action, object_type, address, outcome, detail) "
        "VALUES (:id, :now, '', 'x', 'x', '', 'ok', '{}') ON CONFLICT (id) DO UPDATE SET action = excluded.action"
    )
    with refused("audit_entry_append_only"), book.db.begin_nested():
        book.sql(statement, id=history(book)["audit_entry"], now=book.instant(NOW))


def test_history_is_not_emptied_at_once(book: Book) -> None:
    for table in history(book):
        word = "DELETE FROM" if book.on_sqlite else "TRUNCATE"
        cascade = "" if book.on_sqlite else " CASCADE"
        with pytest.raises(IntegrityError), book.db.begin_nested():
            book.sql(f"{word} {table}{cascade}")


def test_a_protocol_version_in_use_stays_as_it_is(book: Book) -> None:
    version = book.clinic.version_id
    for statement in (
        "UPDATE protocol_version SET document = '{}' WHERE id = :id",
        "DELETE FROM protocol_version WHERE id = :id",
    ):
        with refused("protocol_version_immutable"), book.db.begin_nested():
            book.sql(statement, id=version)
    if book.on_sqlite:
        # Without recursive triggers a replaced row is deleted in silence; the guard does not depend on them.
        with refused("protocol_version_immutable"), book.db.begin_nested():
            book.sql(
                "INSERT OR REPLACE INTO protocol_version (id, protocol_id, number, document, signed_by, created_at) "
                "SELECT id, protocol_id, number, '{}', '', created_at FROM protocol_version WHERE id = :id",
                id=version,
            )


COPY_OF_VERSION = (
    "INSERT INTO protocol_version (protocol_id, number, document, signed_by, created_at) "
    "SELECT protocol_id, number + :more, '{}', '', created_at FROM protocol_version WHERE id = :id"
)
TAKE_ITS_NUMBER = (
    "UPDATE protocol_version SET number = number - 1 WHERE id <> :id "
    "AND protocol_id = (SELECT protocol_id FROM protocol_version WHERE id = :id)"
)


def test_a_protocol_version_in_use_is_not_pushed_out_by_its_number(book: Book) -> None:
    version = book.clinic.version_id
    insert, update, name = COPY_OF_VERSION, TAKE_ITS_NUMBER, "uq_protocol_version_protocol_id_number"
    book.sql(insert, id=version, more=1)
    if book.on_sqlite:
        book.sql("PRAGMA recursive_triggers = OFF")
        insert = insert.replace("INSERT", "INSERT OR REPLACE")
        update, name = update.replace("UPDATE", "UPDATE OR REPLACE"), "protocol_version_immutable"
    try:
        with refused(name), book.db.begin_nested():
            book.sql(insert, id=version, more=0)
        with refused(name), book.db.begin_nested():
            book.sql(update, id=version)
    finally:
        if book.on_sqlite:
            book.sql("PRAGMA recursive_triggers = ON")


def test_a_protocol_version_nobody_uses_may_change(db: Session) -> None:
    clinic = make_small_clinic(db)
    db.execute(text("UPDATE protocol_version SET signed_by = 'Test' WHERE id = :id"), {"id": clinic.version_id})


def test_a_change_set_is_undone_once_only(book: Book) -> None:
    one = ChangeSet(kind="move", at=NOW, undo_until=NOW)
    book.db.add(one)
    book.db.flush()
    book.db.add(ChangeSet(kind="undo", at=NOW, undo_until=NOW, undoes_id=one.id))
    book.db.flush()
    with refused("uq_change_set_undoes_id"), book.db.begin_nested():
        book.db.add(ChangeSet(kind="undo", at=NOW, undo_until=NOW, undoes_id=one.id))
        book.db.flush()


def test_a_migrated_database_has_every_guard(engine: Engine) -> None:
    with engine.connect() as connection:
        assert missing_guards(connection) == []
        before = connection.execute(text("SELECT count(*) FROM holdable")).scalar_one()
        check_guards(connection)
        # The trial it makes leaves nothing behind.
        assert connection.execute(text("SELECT count(*) FROM holdable")).scalar_one() == before


def test_each_guard_that_is_gone_is_missed(fresh_store: Store) -> None:
    engine = fresh_store.write_engine
    with engine.connect() as connection:
        names = [guard.name for guard in guards_for(connection)]
    for number, name in enumerate(names):
        with engine.connect() as connection, connection.begin() as change:
            connection.execute(text(guards_for(connection)[number].drop))
            assert name in missing_guards(connection)
            with pytest.raises(GuardMissing, match=name):
                check_guards(connection)
            change.rollback()


SQLITE_TAMPERED = {
    "occupancy_no_overlap_insert": "AFTER INSERT ON occupancy WHEN NEW.id < 0 BEGIN SELECT 1; END",
    "audit_entry_append_only_delete": "BEFORE DELETE ON audit_entry WHEN OLD.id > 9 BEGIN SELECT 1; END",
}
POSTGRES_TAMPERED = {
    "occupancy_no_overlap": (
        "ALTER TABLE occupancy DROP CONSTRAINT occupancy_no_overlap, ADD CONSTRAINT occupancy_no_overlap "
        "EXCLUDE USING gist (int8range(holdable_id::bigint, holdable_id::bigint, '[]') WITH &&, "
        "tstzrange(starts_at, ends_at) WITH &&) WHERE (override_id IS NULL AND hold_id IS NULL)"
    ),
    "occupancy_length": (
        "ALTER TABLE occupancy DROP CONSTRAINT occupancy_length, ADD CONSTRAINT occupancy_length CHECK (id > 0)"
    ),
    "occupancy_override_guard": "ALTER TABLE occupancy DISABLE TRIGGER occupancy_override_guard",
    "protocol_version_immutable": (
        "CREATE OR REPLACE FUNCTION protocol_version_immutable() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'"
    ),
    "audit_entry_append_only": (
        "CREATE OR REPLACE TRIGGER audit_entry_append_only BEFORE DELETE OR UPDATE ON audit_entry FOR EACH ROW "
        "WHEN (OLD.id > 9) EXECUTE FUNCTION refuse_rewriting()"
    ),
    "refuse_rewriting": "ALTER FUNCTION refuse_rewriting() STABLE",
}


def tamper(connection: Connection, name: str) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(f"CREATE TRIGGER {name} {SQLITE_TAMPERED[name]}"))
    else:
        connection.execute(text(POSTGRES_TAMPERED[name].replace(":", "\\:")))


def test_each_guard_that_was_changed_is_noticed(fresh_store: Store, database_kind: str) -> None:
    for name in SQLITE_TAMPERED if database_kind == "sqlite" else POSTGRES_TAMPERED:
        with fresh_store.write_engine.connect() as connection, connection.begin() as change:
            tamper(connection, name)
            assert missing_guards(connection) == [name]
            change.rollback()


def test_guards_can_be_put_back(fresh_store: Store) -> None:
    with fresh_store.write_engine.begin() as connection:
        remove_guards(connection)
        assert len(missing_guards(connection)) >= 10
        install_guards(connection)
        install_guards(connection)
        check_guards(connection)


def test_without_the_guards_the_same_sql_overlaps(fresh_store: Store) -> None:
    """The control: what the tests above refuse is refused by the guards and by nothing else."""
    with fresh_store.writing() as db:
        book = Book(db)
        remove_guards(db.connection())
        book.insert(NINE, NINE + HOUR)
        assert db.query(Occupancy).filter(Occupancy.holdable_id == book.chair).count() == 4
        db.rollback()


SQLITE_STRANGE = {
    "quietly_gone on occupancy": (
        "CREATE TRIGGER quietly_gone AFTER INSERT ON occupancy BEGIN DELETE FROM occupancy WHERE id = NEW.id; END"
    ),
    "rewrites on audit_entry": ("CREATE TRIGGER rewrites BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(IGNORE); END"),
    "from_afar on appointment": "CREATE TRIGGER from_afar AFTER UPDATE ON appointment BEGIN DELETE FROM occupancy; END",
}
POSTGRES_NOTHING = (
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM occupancy; RETURN NULL; END'"
)
POSTGRES_STRANGE = {
    "quietly_gone on occupancy": (
        "CREATE TRIGGER quietly_gone AFTER INSERT ON occupancy FOR EACH ROW EXECUTE FUNCTION nothing()"
    ),
    "audit_entry_append_only on course": (
        "CREATE TRIGGER audit_entry_append_only BEFORE DELETE ON course FOR EACH ROW EXECUTE FUNCTION nothing()"
    ),
    "rewrites on audit_entry": "CREATE RULE rewrites AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
}


def test_what_may_undo_the_guards_is_named_and_nothing_is_served(fresh_store: Store, database_kind: str) -> None:
    for name, make in (SQLITE_STRANGE if database_kind == "sqlite" else POSTGRES_STRANGE).items():
        with fresh_store.write_engine.connect() as connection, connection.begin() as change:
            assert strange_triggers(connection) == []
            if database_kind == "postgres":
                connection.execute(text(POSTGRES_NOTHING))
            connection.execute(text(make))
            assert strange_triggers(connection) == [name]
            assert missing_guards(connection) == []
            with pytest.raises(GuardMissing, match=rf"not the planner's.*\({name}\)\. Drop them before serving\."):
                check_guards(connection)
            change.rollback()


def test_a_server_does_not_start_beside_a_strange_trigger(fresh_store: Store, database_kind: str) -> None:
    with fresh_store.write_engine.begin() as connection:
        if database_kind == "postgres":
            connection.execute(text(POSTGRES_NOTHING))
        strange = SQLITE_STRANGE if database_kind == "sqlite" else POSTGRES_STRANGE
        connection.execute(text(strange["quietly_gone on occupancy"]))
    assert "quietly_gone on occupancy" in (fault_of(fresh_store) or "")
    with pytest.raises(NotReady, match="quietly_gone on occupancy"):
        check_ready(fresh_store)
    with pytest.raises(GuardMissing, match="quietly_gone on occupancy"):
        upgrade(fresh_store.url)
