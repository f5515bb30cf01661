"""Somebody has left, or a place is out of use: what is booked with them finds cover, and nothing new comes."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import NotFound, Refused
from planner.domain.statuses import AppointmentStatus
from planner.services.disruption_acts import Leave
from planner.services.rescheduling import Move, offers, preview
from planner.services.rostering import add_weekly_shifts
from planner.services.undoing_groups import undo_change
from planner.store.queries.cover import reassign_counts, to_reassign
from planner.store.records import Absence, Appointment, AuditEntry, Chair
from tests.builders import DOSING_HOURS, PERIODS, WEEKDAYS, coordinator, person, scenario_clinic, site
from tests.services.disrupted import NOW, Stage, booked, everything


@pytest.fixture
def stage(db: Session) -> Stage:
    clinic = scenario_clinic(db)
    return Stage(db, clinic, booked(db, clinic, clinic.patient))


def with_r(stage: Stage) -> set[int]:
    """What is still to come with therapist R."""
    query = select(Appointment.id).where(
        Appointment.therapist_id == stage.clinic.r.id,
        Appointment.status == AppointmentStatus.BOOKED,
        Appointment.starts_at > NOW,
    )
    return set(stage.db.scalars(query))


def listed(stage: Stage) -> dict[int, tuple[str, ...]]:
    found = to_reassign(stage.db, stage.us, stage.clinic.site.id, NOW)
    assert [orphan.row.starts_at for orphan in found] == sorted(orphan.row.starts_at for orphan in found)
    return {orphan.row.id: (*(name for _, name in orphan.people), *orphan.places) for orphan in found}


def leaves(stage: Stage) -> Leave:
    stage.clinic.r.active = False
    stage.db.flush()
    return Leave(stage.clinic.r.id)


def test_all_that_is_booked_with_who_left_finds_cover_as_one_and_is_undone_as_one(stage: Stage) -> None:
    theirs, times = with_r(stage), {}
    assert theirs
    act, before = leaves(stage), everything(stage.db)
    assert listed(stage) == dict.fromkeys(theirs, (stage.clinic.r.name,))
    assert reassign_counts(stage.db, stage.us, NOW) == {stage.clinic.site.id: len(theirs)}
    times = {line.before.id for c in stage.preview(act).changes for line in c.decision.lines if line.before}
    assert theirs <= times
    group = stage.apply(act)
    assert with_r(stage) == set()
    assert listed(stage) == {}
    assert reassign_counts(stage.db, stage.us, NOW) == {}
    assert stage.db.scalars(select(Absence)).all() == []
    entry = stage.db.scalars(select(AuditEntry).where(AuditEntry.change_set_id == group.id)).one()
    assert (entry.object_type, entry.object_id) == ("person", stage.clinic.r.id)
    undo_change(stage.db, stage.us, group.id, NOW)
    assert everything(stage.db) == before


def test_who_still_works_here_is_not_replaced(stage: Stage) -> None:
    with pytest.raises(Refused, match="still works here"):
        stage.preview(Leave(stage.clinic.r.id))


def test_another_sites_coordinator_does_not_find_them(stage: Stage) -> None:
    with pytest.raises(NotFound):
        stage.preview(leaves(stage), who=coordinator(stage.db, site(stage.db)))


def test_the_only_prescriber_who_left_takes_the_doses_along(stage: Stage) -> None:
    stage.clinic.prescriber.active = False
    stage.db.flush()
    lost = {
        line.before.id
        for c in stage.preview(Leave(stage.clinic.prescriber.id)).changes
        for line in c.decision.lines
        if line.before is not None
    }
    assert stage.dose(4).id in lost


def test_a_second_prescriber_keeps_the_doses(stage: Stage) -> None:
    other = person(stage.db, stage.clinic.site, Role.PRESCRIBER, name="Test Prescriber Tansy")
    for days in PERIODS:
        add_weekly_shifts(stage.db, other, stage.clinic.site, WEEKDAYS, days, DOSING_HOURS)
    stage.clinic.prescriber.active = False
    stage.db.flush()
    assert stage.preview(Leave(stage.clinic.prescriber.id)).changes == ()


def test_nobody_is_offered_or_moved_to_who_left(stage: Stage) -> None:
    session = stage.session(3)
    gone = leaves(stage).person_id
    offered = offers(stage.db, stage.us, session.id, now=NOW)
    assert offered
    placed = [line.after for offer in offered for line in offer.decision.lines if line.after is not None]
    assert placed
    assert gone not in {after.therapist_id for after in placed}
    with pytest.raises(Refused):
        preview(stage.db, stage.us, Move(session.id, session.starts_at, therapist_id=gone), now=NOW)


def test_what_is_booked_in_a_chair_out_of_use_is_listed(stage: Stage) -> None:
    dose = stage.dose(4)
    chair = stage.db.get_one(Chair, dose.chair_id)
    chair.active = False
    stage.db.flush()
    found = listed(stage)
    assert found[dose.id] == (chair.name,)
    assert date(2027, 1, 28) < min(stage.db.get_one(Appointment, id_).starts_at.date() for id_ in found)
