"""Nobody works twice at once on one roster, over the end of a week either: told in the draft, refused after it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, Refused
from planner.domain.rosters import RosterShift
from planner.services.roster_drafts import start_draft
from planner.services.roster_patterns import PatternWish, add_patterns
from planner.services.roster_publishing import publish_roster
from planner.services.roster_weeks import beside_weeks
from planner.services.roster_weeks_ahead import weeks_ahead
from planner.services.rostering import add_shift
from planner.services.undoing_groups import undo_change
from planner.store.records import RosterPublication, Shift
from tests.services.rostered import MONDAY, NOW, Rostered, make_rostered
from tests.support.cast import NOW as THEN
from tests.support.cast import make_cast

SUNDAY, NEXT = MONDAY + timedelta(days=6), MONDAY + timedelta(days=7)
NIGHT = (22 * 60, 30 * 60)


@pytest.fixture
def stage(db: Session) -> Rostered:
    """The chair's nurse works on Monday from 05:00 in the week after."""
    made = make_rostered(db)
    add_shift(db, made.clinic.nurse, made.clinic.site, NEXT, "05:00", "09:00")
    return made


def night(stage: Rostered) -> RosterShift:
    return RosterShift(SUNDAY, *NIGHT, stage.clinic.nurse.id)


def test_a_night_into_the_next_week_is_refused_at_the_field(stage: Rostered) -> None:
    stage.start()
    told = "Test Nurse Fern has a shift from 05:00 to 09:00 on Mon 8 Feb 2027"
    with pytest.raises(FieldError, match=told) as refused:
        stage.put(night(stage))
    assert refused.value.field == "starts"
    stage.put(RosterShift(SUNDAY, 22 * 60, 29 * 60, stage.clinic.nurse.id))


def test_what_came_into_the_next_week_since_is_refused_when_published(stage: Rostered) -> None:
    k = stage.clinic.k
    stage.start()
    stage.put(RosterShift(SUNDAY, *NIGHT, k.id))
    add_shift(stage.db, k, stage.clinic.site, NEXT, "05:00", "08:00")
    before = stage.everything()
    with pytest.raises(Refused, match="K has a shift from 05:00 to 08:00 on Mon 8 Feb 2027, in another week"):
        stage.preview()
    with pytest.raises(Refused):
        publish_roster(stage.db, stage.us, stage.act(), key="", now=NOW)
    assert stage.everything() == before and stage.draft()
    assert stage.db.scalars(select(RosterPublication)).all() == []


def test_undoing_brings_no_shift_back_to_where_another_is_by_now(stage: Rostered) -> None:
    k = stage.clinic.k
    add_shift(stage.db, k, stage.clinic.site, SUNDAY, "22:00", "24:00").ends_minute = NIGHT[1]
    shift = stage.db.scalars(select(Shift).where(Shift.person_id == k.id, Shift.day == SUNDAY)).one()
    shift.ends_at = shift.starts_at + timedelta(hours=8)
    stage.db.flush()
    stage.start()
    stage.remove(k, SUNDAY)
    made = stage.publish()
    assert made is not None
    add_shift(stage.db, k, stage.clinic.site, NEXT, "05:00", "08:00")
    with pytest.raises(Refused, match="in another week of this roster"):
        undo_change(stage.db, stage.us, made.change_set_id or 0, NOW)


def test_the_weeks_beside_are_those_that_a_shift_can_reach(stage: Rostered) -> None:
    found = {shift.day for shift in beside_weeks(stage.db, stage.clinic.site, MONDAY)}
    assert found == {NEXT, NEXT + timedelta(days=1)}, "nobody works on the weekend before"


def test_patterns_put_nobody_where_the_week_before_ends(db: Session) -> None:
    cast = make_cast(db)
    us, nurse = cast.principals["coordinator"], cast.people["nurse"].id
    first = date(2026, 3, 2)
    for weekday, span in ((6, NIGHT), (0, (5 * 60, 9 * 60))):
        wish = PatternWish(nurse, weekday, *span, first)
        add_patterns(db, us, site_id=cast.north.id, wish=wish, weekdays=[weekday], now=THEN)
    found = weeks_ahead(db, us, site_id=cast.north.id, count=3, now=THEN)
    days = [[shift.day.weekday() for shift in week.shifts] for week in found.weeks]
    assert days == [[6], [6], [6]], "Monday morning is left out behind the night"
    second = first + timedelta(weeks=1)
    add_shift(db, cast.people["nurse"], cast.north, second, "05:00", "09:00")
    draft = start_draft(db, us, site_id=cast.north.id, monday=first, source="patterns", now=THEN)
    assert draft.shifts == ()
