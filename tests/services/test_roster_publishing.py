"""Publishing a week: a version, with everything that follows for what is booked; taken back and undone as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.domain.rosters import RosterShift
from planner.domain.statuses import AppointmentKind, Mode
from planner.services.roster_drafts import draft_of, start_draft, take_published_as_base
from planner.services.roster_publishing import PublishDraft, Withdraw, preview_roster, publish_roster, version_of
from planner.services.roster_weeks import published_rows
from planner.services.rostering import add_shift, add_weekly_shifts
from planner.services.undoing_groups import undo_change
from planner.store.records import (
    Appointment,
    AuditEntry,
    ChangeSet,
    DraftShift,
    Occupancy,
    RosterDraft,
    RosterPublication,
)
from tests.builders import PERIODS, WEEKDAYS, at, coordinator, person, site
from tests.services.rostered import MONDAY, NOW, THURSDAY, Rostered, days_from, make_rostered

LATE = at("2027-01-29 12:04")


@pytest.fixture
def stage(db: Session) -> Rostered:
    return make_rostered(db)


def versions(stage: Rostered) -> list[tuple[int, bool]]:
    rows = stage.db.scalars(select(RosterPublication).order_by(RosterPublication.number))
    return [(row.number, row.is_withdrawal) for row in rows]


def test_more_shifts_change_nothing_that_is_booked(stage: Rostered) -> None:
    stage.start()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    before, rows = stage.everything(), {row.id for row in published_rows(stage.db, stage.clinic.site.id, "UTC", MONDAY)}
    preview = stage.preview()
    assert preview.courses.changes == () and len(preview.lines) == 1 and preview.number == 1
    made = stage.publish()
    assert made is not None and made.number == 1
    after = stage.everything()
    assert after[:2] == before[:2] and len(after[2]) == len(before[2]) + 1  # type: ignore[arg-type]
    assert rows < {row.id for row in published_rows(stage.db, stage.clinic.site.id, "UTC", MONDAY)}
    assert draft_of(stage.db, stage.clinic.site, MONDAY) is None
    assert stage.db.scalars(select(DraftShift)).all() == []


def test_taking_a_shift_from_under_a_session_opens_the_cascade(stage: Rostered) -> None:
    session = stage.session(3)
    day = date(2027, 2, 2)
    therapist = stage.clinic.r if session.therapist_id == stage.clinic.r.id else stage.clinic.k
    assert session.starts_at == at("2027-02-02 11:00")
    stage.start()
    stage.remove(therapist, day)
    before = stage.everything()
    preview = stage.preview()
    assert [change.course.id for change in preview.courses.changes] == [stage.course.id]
    assert stage.everything() == before, "a preview leaves nothing behind"
    made = stage.publish()
    assert made is not None
    moved = stage.session(3)
    assert (moved.therapist_id, moved.starts_at) != (therapist.id, at("2027-02-02 11:00"))
    assert not [s for s in stage.published() if s.person_id == therapist.id and s.day == day]
    undo_change(stage.db, stage.us, made.change_set_id or 0, NOW)
    assert stage.everything() == before
    assert versions(stage) == [(1, False), (2, True)]
    assert [s for s in stage.draft().shifts if s.person_id == therapist.id and s.day == day] == []


def test_a_dose_that_loses_its_only_prescriber_goes_to_another_day(stage: Rostered) -> None:
    stage.start()
    stage.remove(stage.clinic.prescriber, THURSDAY)
    stage.publish()
    assert stage.dose(4).starts_at.date() != THURSDAY


def test_a_second_prescriber_on_the_new_roster_keeps_the_dose(stage: Rostered) -> None:
    other = person(stage.db, stage.clinic.site, Role.PRESCRIBER, name="Test Prescriber Tansy")
    stage.start()
    stage.remove(stage.clinic.prescriber, THURSDAY)
    stage.put(RosterShift(THURSDAY, 9 * 60, 17 * 60, other.id))
    assert stage.preview().courses.changes == ()


def test_being_on_call_is_not_being_there(stage: Rostered) -> None:
    stage.start()
    prescriber = stage.clinic.prescriber.id
    [(row_id, shift)] = [(id_, s) for id_, s in stage.draft().rows if (s.person_id, s.day) == (prescriber, THURSDAY)]
    stage.put(replace(shift, on_call=True), instead_of=row_id)
    stage.publish()
    assert stage.dose(4).starts_at.date() != THURSDAY


def test_a_break_laid_over_a_session_moves_it(stage: Rostered) -> None:
    session = stage.session(3)
    therapist_id = session.therapist_id
    stage.start()
    [(row_id, shift)] = [
        (id_, s) for id_, s in stage.draft().rows
        if s.person_id == therapist_id and s.day == date(2027, 2, 2) and s.starts_minute == 540
    ]  # fmt: skip
    stage.put(
        RosterShift(shift.day, 540, 720, shift.person_id, break_starts_minute=660, break_ends_minute=690),
        instead_of=row_id,
    )
    preview = stage.preview()
    assert len(preview.courses.changes) == 1
    stage.publish()
    moved = stage.session(3)
    assert (moved.starts_at, moved.therapist_id) != (session.starts_at, therapist_id) or moved.starts_at != at(
        "2027-02-02 11:00"
    )


def test_a_draft_that_comes_back_to_what_is_published_publishes_nothing(stage: Rostered) -> None:
    stage.start()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    stage.remove(stage.clinic.r, date(2027, 2, 6))
    assert stage.preview().lines == ()
    before = stage.everything()
    assert stage.publish() is None
    assert stage.everything() == before
    assert (
        versions(stage) == []
        and stage.db.scalars(select(ChangeSet).where(ChangeSet.kind == "roster.publish")).all() == []
    )
    assert stage.db.scalars(select(RosterDraft)).all() == []


def test_a_draft_changed_since_it_was_seen_is_not_published(stage: Rostered) -> None:
    stage.start()
    act = stage.act()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    with pytest.raises(StaleVersion):
        stage.preview(act)


def test_what_was_published_since_the_draft_began_is_not_overwritten(stage: Rostered) -> None:
    stage.start()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    add_shift(stage.db, stage.clinic.k, stage.clinic.site, date(2027, 2, 6), "09:00", "12:00")
    with pytest.raises(StaleVersion):
        stage.preview()
    version = stage.draft().version
    take_published_as_base(stage.db, stage.us, seen_version=version, now=NOW, **stage.where)  # type: ignore[arg-type]
    assert {line.before is None for line in stage.preview().lines} == {True, False}


def test_what_was_booked_since_the_preview_is_not_passed_over(stage: Rostered) -> None:
    stage.start()
    stage.remove(stage.clinic.prescriber, THURSDAY)
    key = stage.preview().courses.key
    stage.dose(4).version += 1
    stage.db.flush()
    with pytest.raises(StaleVersion):
        publish_roster(stage.db, stage.us, stage.act(), key=key, now=NOW)
    assert versions(stage) == [] and stage.draft()


def test_a_pinned_appointment_refuses_and_says_whose_it_is(stage: Rostered) -> None:
    stage.dose(4).pinned = True
    stage.start()
    stage.remove(stage.clinic.prescriber, THURSDAY)
    with pytest.raises(Refused, match="pinned") as refused:
        stage.preview()
    assert refused.value.sentence.startswith(f"{stage.clinic.patient.code}: ")


def test_days_that_have_passed_keep_their_roster(stage: Rostered) -> None:
    stage.start()
    stage.remove(stage.clinic.r, *days_from(MONDAY, 7))
    wednesday = at("2027-02-03 08:00")
    stage.publish(now=wednesday)
    days = {shift.day for shift in stage.published() if shift.person_id == stage.clinic.r.id}
    assert days == {date(2027, 2, 1), date(2027, 2, 2)}


def test_taking_a_version_back_puts_the_roster_before_it_in_place(stage: Rostered) -> None:
    first = stage.published()
    stage.start()
    stage.remove(stage.clinic.k, date(2027, 2, 5))
    stage.publish()
    kept = stage.published()
    act = Withdraw(stage.clinic.site.id, MONDAY, 1)
    made = stage.publish(act, LATE)
    assert made is not None and stage.published() == first
    assert versions(stage) == [(1, False), (2, True)]
    assert version_of(stage.db, stage.clinic.site.id, MONDAY, 2).before_shifts == kept
    with pytest.raises(StaleVersion):
        stage.preview(act, LATE)
    undo_change(stage.db, stage.us, made.change_set_id or 0, LATE)
    assert stage.published() == kept
    assert versions(stage) == [(1, False), (2, True), (3, False)]


def test_taking_a_version_back_opens_the_cascade_too(stage: Rostered) -> None:
    """R holds a session on a Friday that only the version put R on."""
    r, k, session = stage.clinic.r, stage.clinic.k, stage.session(4)
    assert session.starts_at == at("2027-02-05 11:00") and session.therapist_id == k.id
    stage.start()
    stage.put(RosterShift(date(2027, 2, 5), 540, 1020, r.id))
    stage.publish()
    held = select(Occupancy).where(Occupancy.appointment_id == session.id, Occupancy.holdable_id == k.holdable_id)
    stage.db.scalars(held).one().holdable_id = r.holdable_id
    session.therapist_id = r.id
    stage.db.flush()
    stage.publish(Withdraw(stage.clinic.site.id, MONDAY, 1), LATE)
    assert (stage.session(4).therapist_id, stage.session(4).starts_at) == (k.id, at("2027-02-05 11:00"))


def test_undoing_ends_with_its_grace_time_and_with_the_next_version(stage: Rostered) -> None:
    stage.start()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    made = stage.publish()
    assert made is not None and made.change_set_id is not None
    with pytest.raises(Refused, match="can no longer be undone"):
        undo_change(stage.db, stage.us, made.change_set_id, LATE)
    add_shift(stage.db, stage.clinic.k, stage.clinic.site, date(2027, 2, 6), "09:00", "12:00")
    with pytest.raises(Refused, match="changed again since"):
        undo_change(stage.db, stage.us, made.change_set_id, NOW)
    with pytest.raises(NotFound):
        undo_change(stage.db, coordinator(stage.db, site(stage.db)), made.change_set_id, NOW)


def test_appointments_at_a_site_that_is_not_theirs_refuse(stage: Rostered) -> None:
    """Somebody by telehealth is needed at the other site, which this coordinator does not keep."""
    db, here = stage.db, stage.clinic
    video = person(db, here.site, name="Test Therapist Yarrow")
    add_weekly_shifts(db, video, None, WEEKDAYS, PERIODS[0], ("09:00", "17:00"), zone=here.site.zone)
    session = stage.session(3)
    session.therapist_id, session.room_id = video.id, None
    elsewhere = site(db)
    db.query(Appointment).filter_by(course_id=stage.course.id).update({"site_id": elsewhere.id})
    stage.course.site_id = elsewhere.id
    session.mode = Mode.TELEHEALTH
    db.flush()
    stage.start()
    stage.remove(video, session.starts_at.date())
    with pytest.raises(FieldError, match="Somebody who coordinates both sites"):
        stage.preview()


def test_only_who_keeps_the_roster_publishes(stage: Rostered) -> None:
    stage.start()
    nurse = Principal(1, frozenset({Role.NURSE}), site_ids=frozenset({stage.clinic.site.id}))
    stranger = coordinator(stage.db, site(stage.db))
    with pytest.raises(NotPermitted):
        preview_roster(stage.db, nurse, stage.act(), now=NOW)
    with pytest.raises(NotFound):
        preview_roster(stage.db, stranger, stage.act(), now=NOW)


def test_a_version_is_in_the_history_with_its_week_and_number(stage: Rostered) -> None:
    stage.start()
    stage.put(RosterShift(date(2027, 2, 6), 540, 720, stage.clinic.r.id))
    made = stage.publish()
    assert made is not None
    entry = stage.db.scalars(select(AuditEntry).where(AuditEntry.action == "roster.publish")).one()
    assert (entry.object_type, entry.object_id, entry.account_id) == (
        "roster_publication",
        made.id,
        stage.us.account_id,
    )
    assert entry.detail == {"site": stage.clinic.site.id, "week": "2027-02-01", "number": 1}


def test_a_week_that_is_over_is_neither_drafted_nor_published(stage: Rostered) -> None:
    stage.start()
    after = NOW + timedelta(days=10)
    with pytest.raises(FieldError, match="That week is over"):
        preview_roster(stage.db, stage.us, PublishDraft(stage.clinic.site.id, MONDAY, 1), now=after)
    with pytest.raises(FieldError, match="That week is over"):
        start_draft(
            stage.db, stage.us, site_id=stage.clinic.site.id, monday=MONDAY - timedelta(days=7), source="empty",
            now=at("2027-02-01 12:00"),
        )  # fmt: skip


def test_appointments_that_have_begun_stay(stage: Rostered) -> None:
    stage.start()
    stage.remove(stage.clinic.prescriber, date(2027, 2, 1), THURSDAY)
    preview = stage.preview(now=at("2027-02-01 09:45"))
    lines = [line for change in preview.courses.changes for line in change.decision.lines]
    touched = {line.before.id for line in lines if line.before is not None}
    assert stage.dose(3).id not in touched and stage.dose(4).id in touched
    assert stage.dose(3).kind is AppointmentKind.INFUSION
