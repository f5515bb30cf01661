"""Applying a decision: every line as it was shown, in one transaction, or none."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.domain.intervals import minute_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, Line, LineKind, WayOut, WayOutKind
from planner.scheduling.placements import ProposedDay
from planner.store.occupying import held_by
from planner.store.records import (
    Appointment,
    AuditEntry,
    CalendarVersion,
    ChangeLine,
    ChangeSet,
    Encounter,
    FeedScope,
    Occupancy,
    OverrideRule,
    RuleOverride,
)
from tests.services.booked import DAY, DAY_MINUTES, LATER, MORNING, Booked, booked_course
from tests.support.small_clinic import SmallClinic

HOUR = timedelta(hours=1)


@pytest.fixture
def booked(db: Session) -> Booked:
    return booked_course(db)


def everything(db: Session) -> list[object]:
    rows = db.execute(
        select(Appointment.id, Appointment.starts_at, Appointment.version, Appointment.sequence, Appointment.status)
        .order_by(Appointment.id)
    ).all()  # fmt: skip
    held = db.execute(
        select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at).order_by(
            Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at
        )
    ).all()
    return [list(rows), list(held), db.scalars(select(func.count()).select_from(AuditEntry)).one()]


def test_a_moved_appointment_keeps_its_calendar_id_and_counts_up(db: Session, booked: Booked) -> None:
    row = booked.dose(3)
    uid, created = row.uid, row.created_at
    booked.apply([booked.move(row, 60)])
    assert (row.uid, row.sequence, row.version, row.created_at) == (uid, 1, 2, created)
    assert row.starts_at == MORNING + 14 * DAY + HOUR
    assert row.starts_wall == "2027-01-25T10:00"
    assert row.changed_at == LATER
    held = held_by(db, [row.id])[row.id]
    assert {claim.span.start for claim in held} == {row.starts_at}


def test_moving_takes_other_people_and_places_along(booked: Booked) -> None:
    clinic, row = booked.clinic, booked.session(1)
    after = replace(clinic.session(0, row.starts_at, room=1, therapist=1), number=1, serves=1, site_id=clinic.site_id)
    booked.apply([booked.line(LineKind.MOVED, row, after)])
    assert (row.therapist_id, row.room_id) == (clinic.therapists[1].id, clinic.rooms[1].id)
    assert row.serves_id == booked.dose(1).id


def test_two_appointments_can_swap_their_times(booked: Booked) -> None:
    first, second = booked.session(1), booked.session(2)
    early, late = first.starts_at, second.starts_at
    booked.apply([booked.move(first, 7 * DAY_MINUTES), booked.move(second, -7 * DAY_MINUTES)])
    assert (first.starts_at, second.starts_at) == (late, early)


def test_a_relinked_session_keeps_slot_calendar_id_and_sequence(booked: Booked) -> None:
    row = booked.session(2)
    before = (row.uid, row.sequence, row.changed_at, row.starts_at)
    booked.apply([booked.line(LineKind.RELINKED, row, replace(booked.place(row), serves=1))])
    assert (row.uid, row.sequence, row.changed_at, row.starts_at) == before
    assert (row.serves_id, row.version) == (booked.dose(1).id, 2)
    assert held_by(booked.db, [row.id])


def test_after_a_missed_dose_the_later_ones_change_number_and_sessions_follow(booked: Booked) -> None:
    """Dose 2 is missed: dose 3 becomes dose 2, a new dose 3 is made, session 3 serves dose 2, session 2 goes."""
    missed, kept = booked.dose(2), booked.dose(3)
    goes, stays = booked.session(2), booked.session(3)
    sequence = kept.sequence
    new_dose = booked.clinic.infusion(0, MORNING + 21 * DAY, number=3)
    new_session = booked.clinic.session(0, MORNING + 22 * DAY, number=3, serves=3)
    change_set = booked.apply(
        [
            booked.line(LineKind.MARKED, missed, status=AppointmentStatus.NOSHOW),
            booked.line(LineKind.RENUMBERED, kept, replace(booked.place(kept), number=2)),
            booked.line(LineKind.RELEASED, goes),
            booked.line(LineKind.RELINKED, stays, replace(booked.place(stays), number=2, serves=2)),
            Line(LineKind.CREATED, "New dose.", after=new_dose),
            Line(LineKind.CREATED, "New session.", after=new_session),
        ]
    )
    assert missed.status is AppointmentStatus.NOSHOW
    assert goes.status is AppointmentStatus.CANCELLED
    assert goes.sequence == 1
    assert (kept.number, kept.sequence, kept.version) == (2, sequence, 2)
    assert stays.serves_id == kept.id
    made = [row for row in booked.all() if row.starts_at >= MORNING + 21 * DAY]
    assert [(row.kind, row.number) for row in made] == [
        (AppointmentKind.INFUSION, 3),
        (AppointmentKind.INTEGRATION, 3),
    ]
    assert made[1].serves_id == made[0].id
    assert held_by(booked.db, [missed.id, goes.id]) == {}
    assert len(held_by(booked.db, [row.id for row in made])) == 2
    kinds = booked.db.scalars(select(AuditEntry.detail).where(AuditEntry.change_set_id == change_set.id)).one()
    assert kinds == {"marked": 1, "renumbered": 1, "released": 1, "relinked": 1, "created": 2}


def test_what_was_seen_must_still_be_so(booked: Booked) -> None:
    row = booked.dose(3)
    old = booked.move(row, 60)
    booked.apply([booked.move(row, 120)])
    before = everything(booked.db)
    with pytest.raises(StaleVersion) as refusal:
        booked.apply([old])
    assert (refusal.value.seen, refusal.value.current) == (1, 2)
    assert everything(booked.db) == before


def test_a_row_seen_but_not_changed_must_be_the_same_too(booked: Booked) -> None:
    with pytest.raises(StaleVersion):
        booked.apply([booked.move(booked.dose(3), 60)], seen_versions={booked.dose(1).id: 7})


def test_when_one_line_cannot_be_written_none_is(booked: Booked) -> None:
    other = booked_course(booked.db, patient=1, clinic=booked.clinic, chair=1)
    before = everything(booked.db)
    taken = replace(
        booked.place(booked.session(3)),
        holds=((other.clinic.therapists[1].holdable_id, *_minutes(other.session(1))),),
    )
    with pytest.raises(Refused) as refusal:
        booked.apply([booked.move(booked.dose(2), 60), booked.line(LineKind.MOVED, booked.session(3), taken)])
    assert [conflict.rule for conflict in refusal.value.conflicts] == [Rule.OVERLAP]
    assert "Test Therapist 2" in str(refusal.value)
    assert everything(booked.db) == before


def _minutes(row: Appointment) -> tuple[int, int]:
    return minute_of(row.starts_at), minute_of(row.ends_at)


def test_what_cannot_move_any_more_is_refused(booked: Booked) -> None:
    row = booked.dose(3)
    booked.apply([booked.line(LineKind.MARKED, row, status=AppointmentStatus.ARRIVED)])
    with pytest.raises(Refused) as refusal:
        booked.apply([booked.move(row, 60)])
    assert [conflict.rule for conflict in refusal.value.conflicts] == [Rule.STATUS]


def test_a_cancelled_appointment_keeps_the_reason(booked: Booked) -> None:
    row = booked.dose(3)
    booked.apply([booked.line(LineKind.RELEASED, row)], reason="Patient is ill")
    assert (row.status, row.reason) == (AppointmentStatus.CANCELLED, "Patient is ill")


def test_the_calendars_of_everybody_before_and_after_are_woken(booked: Booked) -> None:
    clinic, db = booked.clinic, booked.db
    before = {(row.scope, row.subject_id): row.version for row in db.scalars(select(CalendarVersion))}
    after = replace(clinic.session(0, booked.session(1).starts_at, room=1, therapist=1), number=1, serves=1)
    booked.apply([booked.line(LineKind.MOVED, booked.session(1), after)])
    now = {(row.scope, row.subject_id): row.version for row in db.scalars(select(CalendarVersion))}
    woken = {subject for subject, version in now.items() if version != before.get(subject, 0)}
    assert woken == {
        (FeedScope.PATIENT, clinic.patients[0].id),
        (FeedScope.SITE, clinic.site_id),
        *((FeedScope.THERAPIST, person.id) for person in clinic.therapists),
        *((FeedScope.ROOM, room.id) for room in clinic.rooms),
    }


def test_a_calendars_last_change_strictly_grows(booked: Booked) -> None:
    subject = (FeedScope.SITE, booked.clinic.site_id)
    row = booked.db.get_one(CalendarVersion, subject)
    seen = [row.changed_at]
    for _ in range(3):
        booked.apply([booked.move(booked.dose(3), 15)])
        booked.db.refresh(row)
        seen.append(row.changed_at)
    assert seen == sorted(set(seen))


def test_the_end_of_a_dose_becomes_an_encounter(booked: Booked) -> None:
    row = booked.dose(1)
    end = row.starts_at + timedelta(minutes=100)
    line = booked.line(LineKind.NOTED, row, dose_end=minute_of(end))
    booked.decide(Decision("dose-end", (line,)), dose_started_at=row.starts_at + timedelta(minutes=35))
    encounter = booked.db.scalars(select(Encounter)).one()
    assert (encounter.appointment_id, encounter.dose_ended_at) == (row.id, end)
    assert encounter.dose_started_at == row.starts_at + timedelta(minutes=35)
    assert (row.version, row.sequence) == (2, 0)
    # Corrected: the same record, and its start stays.
    line = booked.line(LineKind.NOTED, row, dose_end=minute_of(end) + 5)
    booked.decide(Decision("dose-end", (line,)))
    assert booked.db.scalars(select(Encounter)).one().dose_ended_at == end + timedelta(minutes=5)
    assert encounter.dose_started_at == row.starts_at + timedelta(minutes=35)
    assert encounter.version == 2


def test_a_dose_cannot_end_before_it_began(booked: Booked) -> None:
    line = booked.line(LineKind.NOTED, booked.dose(1), dose_end=minute_of(booked.dose(1).starts_at))
    with pytest.raises(FieldError) as refusal:
        booked.decide(Decision("dose-end", (line,)))
    assert refusal.value.field == "dose_start"


def test_what_could_not_be_saved_is_left_as_it_is_and_told(booked: Booked) -> None:
    row = booked.session(2)
    way = WayOut(WayOutKind.LATE_SLOT, "Later.", booked.place(row, 60), needs_reason=True)
    before = (row.version, row.starts_at)
    booked.apply([booked.line(LineKind.UNSAVED, row, ways_out=(way,)), booked.line(LineKind.NOTED, booked.session(3))])
    assert (row.version, row.starts_at) == before
    entry = booked.db.scalars(select(AuditEntry).where(AuditEntry.action == "appointment.unsaved")).one()
    assert (entry.object_id, entry.detail) == (row.id, {"ways_out": ["late-slot"]})
    moved = select(ChangeLine.record_id).join(ChangeSet).where(ChangeSet.kind == "course.move")
    assert booked.db.scalars(moved).all() == []


def test_sessions_do_not_follow_a_dose_that_nothing_could_save(booked: Booked) -> None:
    """Dose 2 cannot be saved, dose 3 becomes dose 2: its session serves it, not the one left behind."""
    left, kept, session = booked.dose(2), booked.dose(3), booked.session(3)
    booked.apply(
        [
            booked.line(LineKind.UNSAVED, left, status=AppointmentStatus.CANCELLED),
            booked.line(LineKind.RENUMBERED, kept, replace(booked.place(kept), number=2)),
            booked.line(LineKind.RELINKED, session, replace(booked.place(session), number=2, serves=2)),
        ]
    )
    assert (left.number, left.status) == (2, AppointmentStatus.CANCELLED)
    assert held_by(booked.db, [left.id]) == {}
    assert session.serves_id == kept.id


def test_a_proposed_dose_moves_without_holding_anything(booked: Booked) -> None:
    booked.decide(Decision("move", (), boosters=(ProposedDay("maintenance", 4, date(2027, 3, 1)),)))
    row = booked.dose(4)
    booked.apply([booked.move(row, 7 * DAY_MINUTES)])
    assert (row.status, row.starts_wall) == (AppointmentStatus.PROPOSED, "2027-03-08T09:00")
    assert held_by(booked.db, [row.id]) == {}


def test_a_hold_is_not_set_aside(booked: Booked) -> None:
    held = Conflict(Rule.OVERLAP, "Chair 1 is already held while somebody plans.", holdable_id=1)
    decision = Decision("move", (booked.move(booked.dose(3), 60),), overrides=(held,))
    with pytest.raises(Refused, match="while somebody plans"):
        booked.decide(decision, override_reasons={Rule.OVERLAP: "Because"})


def test_proposed_doses_follow(booked: Booked) -> None:
    decision = Decision("move", (), boosters=(ProposedDay("maintenance", 4, date(2027, 3, 1)),))
    booked.decide(decision)
    row = booked.dose(4)
    uid = row.uid
    assert (row.status, row.starts_wall) == (AppointmentStatus.PROPOSED, "2027-03-01T09:00")
    booked.decide(replace(decision, boosters=(ProposedDay("maintenance", 4, date(2027, 3, 15)),)))
    row = booked.dose(4)
    assert (row.starts_wall, row.uid, row.sequence) == ("2027-03-15T09:00", uid, 1)


def test_a_course_that_is_not_there_is_not_found(booked: Booked) -> None:
    with pytest.raises(NotFound):
        booked.decide(Decision("move", ()), course_id=0)


def late(booked: Booked) -> Decision:
    rule = Conflict(Rule.OUTSIDE_WINDOW, "Outside the window.", appointment_id=booked.session(3).id)
    return Decision("move", (booked.move(booked.session(3), 14 * DAY_MINUTES),), overrides=(rule,))


def test_an_override_needs_a_reason(booked: Booked) -> None:
    for reasons in ({}, {Rule.OUTSIDE_WINDOW: " no "}, {Rule.OUTSIDE_WINDOW: "x" * 10_000}):
        with pytest.raises(FieldError) as refusal:
            booked.decide(late(booked), override_reasons=reasons)
        assert refusal.value.field == "reason"


@pytest.mark.parametrize("role", [Role.THERAPIST, Role.NURSE, Role.PATIENT, Role.ADMIN])
def test_an_override_needs_the_permission(booked: Booked, role: Role) -> None:
    principal = Principal(booked.clinic.account_id, frozenset({role}))
    with pytest.raises(NotPermitted):
        booked.decide(late(booked), override_reasons={Rule.OUTSIDE_WINDOW: "Travels"}, principal=principal)
    assert booked.session(3).version == 1


def test_an_override_has_a_row_of_its_own(booked: Booked) -> None:
    booked.decide(late(booked), override_reasons={Rule.OUTSIDE_WINDOW: " Travels until then "})
    row = booked.db.scalars(select(RuleOverride)).one()
    assert (row.rule, row.appointment_id) == (OverrideRule.OUTSIDE_WINDOW, booked.session(3).id)
    assert (row.reason, row.role) == ("Travels until then", "coordinator")


def test_a_rule_that_nobody_may_set_aside_is_refused(booked: Booked) -> None:
    past = Conflict(Rule.PAST, "That is over.")
    with pytest.raises(Refused):
        booked.decide(Decision("move", (), overrides=(past,)), override_reasons={Rule.PAST: "Because"})


def test_an_overlap_that_a_decision_sets_aside_is_held_twice_and_nothing_else(db: Session, booked: Booked) -> None:
    clinic: SmallClinic = booked.clinic
    other = booked_course(db, patient=1, clinic=clinic, chair=1)
    row, in_the_way = booked.session(1), other.session(1)
    after = replace(clinic.session(0, row.starts_at + timedelta(minutes=30), room=0, therapist=1), serves=1)
    overlap = Conflict(
        Rule.OVERLAP, "Test Therapist 2 is held.", starts_at=in_the_way.starts_at, ends_at=in_the_way.ends_at,
        holdable_id=clinic.therapists[1].holdable_id, appointment_id=in_the_way.id,
    )  # fmt: skip
    decision = Decision("move", (booked.line(LineKind.MOVED, row, after),))
    with pytest.raises(Refused):
        booked.decide(decision)
    booked.decide(replace(decision, overrides=(overlap,)), override_reasons={Rule.OVERLAP: "Group session"})
    override = db.scalars(select(RuleOverride)).one()
    assert (override.appointment_id, override.other_appointment_id) == (row.id, in_the_way.id)
    marked = db.scalars(select(Occupancy.holdable_id).where(Occupancy.override_id == override.id)).all()
    assert marked == [clinic.therapists[1].holdable_id]
