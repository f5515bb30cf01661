"""What happened before a version of a week was taken back, undone or copied: somebody left, or was booked."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from planner.domain.errors import Refused, StaleVersion
from planner.domain.rosters import RosterShift
from planner.services.leaving import person_leaves
from planner.services.roster_drafts import discard_draft
from planner.services.roster_publishing import Withdraw
from planner.services.undoing_groups import undo_change
from planner.store.records import Occupancy, Person, PersonSite
from tests.services.rostered import MONDAY, NOW, Rostered, days_from, make_rostered

SATURDAY = date(2027, 2, 6)
FRIDAY = date(2027, 2, 5)


@pytest.fixture
def stage(db: Session) -> Rostered:
    return make_rostered(db)


def leaves(stage: Rostered, person: Person) -> None:
    person_leaves(stage.db, stage.us, person.id, seen_version=person.version, now=NOW)


def off_the_week(stage: Rostered, person: Person) -> int:
    """A version without any shift of this person; its change set."""
    stage.start()
    stage.remove(person, *days_from(MONDAY, 7))
    made = stage.publish()
    assert made is not None and made.change_set_id is not None
    return made.change_set_id


def on_the_week(stage: Rostered) -> set[int]:
    return {shift.person_id for shift in stage.published()}


def test_taking_a_version_back_brings_nobody_back_who_left(stage: Rostered) -> None:
    off_the_week(stage, stage.clinic.r)
    stage.start()
    stage.put(RosterShift(SATURDAY, 540, 720, stage.clinic.k.id))
    stage.publish()
    stage.publish(Withdraw(stage.clinic.site.id, MONDAY, 2))
    leaves(stage, stage.clinic.k)
    assert stage.clinic.k.id not in on_the_week(stage)
    with pytest.raises(StaleVersion):
        stage.publish(Withdraw(stage.clinic.site.id, MONDAY, 3))
    assert stage.publish(Withdraw(stage.clinic.site.id, MONDAY, 4)) is None, "the version without K is the newest"
    assert stage.clinic.k.id not in on_the_week(stage)


def test_undoing_a_version_brings_nobody_back_who_left(stage: Rostered) -> None:
    change = off_the_week(stage, stage.clinic.r)
    leaves(stage, stage.clinic.r)
    undo_change(stage.db, stage.us, change, NOW)
    assert stage.clinic.r.id not in on_the_week(stage)


@pytest.mark.parametrize("gone", ["left", "works elsewhere"])
def test_copying_a_week_leaves_out_who_no_longer_works_here(stage: Rostered, gone: str) -> None:
    copied = {"source": "week", "copy_of": date(2027, 1, 25)}
    off_the_week(stage, stage.clinic.r)
    draft = stage.start(**copied)
    assert stage.clinic.r.id in {shift.person_id for shift in draft.shifts}
    discard_draft(stage.db, stage.us, seen_version=draft.version, now=NOW, **stage.where)  # type: ignore[arg-type]
    if gone == "left":
        leaves(stage, stage.clinic.r)
    else:
        stage.db.execute(delete(PersonSite).where(PersonSite.person_id == stage.clinic.r.id))
    draft = stage.start(**copied)
    assert draft.shifts and stage.clinic.r.id not in {shift.person_id for shift in draft.shifts}


def test_undoing_a_version_takes_no_shift_from_under_who_was_booked_meanwhile(stage: Rostered) -> None:
    r, k, session = stage.clinic.r, stage.clinic.k, stage.session(4)
    stage.start()
    stage.put(RosterShift(FRIDAY, 540, 1020, r.id))
    made = stage.publish()
    assert made is not None and made.change_set_id is not None and session.starts_at.date() == FRIDAY
    held = select(Occupancy).where(Occupancy.appointment_id == session.id, Occupancy.holdable_id == k.holdable_id)
    stage.db.scalars(held).one().holdable_id = r.holdable_id
    session.therapist_id = r.id
    stage.db.flush()
    before = stage.everything()
    with pytest.raises(Refused, match="booked into that time meanwhile"):
        undo_change(stage.db, stage.us, made.change_set_id, NOW)
    assert stage.everything() == before
    stage.publish(Withdraw(stage.clinic.site.id, MONDAY, 1))
    assert stage.session(4).therapist_id == k.id
