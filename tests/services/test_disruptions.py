"""Closed days and absences: every course they touch is decided, applied and undone as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.domain.statuses import AppointmentKind, Mode
from planner.services.disruptions import (
    Away,
    DisruptionPreview,
    apply_disruption,
    preview_disruption,
)
from planner.services.rescheduling import Move, apply, preview
from planner.services.rostering import add_weekly_shifts
from planner.services.undoing_groups import undo_change
from planner.store.records import (
    Absence,
    Appointment,
    AuditEntry,
    CalendarVersion,
    ChangeSet,
    Closure,
    FeedScope,
    Occupancy,
    PersonSite,
    Shift,
)
from tests.builders import (
    DOSING_HOURS,
    PERIODS,
    WEEKDAYS,
    appointment,
    at,
    coordinator,
    patient,
    person,
    scenario_clinic,
    site,
    wall,
)
from tests.services.disrupted import (
    LATE,
    NOW,
    THURSDAY,
    Stage,
    booked,
    everything,
    second_course,
    second_nurse,
)


@pytest.fixture
def stage(db: Session) -> Stage:
    clinic = scenario_clinic(db)
    return Stage(db, clinic, booked(db, clinic, clinic.patient))


def take_chairs(stage: Stage, days: tuple[str, ...], chair_id: int) -> None:
    """Somebody else has one chair on these mornings."""
    from planner.store.records import Chair

    somebody = patient(stage.db, stage.clinic.site)
    for day in days:
        row = stage.db.get_one(Chair, chair_id)
        appointment(stage.db, somebody, at(f"{day} 09:30"), 145, kind=AppointmentKind.INFUSION, chair=row, turnover=15)


def slots_of(found: DisruptionPreview) -> list[tuple[int, int, int]]:
    """Everything that would be held anew."""
    return [held for c in found.changes for line in c.decision.lines if line.after for held in line.after.holds]


def overlaps(held: list[tuple[int, int, int]]) -> list[object]:
    return [
        (a, b) for at_a, a in enumerate(held) for b in held[at_a + 1 :] if a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
    ]


# Closed days


def test_two_courses_never_reach_for_the_one_slot_that_is_left(stage: Stage) -> None:
    other = second_course(stage)
    firsts = {stage.dose(4).chair_id, stage.dose(4, other).chair_id}
    assert len(firsts) == 2 and stage.dose(4, other).starts_at == stage.dose(4).starts_at
    for chair_id in firsts - {stage.dose(4).chair_id}:
        take_chairs(stage, ("2027-02-02", "2027-02-03", "2027-02-05"), chair_id)  # type: ignore[arg-type]
    found = stage.preview(stage.close())
    assert len(found.changes) == 2
    assert overlaps(slots_of(found)) == []
    alone = {
        change.course.id: [wall(line.after.start) for line in change.decision.lines if line.after][:1]
        for change in found.changes
    }
    assert alone[stage.course.id] != alone[other.id]
    before = everything(stage.db)
    group = stage.apply(stage.close())
    parts = stage.db.scalars(select(ChangeSet).where(ChangeSet.group_id == group.id)).all()
    assert {part.course_id for part in parts} == {stage.course.id, other.id}
    undo_change(stage.db, stage.us, group.id, NOW)
    assert everything(stage.db) == before


def test_a_way_out_for_one_course_is_chosen_by_course_and_dose(stage: Stage) -> None:
    friday = at("2027-02-05 00:00")
    act = Away(stage.clinic.k.id, friday, at("2027-02-06 00:00"))
    stage.apply(Away(stage.clinic.r.id, at("2027-02-03 00:00"), at("2027-02-12 00:00")))
    found = stage.preview(act)
    unsaved = [line for change in found.changes for line in change.decision.unsaved]
    assert found.unsaved == len(unsaved) > 0
    number = unsaved[0].ways_out[0].session.serves
    assert number is not None
    chosen = preview_disruption(stage.db, stage.us, act, now=NOW, choices={stage.course.id: {number: 0}})
    assert chosen.unsaved < found.unsaved
    assert chosen.key != found.key


def test_a_day_on_which_nothing_is_booked_is_closed_all_the_same(stage: Stage) -> None:
    act = stage.close(date(2027, 3, 3))
    assert stage.preview(act).changes == ()
    group = stage.apply(act)
    assert stage.db.scalars(select(Closure.reason).where(Closure.day == act.day)).one() == "burst pipe"
    undo_change(stage.db, stage.us, group.id, NOW)
    assert stage.db.scalars(select(Closure).where(Closure.day == act.day)).first() is None


def test_a_day_that_has_passed_or_is_closed_already_is_refused_at_its_field(stage: Stage) -> None:
    for day, words in ((date(2027, 1, 28), "passed"), (date(2027, 2, 15), "already closed")):
        with pytest.raises(FieldError, match=words) as refused:
            stage.preview(stage.close(day))
        assert refused.value.field == "day"


def test_a_pinned_appointment_refuses_and_says_whose_it_is(stage: Stage) -> None:
    stage.dose(4).pinned = True
    stage.db.flush()
    with pytest.raises(Refused, match="pinned") as refused:
        stage.preview(stage.close())
    assert refused.value.sentence.startswith(f"{stage.clinic.patient.code}: ")


def test_a_closed_day_leaves_video_sessions_from_elsewhere(stage: Stage) -> None:
    friday, session = date(2027, 2, 5), stage.session(4)
    assert session.starts_at == at("2027-02-05 11:00")
    video(stage, session)
    assert [change.decision.kind for change in stage.preview(stage.close(friday)).changes] == ["day.close"]
    mornings = select(Shift).where(
        Shift.person_id == stage.clinic.k.id, Shift.day == friday, Shift.starts_minute == 540
    )
    stage.db.scalars(mornings).one().site_id = None
    stage.db.flush()
    assert stage.preview(stage.close(friday)).changes == ()


def video(stage: Stage, session: Appointment) -> None:
    """Let a session in a room become one by video."""
    room = next(room for room in stage.clinic.rooms if room.id == session.room_id)
    held = stage.db.scalars(
        select(Occupancy).where(Occupancy.appointment_id == session.id, Occupancy.holdable_id == room.holdable_id)
    ).one()
    stage.db.delete(held)
    session.mode, session.room_id = Mode.TELEHEALTH, None
    stage.db.flush()


def test_the_closed_day_is_in_the_history_without_its_reason(stage: Stage) -> None:
    group = stage.apply(stage.close())
    entry = stage.db.scalars(
        select(AuditEntry).where(AuditEntry.change_set_id == group.id, AuditEntry.action == "day.close")
    ).one()
    assert (entry.object_type, entry.account_id) == ("closure", stage.us.account_id)
    assert "pipe" not in str(entry.detail)


# Absences


def test_another_nurse_takes_over_at_the_same_time(stage: Stage) -> None:
    nurse = second_nurse(stage)
    row, was = stage.dose(4), stage.dose(4).starts_at
    away_id = row.nurse_id
    other_id = {nurse.id, stage.clinic.nurse.id} - {away_id}
    stage.apply(Away(away_id or 0, at("2027-02-04 00:00"), at("2027-02-05 00:00")))
    row = stage.dose(4)
    assert row.starts_at == was
    assert {row.nurse_id} == other_id


def test_without_the_only_prescriber_no_infusion_is_given(stage: Stage) -> None:
    act = Away(stage.clinic.prescriber.id, at("2027-02-04 00:00"), at("2027-02-05 00:00"))
    stage.apply(act)
    assert stage.dose(4).starts_at.date() != THURSDAY


def test_a_second_prescriber_keeps_every_infusion_where_it_is(stage: Stage) -> None:
    other = person(stage.db, stage.clinic.site, Role.PRESCRIBER, name="Test Prescriber Tansy")
    for days in PERIODS:
        add_weekly_shifts(stage.db, other, stage.clinic.site, WEEKDAYS, days, DOSING_HOURS)
    act = Away(stage.clinic.prescriber.id, at("2027-02-04 00:00"), at("2027-02-05 00:00"))
    assert stage.preview(act).changes == ()


def test_an_absence_that_ends_as_a_session_begins_does_not_touch_it(stage: Stage) -> None:
    session = stage.session(3)
    act = Away(session.therapist_id or 0, at("2027-02-02 09:00"), session.starts_at)
    assert stage.preview(act).changes == ()
    longer = replace(act, ends_at=at("2027-02-02 11:01"))
    assert len(stage.preview(longer).changes) == 1


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [
        ("2027-02-04 12:00", "2027-02-04 12:00", "ends"),
        ("2027-02-04 12:00", "2027-02-04 09:00", "ends"),
        ("2027-01-20 09:00", "2027-01-20 12:00", "ends"),
    ],
)
def test_an_absence_of_no_length_or_in_the_past_is_refused_at_its_field(
    stage: Stage, starts: str, ends: str, field: str
) -> None:
    with pytest.raises(FieldError) as refused:
        stage.preview(Away(stage.clinic.r.id, at(starts), at(ends)))
    assert refused.value.field == field


def test_somebody_who_is_away_already_is_not_put_away_again(stage: Stage) -> None:
    act = Away(stage.clinic.r.id, at("2027-02-02 00:00"), at("2027-02-03 00:00"))
    stage.apply(act)
    with pytest.raises(FieldError, match="already away"):
        stage.preview(replace(act, starts_at=at("2027-02-02 09:00")))
    longer = replace(act, ends_at=at("2027-02-04 00:00"))
    with pytest.raises(FieldError, match=r"from Tue 2 Feb 2027 00:00 to Wed 3 Feb 2027 00:00\. Change that"):
        stage.preview(longer)
    stage.preview(replace(longer, may_overlap=True))


def test_an_absence_wakes_the_calendar_of_who_is_away_and_so_does_its_undoing(stage: Stage) -> None:
    key = (FeedScope.THERAPIST, stage.clinic.r.id)

    def version() -> int:
        row = stage.db.get(CalendarVersion, key, populate_existing=True)
        return row.version if row else 0

    before = version()
    group = stage.apply(Away(stage.clinic.r.id, at("2027-03-20 00:00"), at("2027-03-21 00:00")))
    after = version()
    undo_change(stage.db, stage.us, group.id, NOW)
    assert before < after < version()


# Keys, rights and undoing


def test_a_preview_that_is_out_of_date_is_not_applied(stage: Stage) -> None:
    act = stage.close()
    key = stage.preview(act).key
    move = Move(stage.dose(6).id, at("2027-02-12 09:30"))
    apply(stage.db, stage.us, move, key=preview(stage.db, stage.us, move, now=NOW).key, now=NOW)
    with pytest.raises(StaleVersion):
        apply_disruption(stage.db, stage.us, act, key=key, now=NOW)
    assert stage.db.scalars(select(Closure).where(Closure.day == act.day)).first() is None


def test_a_nurse_may_not_close_a_day(stage: Stage) -> None:
    nurse = replace(stage.us, roles=frozenset({Role.NURSE}))
    with pytest.raises(NotPermitted):
        stage.preview(stage.close(), who=nurse)


def test_another_sites_coordinator_finds_neither_site_nor_person(stage: Stage) -> None:
    stranger = coordinator(stage.db, site(stage.db))
    for act in (stage.close(), Away(stage.clinic.r.id, at("2027-02-02 00:00"), at("2027-02-03 00:00"))):
        with pytest.raises(NotFound):
            stage.preview(act, who=stranger)


def test_appointments_at_a_site_that_is_not_theirs_are_not_changed(stage: Stage) -> None:
    elsewhere = site(stage.db)
    stage.db.add(PersonSite(person_id=stage.clinic.r.id, site_id=elsewhere.id))
    stage.db.flush()
    neighbour = coordinator(stage.db, elsewhere)
    act = Away(stage.clinic.r.id, at("2027-02-02 00:00"), at("2027-02-03 00:00"))
    with pytest.raises(FieldError, match=stage.clinic.site.name) as refused:
        stage.preview(act, who=neighbour)
    assert refused.value.field == "person"


def test_it_is_undone_once_and_in_time(stage: Stage) -> None:
    before = everything(stage.db)
    group = stage.apply(stage.close())
    with pytest.raises(Refused, match="no longer"):
        undo_change(stage.db, stage.us, group.id, LATE)
    undo_change(stage.db, stage.us, group.id, NOW)
    assert everything(stage.db) == before
    with pytest.raises(Refused, match="already"):
        undo_change(stage.db, stage.us, group.id, NOW)


def test_undoing_one_course_of_it_undoes_all_of_it(stage: Stage) -> None:
    group = stage.apply(stage.close())
    part = stage.db.scalars(select(ChangeSet).where(ChangeSet.group_id == group.id)).one()
    undo_change(stage.db, stage.us, part.id, NOW)
    assert stage.db.scalars(select(Closure).where(Closure.day == THURSDAY)).first() is None


def test_a_later_change_of_one_course_keeps_the_whole_from_being_undone(stage: Stage) -> None:
    group = stage.apply(stage.close())
    move = Move(stage.dose(4).id, at("2027-02-03 09:30"))
    if stage.dose(4).starts_at == move.start:
        move = replace(move, start=at("2027-02-05 09:30"))
    apply(stage.db, stage.us, move, key=preview(stage.db, stage.us, move, now=NOW).key, now=NOW)
    after = everything(stage.db)
    with pytest.raises(Refused, match="changed again"):
        undo_change(stage.db, stage.us, group.id, NOW)
    assert everything(stage.db) == after
    assert stage.db.scalars(select(Closure).where(Closure.day == THURSDAY)).one()


def test_who_may_undo_a_closed_day_that_moved_nothing(stage: Stage) -> None:
    group = stage.apply(stage.close(date(2027, 3, 3)))
    with pytest.raises(NotFound):
        undo_change(stage.db, coordinator(stage.db, site(stage.db)), group.id, NOW)
    colleague = coordinator(stage.db, stage.clinic.site)
    with pytest.raises(NotPermitted):
        undo_change(stage.db, replace(colleague, roles=frozenset({Role.NURSE})), group.id, NOW)
    undo_change(stage.db, colleague, group.id, NOW)


def test_who_may_undo_an_absence_that_moved_nothing(stage: Stage) -> None:
    group = stage.apply(Away(stage.clinic.r.id, at("2027-03-20 00:00"), at("2027-03-21 00:00")))
    with pytest.raises(NotFound):
        undo_change(stage.db, coordinator(stage.db, site(stage.db)), group.id, NOW)
    undo_change(stage.db, coordinator(stage.db, stage.clinic.site), group.id, NOW)
    assert stage.db.scalars(select(Absence)).first() is None
