"""Nobody has two shifts at once on one roster, whatever raw SQL tries; on two rosters somebody may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.store.guards import GuardMissing, missing_guards, remove_guards
from planner.store.integrity import is_overlap, is_shift_overlap, violated
from planner.store.migrate import current, downgrade, head, make_engine, upgrade
from tests import builders

NINE = datetime(2027, 1, 11, 15, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSERT = (
    "INSERT INTO shift (person_id, site_id, roster_site_id, day, starts_minute, ends_minute, on_call, zone, starts_at, "
    "ends_at) VALUES (:person, :site, :roster, :day, 540, 1020, :no, 'America/Chicago', :start, :end)"
)


class Roster:
    """Somebody on shift from 09:00 to 17:00, and raw SQL to put them there once more."""

    def __init__(self, db: Session) -> None:
        self.db, self.on_sqlite = db, db.get_bind().dialect.name == "sqlite"
        builders.clinic(db)
        self.here, self.there = builders.site(db), builders.site(db)
        self.person = builders.person(db, self.here, Role.NURSE)
        self.insert(NINE, NINE + 8 * HOUR)

    def instant(self, value: datetime) -> Any:
        return int(value.timestamp()) if self.on_sqlite else value

    def insert(self, start: datetime, end: datetime, statement: str = INSERT, **more: Any) -> None:
        values = {
            "person": self.person.id, "site": self.here.id, "roster": self.here.id, "day": date(2027, 1, 11),
            "no": False, "start": self.instant(start), "end": self.instant(end),
        }  # fmt: skip
        if self.on_sqlite:
            values["day"] = "2027-01-11"
        with self.db.begin_nested():
            self.db.execute(text(statement), values | more)

    def rows(self) -> list[Any]:
        return sorted(
            self.db.execute(text("SELECT id, person_id, roster_site_id, starts_at, ends_at FROM shift")).all()
        )


@pytest.fixture
def roster(db: Session) -> Roster:
    return Roster(db)


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(IntegrityError) as error:
        yield
    assert violated(error.value) == "shift_no_overlap"
    assert is_shift_overlap(error.value) and not is_overlap(error.value)


OVERLAPPING = [
    (NINE, NINE + 8 * HOUR),
    (NINE - HOUR, NINE + timedelta(seconds=1)),
    (NINE + timedelta(hours=8, seconds=-1), NINE + 9 * HOUR),
    (NINE - HOUR, NINE + 9 * HOUR),
    (NINE + HOUR, NINE + 2 * HOUR),
]


@pytest.mark.parametrize(("start", "end"), OVERLAPPING)
def test_no_insert_overlaps(roster: Roster, start: datetime, end: datetime) -> None:
    with refused():
        roster.insert(start, end)


@pytest.mark.parametrize("site", ["telehealth", "elsewhere"])
def test_the_same_roster_is_what_counts_wherever_the_work_is(roster: Roster, site: str) -> None:
    with refused():
        roster.insert(NINE, NINE + HOUR, site=None if site == "telehealth" else roster.there.id)


def test_spans_that_touch_others_people_and_other_rosters_may_be_there(roster: Roster) -> None:
    roster.insert(NINE - HOUR, NINE)
    roster.insert(NINE + 8 * HOUR, NINE + 9 * HOUR)
    roster.insert(NINE, NINE + HOUR, person=builders.person(roster.db, roster.here).id)
    roster.insert(NINE, NINE + HOUR, site=roster.there.id, roster=roster.there.id)
    assert len(roster.rows()) == 5


def test_no_update_overlaps(roster: Roster) -> None:
    other = builders.person(roster.db, roster.here).id
    roster.insert(NINE + DAY, NINE + DAY + HOUR)
    roster.insert(NINE, NINE + HOUR, person=other)
    roster.insert(NINE, NINE + HOUR, site=roster.there.id, roster=roster.there.id)
    last = {"start": roster.instant(NINE), "next": roster.instant(NINE + DAY), "other": other, "p": roster.person.id}
    for change in (
        "UPDATE shift SET starts_at = :start WHERE starts_at = :next AND person_id = :p AND :other > 0",
        "UPDATE shift SET person_id = :p WHERE person_id = :other AND starts_at = :start AND :next IS NOT NULL",
        f"UPDATE shift SET roster_site_id = {roster.here.id} WHERE roster_site_id = {roster.there.id} "
        "AND person_id = :p AND :start = :start AND :next = :next AND :other = :other",
    ):
        given = {key: value for key, value in last.items() if f":{key}" in change}
        before = roster.rows()
        with refused(), roster.db.begin_nested():
            roster.db.execute(text(change), given)
        assert roster.rows() == before


def test_a_shift_may_be_moved_within_its_own_span(roster: Roster) -> None:
    with roster.db.begin_nested():
        roster.db.execute(text("UPDATE shift SET starts_at = :at"), {"at": roster.instant(NINE + HOUR)})


def test_no_other_way_of_writing_overlaps(roster: Roster) -> None:
    upsert = INSERT + " ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at"
    ways = [upsert]
    if roster.on_sqlite:
        ways += [INSERT.replace("INSERT", f"INSERT OR {word}") for word in ("IGNORE", "REPLACE", "FAIL")]
        ways += [INSERT.replace("INSERT INTO", "REPLACE INTO"), INSERT + " ON CONFLICT DO NOTHING"]
    for statement in ways:
        before = roster.rows()
        with refused():
            roster.insert(NINE, NINE + HOUR, statement)
        assert roster.rows() == before


def test_rows_of_one_statement_do_not_overlap_each_other(roster: Roster) -> None:
    values = INSERT.partition("VALUES ")[2]
    with refused():
        roster.insert(NINE + DAY, NINE + DAY + HOUR, f"{INSERT}, {values}")


@pytest.mark.parametrize("number", [-1, 0, -9_000])
def test_a_shift_with_an_odd_id_hides_nothing(roster: Roster, number: int) -> None:
    roster.db.execute(text("UPDATE shift SET id = :number"), {"number": number})
    with refused():
        roster.insert(NINE, NINE + HOUR)


def test_a_shift_is_not_so_long_that_it_would_be_overlooked(roster: Roster) -> None:
    free = NINE + 30 * DAY
    for end in (free, free - HOUR, free + 3 * DAY + timedelta(seconds=1)):
        with pytest.raises(DBAPIError):
            roster.insert(free, end)
    roster.insert(free, free + 3 * DAY)
    with refused():
        roster.insert(free + 3 * DAY - HOUR, free + 4 * DAY)


def test_a_database_with_two_shifts_at_once_is_not_migrated_but_told(fresh_database_url: str) -> None:
    downgrade(fresh_database_url, "0010")
    engine = make_engine(fresh_database_url)
    try:
        with Session(engine) as db, db.begin():
            roster = Roster(db)
            remove_guards(db.connection())
            roster.insert(NINE + HOUR, NINE + 10 * HOUR)
            roster.insert(NINE + HOUR, NINE + 10 * HOUR, site=roster.there.id, roster=roster.there.id)
            person, site, before = roster.person.id, roster.here.name, roster.rows()
        with pytest.raises(GuardMissing) as told:
            upgrade(fresh_database_url)
        assert f"person {person} at {site} on 2027-01-11." in str(told.value)
        assert "publish those weeks without one of them" in str(told.value)
        with Session(engine) as db, db.begin():
            assert current(engine) == "0010"
            roster.db = db
            assert roster.rows() == before
            db.execute(text("DELETE FROM shift WHERE ends_at = :end"), {"end": roster.instant(NINE + 8 * HOUR)})
        upgrade(fresh_database_url)
        assert current(engine) == head()
        with engine.connect() as connection:
            assert missing_guards(connection) == []
    finally:
        engine.dispose()
