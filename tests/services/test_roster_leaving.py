"""Who leaves comes off each week as a version that history knows; nothing that is taken back brings them back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import Refused
from planner.domain.rosters import RosterShift
from planner.services.leaving import person_leaves
from planner.services.reading.roster_versions import compared, open_version, standing, versions
from planner.services.roster_patterns import PatternWish, add_patterns
from planner.services.roster_publishing import Withdraw
from planner.services.roster_weeks import published_week
from planner.services.roster_weeks_ahead import WeekState, publish_weeks_ahead, weeks_ahead
from planner.services.rostering import add_shift
from planner.services.undoing_groups import undo_change
from planner.store.queries import clinic
from planner.store.records import AuditEntry, ChangeSet, RosterPublication, Shift
from tests import builders
from tests.builders import at
from tests.services.rostered import MONDAY, NOW, Rostered, make_rostered
from tests.support.cast import NOW as THEN
from tests.support.cast import make_cast

FRIDAY = date(2027, 2, 5)


@pytest.fixture
def stage(db: Session) -> Rostered:
    return make_rostered(db)


def k_leaves(stage: Rostered, now=NOW) -> None:
    k = stage.clinic.k
    person_leaves(stage.db, stage.us, k.id, seen_version=k.version, now=now)


def made(stage: Rostered) -> list[RosterPublication]:
    return list(stage.db.scalars(select(RosterPublication).order_by(RosterPublication.monday, RosterPublication.id)))


def test_each_week_touched_has_its_version_and_all_are_one_change(stage: Rostered) -> None:
    before = stage.published()
    mondays = sorted(
        {day - timedelta(days=day.weekday()) for day in stage.db.scalars(
            select(Shift.day).where(Shift.person_id == stage.clinic.k.id, Shift.starts_at > NOW)
        )}
    )  # fmt: skip
    k_leaves(stage)
    found = made(stage)
    assert [row.monday for row in found] == mondays and len(mondays) > 10
    assert {row.number for row in found} == {1} and {row.account_id for row in found} == {stage.us.account_id}
    [group] = stage.db.scalars(select(ChangeSet).where(ChangeSet.kind == "roster.left"))
    assert {row.change_set_id for row in found} == {group.id}
    kept = next(row for row in found if row.monday == MONDAY)
    assert tuple(map(RosterShift.from_json, kept.before)) == before
    assert tuple(map(RosterShift.from_json, kept.after)) == stage.published()
    assert {shift.person_id for shift in before} - {shift.person_id for shift in stage.published()} == {
        stage.clinic.k.id
    }
    entries = stage.db.scalars(select(AuditEntry).where(AuditEntry.action == "roster.left")).all()
    assert sorted(entry.object_id or 0 for entry in entries) == sorted(row.id for row in found)


def test_versions_say_so_and_compare_and_nothing_offers_to_undo_it(stage: Rostered) -> None:
    k_leaves(stage)
    site = clinic.sites(stage.db, stage.us.site_ids)[0]
    [row] = versions(stage.db, site, MONDAY)
    assert (row.number, row.is_leaving, row.is_withdrawal) == (1, True, False)
    assert standing(stage.db, site, MONDAY).is_leaving
    lines = compared(stage.db, site, MONDAY, 1, None).lines
    assert lines and {(line.name, line.after) for line in lines} == {("K", None)}
    assert open_version(stage.db, stage.us, site.id, MONDAY, NOW) is None
    group = made(stage)[0].change_set_id or 0
    with pytest.raises(Refused, match="time to undo this is over"):
        undo_change(stage.db, stage.us, group, NOW)


def test_a_shift_that_has_begun_stays_and_another_site_has_its_own_version(stage: Rostered) -> None:
    there = builders.site(stage.db)
    add_shift(stage.db, stage.clinic.k, there, FRIDAY, "18:00", "20:00")
    k_leaves(stage, at("2027-02-05 10:00"))
    kept = [shift for shift in stage.published() if shift.person_id == stage.clinic.k.id and shift.day == FRIDAY]
    assert [(shift.starts_minute, shift.ends_minute) for shift in kept] == [(540, 720)]
    assert {(row.site_id, len(row.before) - len(row.after)) for row in made(stage) if row.monday == MONDAY} == {
        (stage.clinic.site.id, 1), (there.id, 1),
    }  # fmt: skip


def test_what_is_taken_back_afterwards_brings_nobody_back(stage: Rostered) -> None:
    k_leaves(stage)
    left = stage.published()
    act = Withdraw(stage.clinic.site.id, MONDAY, 1)
    assert stage.preview(act).lines == ()
    assert stage.publish(act) is None
    assert stage.published() == left
    stage.start()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    version = stage.publish()
    assert version is not None and version.number == 2
    stage.publish(Withdraw(stage.clinic.site.id, MONDAY, 2))
    assert stage.published() == left


def test_a_week_that_is_empty_because_somebody_left_is_free_for_the_patterns(db: Session) -> None:
    cast, first = make_cast(db), date(2026, 3, 2)
    us, nurse, where = cast.principals["coordinator"], cast.people["nurse"], {"site_id": cast.north.id, "now": THEN}
    for who in (nurse, cast.people["therapist-two"]):
        wish = PatternWish(who.id, 3, 540, 1020, first if who is nurse else first + timedelta(weeks=2))
        add_patterns(db, us, wish=wish, weekdays=[3], **where)  # type: ignore[arg-type]
    key = weeks_ahead(db, us, count=2, **where).key  # type: ignore[arg-type]
    publish_weeks_ahead(db, us, count=2, key=key, **where)  # type: ignore[arg-type]
    person_leaves(db, us, nurse.id, seen_version=nurse.version, now=THEN)
    assert published_week(db, cast.north.id, cast.north.zone, first) == ()
    states = [week.state for week in weeks_ahead(db, us, count=3, **where).weeks]  # type: ignore[arg-type]
    assert states == [WeekState.NOTHING, WeekState.NOTHING, WeekState.FREE]
