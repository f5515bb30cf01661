"""Weeks to come, published from the patterns as one change and taken back as one."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.domain.rosters import RosterShift
from planner.services.places import close_day
from planner.services.roster_drafts import draft_of, put_shift, start_draft
from planner.services.roster_patterns import PatternWish, add_patterns
from planner.services.roster_publishing import PublishDraft, preview_roster, publish_roster, publish_weeks
from planner.services.roster_weeks import published_week
from planner.services.roster_weeks_ahead import WeekState, publish_weeks_ahead, weeks_ahead
from planner.services.undoing_groups import undo_change
from planner.store.records import AuditEntry, ChangeSet, RosterPublication, ShiftPattern
from tests.support.cast import NOW, Cast, make_cast

FIRST = date(2026, 3, 2)
SECOND, THIRD = FIRST + timedelta(weeks=1), FIRST + timedelta(weeks=2)


@pytest.fixture
def cast(db: Session) -> Cast:
    """The nurse of North works on Mondays and Thursdays."""
    made = make_cast(db)
    wish = PatternWish(made.people["nurse"].id, 0, 540, 1020, FIRST)
    add_patterns(db, made.principals["coordinator"], site_id=made.north.id, wish=wish, weekdays=[3, 0, 3], now=NOW)
    return made


def published(db: Session, cast: Cast, count: int = 3) -> tuple[date, ...]:
    us, where = cast.principals["coordinator"], {"site_id": cast.north.id, "count": count, "now": NOW}
    return publish_weeks_ahead(db, us, key=weeks_ahead(db, us, **where).key, **where)  # type: ignore[arg-type]


def test_a_pattern_on_several_weekdays_is_kept_on_all_or_none(db: Session, cast: Cast) -> None:
    assert sorted(db.scalars(select(ShiftPattern.weekday))) == [0, 3]
    wish = PatternWish(cast.people["nurse"].id, 0, 540, 1020, FIRST)
    for weekdays, field in (([], "weekdays"), ([1, 7], "weekday")):
        with pytest.raises(FieldError) as error:
            add_patterns(
                db, cast.principals["coordinator"], site_id=cast.north.id, wish=wish, weekdays=weekdays, now=NOW
            )
        assert error.value.field == field
    assert sorted(db.scalars(select(ShiftPattern.weekday))) == [0, 3]


def test_closed_days_are_left_out_and_the_history_names_each_week(db: Session, cast: Cast) -> None:
    close_day(db, cast.north, SECOND, "floor is oiled")
    found = weeks_ahead(db, cast.principals["coordinator"], site_id=cast.north.id, count=3, now=NOW)
    days = [[shift.day for shift in week.shifts] for week in found.weeks]
    assert days == [[date(2026, 3, 5)], [date(2026, 3, 12)], [THIRD, date(2026, 3, 19)]]
    assert published(db, cast) == (FIRST, SECOND, THIRD)
    assert [s.day for s in published_week(db, cast.north.id, cast.north.zone, THIRD)] == days[2]
    entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "roster.publish.weeks")).all()
    assert [entry.detail["week"] for entry in entries] == ["2026-03-02", "2026-03-09", "2026-03-16"]


def test_a_key_of_another_list_publishes_nothing(db: Session, cast: Cast) -> None:
    us, where = cast.principals["coordinator"], {"site_id": cast.north.id, "count": 3, "now": NOW}
    key = weeks_ahead(db, us, **where).key  # type: ignore[arg-type]
    close_day(db, cast.north, SECOND, "")
    with pytest.raises(StaleVersion):
        publish_weeks_ahead(db, us, key=key, **where)  # type: ignore[arg-type]
    with pytest.raises(FieldError, match="1 to 12"):
        publish_weeks_ahead(db, us, key=key, **{**where, "count": 13})  # type: ignore[arg-type]
    assert db.scalars(select(RosterPublication)).all() == []


def test_weeks_are_published_all_or_none(db: Session, cast: Cast) -> None:
    published(db, cast, 2)
    shift = (RosterShift(THIRD, 540, 1020, cast.people["nurse"].id),)
    with pytest.raises(StaleVersion):
        publish_weeks(db, cast.principals["coordinator"], cast.north, {SECOND: shift, THIRD: shift, FIRST: shift}, NOW)
    assert published_week(db, cast.north.id, cast.north.zone, THIRD) == ()
    assert len(db.scalars(select(RosterPublication)).all()) == 2


def test_undoing_takes_all_weeks_back_or_none(db: Session, cast: Cast) -> None:
    us, where = cast.principals["coordinator"], {"site_id": cast.north.id, "monday": SECOND}
    published(db, cast)
    group = db.scalars(select(ChangeSet)).one()
    draft = start_draft(db, us, source="published", now=NOW, **where)  # type: ignore[arg-type]
    more = RosterShift(SECOND, 1080, 1200, cast.people["nurse"].id)
    draft = put_shift(db, us, shift=more, seen_version=draft.version, now=NOW, **where)  # type: ignore[arg-type]
    act = PublishDraft(cast.north.id, SECOND, draft.version)
    publish_roster(db, us, act, key=preview_roster(db, us, act, now=NOW).courses.key, now=NOW)
    with pytest.raises(Refused, match="changed again since"):
        undo_change(db, us, group.id, NOW)
    assert all(published_week(db, cast.north.id, cast.north.zone, monday) for monday in (FIRST, SECOND, THIRD))
    later = db.scalars(select(ChangeSet).where(ChangeSet.kind == "roster.publish")).one()
    assert later.group_id is None


def test_weeks_taken_back_are_free_again_and_no_drafts(db: Session, cast: Cast) -> None:
    published(db, cast)
    undo_change(db, cast.principals["coordinator"], db.scalars(select(ChangeSet)).one().id, NOW)
    assert draft_of(db, cast.north, SECOND) is None
    found = weeks_ahead(db, cast.principals["coordinator"], site_id=cast.north.id, count=3, now=NOW)
    assert [week.state for week in found.weeks] == [WeekState.FREE] * 3
    assert published(db, cast) == (FIRST, SECOND, THIRD)
    numbers = db.scalars(select(RosterPublication.number).where(RosterPublication.monday == SECOND))
    assert sorted(numbers) == [1, 2, 3]
