"""Booking a course: everything or nothing, and the database has the last word."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError, NotFound, Refused
from planner.domain.statuses import AppointmentKind, AppointmentStatus, CourseStatus
from planner.scheduling.placements import CourseProposal, ProposedDay
from planner.services.alternatives import blocked_placements, free_alternatives
from planner.services.booking import book_course
from planner.services.undoing import undo
from planner.store.records import (
    Appointment,
    AuditEntry,
    CalendarVersion,
    ChangeLine,
    ChangeSet,
    Course,
    FeedScope,
    Occupancy,
    Patient,
)
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic, proposal

DAY = timedelta(days=1)
MORNING = datetime(2027, 1, 11, 15, 0, tzinfo=UTC)


def course_of(clinic: SmallClinic, patient: int = 0, *, doses: int = 2, chair: int = 0) -> CourseProposal:
    """Doses a week apart, each with a session the day after; a preparation before and one booster after."""
    placements = [
        clinic.session(patient, MORNING - 3 * DAY, serves=None, kind=AppointmentKind.PREPARATION),
    ]
    for number in range(1, doses + 1):
        start = MORNING + 7 * DAY * (number - 1)
        placements.append(clinic.infusion(patient, start, number=number, chair=chair))
        placements.append(clinic.session(patient, start + DAY, number=number, serves=number))
    return proposal(placements, [ProposedDay("maintenance", doses + 1, date(2027, 3, 22))])


def book(db: Session, clinic: SmallClinic, plan: CourseProposal, patient: int = 0, **more: object) -> Course:
    return book_course(
        db, clinic.coordinator, patient_id=clinic.patients[patient].id, protocol_version_id=clinic.version_id,
        site_id=clinic.site_id, wishes={"weekdays": [0]}, proposal=plan, now=NOW, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def appointments(db: Session, course: Course) -> list[Appointment]:
    return list(
        db.scalars(select(Appointment).where(Appointment.course_id == course.id).order_by(Appointment.starts_at))
    )


def count(db: Session, record: type) -> int:
    return db.scalars(select(func.count()).select_from(record)).one()


@pytest.fixture
def clinic(db: Session) -> SmallClinic:
    return make_small_clinic(db)


def test_a_booked_course_has_each_appointment_with_what_it_holds(db: Session, clinic: SmallClinic) -> None:
    plan = course_of(clinic)
    course = book(db, clinic, plan)
    assert course.status is CourseStatus.ACTIVE
    assert course.wishes == {"weekdays": [0]}
    booked = [row for row in appointments(db, course) if row.status is AppointmentStatus.BOOKED]
    assert [(row.kind, row.number) for row in booked] == [(p.kind, p.number) for p in plan.placements]
    held = db.execute(select(Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at)).all()
    assert len(held) == sum(len(p.holds) for p in plan.placements)
    infusions = {row.number: row.id for row in booked if row.kind is AppointmentKind.INFUSION}
    sessions = [row for row in booked if row.kind is AppointmentKind.INTEGRATION]
    assert [row.serves_id for row in sessions] == [infusions[1], infusions[2]]


def test_what_was_agreed_is_kept_as_wall_time_with_its_zone(db: Session, clinic: SmallClinic) -> None:
    row = appointments(db, book(db, clinic, course_of(clinic)))[1]
    assert (row.starts_wall, row.zone, row.starts_at) == ("2027-01-11T09:00", "America/Chicago", MORNING)
    assert row.tzdata_version


def test_every_appointment_has_a_calendar_id_of_its_own_at_a_neutral_host(db: Session, clinic: SmallClinic) -> None:
    rows = appointments(db, book(db, clinic, course_of(clinic), uid_host="calendar.example"))
    assert len({row.uid for row in rows}) == len(rows)
    assert {row.uid.split("@")[1] for row in rows} == {"calendar.example"}


def test_boosters_are_proposed_and_hold_nothing(db: Session, clinic: SmallClinic) -> None:
    [row] = [r for r in appointments(db, book(db, clinic, course_of(clinic))) if r.phase == "maintenance"]
    assert row.status is AppointmentStatus.PROPOSED
    # The same wall time as the last dose, on the other side of the clock change.
    assert row.starts_wall == "2027-03-22T09:00"
    assert row.span.minutes == 150
    assert db.scalars(select(Occupancy.id).where(Occupancy.appointment_id == row.id)).all() == []


def test_booking_leaves_one_line_of_history_and_wakes_the_calendars(db: Session, clinic: SmallClinic) -> None:
    course = book(db, clinic, course_of(clinic))
    [entry] = db.scalars(select(AuditEntry)).all()
    assert (entry.action, entry.object_id, entry.patient_id) == ("course.book", course.id, clinic.patients[0].id)
    woken = {(row.scope, row.subject_id) for row in db.scalars(select(CalendarVersion))}
    assert {
        (FeedScope.PATIENT, clinic.patients[0].id),
        (FeedScope.THERAPIST, clinic.therapists[0].id),
        (FeedScope.CHAIR, clinic.chairs[0].id),
        (FeedScope.SITE, clinic.site_id),
    } <= woken


def test_when_one_of_many_is_taken_nothing_is_booked(db: Session, clinic: SmallClinic) -> None:
    # The other patient has the chair at the time of the fifth dose: the ninth placement after the preparation.
    other = [clinic.infusion(1, MORNING + 28 * DAY + timedelta(hours=1))]
    book(db, clinic, proposal(other), patient=1)
    before = {record: count(db, record) for record in (Course, Appointment, Occupancy, ChangeSet, AuditEntry)}
    plan = course_of(clinic, doses=6)
    with pytest.raises(Refused) as refusal:
        book(db, clinic, plan)
    assert {record: count(db, record) for record in before} == before
    assert {conflict.rule for conflict in refusal.value.conflicts} == {Rule.OVERLAP}
    assert blocked_placements(plan.placements, refusal.value.conflicts) == (plan.placements[9],)


def test_a_refusal_names_who_is_in_the_way_and_when_in_the_sites_time(db: Session, clinic: SmallClinic) -> None:
    book(db, clinic, proposal([clinic.infusion(1, MORNING)]), patient=1)
    with pytest.raises(Refused) as refusal:
        book(db, clinic, proposal([clinic.infusion(0, MORNING + timedelta(hours=2))]))
    assert "Chair 1 is already held on Mon 11 Jan 2027 from 09:00 to 12:00 (America/Chicago)" in str(refusal.value)
    assert "Test Nurse Rowan is already held" in str(refusal.value)
    assert "Test Patient" not in str(refusal.value)


def test_a_plan_that_holds_something_twice_is_refused(db: Session, clinic: SmallClinic) -> None:
    start = MORNING + timedelta(hours=1)
    plan = proposal([clinic.infusion(0, MORNING), clinic.session(0, start)])
    with pytest.raises(Refused, match="by this very plan"):
        book(db, clinic, plan)
    assert count(db, Course) == 0


def test_spans_that_touch_do_not_clash(db: Session, clinic: SmallClinic) -> None:
    book(db, clinic, proposal([clinic.infusion(1, MORNING)]), patient=1)
    book(db, clinic, proposal([clinic.infusion(0, MORNING + timedelta(minutes=180))]))


def test_a_patient_has_one_open_course(db: Session, clinic: SmallClinic) -> None:
    book(db, clinic, course_of(clinic))
    with pytest.raises(FieldError) as refusal:
        book(db, clinic, proposal([clinic.infusion(0, MORNING + 90 * DAY)]))
    assert refusal.value.field == "patient"
    assert count(db, Course) == 1


def test_a_patient_who_left_is_not_booked(db: Session, clinic: SmallClinic) -> None:
    patient = db.get_one(Patient, clinic.patients[0].id)
    patient.active = False
    with pytest.raises(FieldError):
        book(db, clinic, course_of(clinic))


def test_what_does_not_exist_is_not_found(db: Session, clinic: SmallClinic) -> None:
    placements = course_of(clinic).placements
    elsewhere = proposal([replace(p, site_id=0) for p in placements])
    with pytest.raises(NotFound):
        book(db, clinic, elsewhere)
    with pytest.raises(NotFound):
        book_course(
            db, clinic.coordinator, patient_id=0, protocol_version_id=clinic.version_id, site_id=clinic.site_id,
            wishes={}, proposal=proposal(placements), now=NOW,
        )  # fmt: skip
    with pytest.raises(NotFound):
        book_course(
            db, clinic.coordinator, patient_id=clinic.patients[0].id, protocol_version_id=0,
            site_id=clinic.site_id, wishes={}, proposal=proposal(placements), now=NOW,
        )  # fmt: skip


@pytest.mark.parametrize("fault", ["no dose", "a dose twice", "serves no dose", "holds nothing"])
def test_a_plan_that_does_not_fit_together_is_refused(db: Session, clinic: SmallClinic, fault: str) -> None:
    dose, session = clinic.infusion(0, MORNING), clinic.session(0, MORNING + DAY)
    plans = {
        "no dose": [replace(session, serves=None)],
        "a dose twice": [dose, clinic.infusion(0, MORNING + 2 * DAY)],
        "serves no dose": [dose, replace(session, serves=4)],
        "holds nothing": [dose, replace(session, holds=())],
    }
    with pytest.raises(FieldError) as refusal:
        book(db, clinic, proposal(plans[fault]))
    assert refusal.value.field == "proposal"


def test_a_plan_that_time_has_passed_is_refused(db: Session, clinic: SmallClinic) -> None:
    with pytest.raises(Refused) as refusal:
        book(db, clinic, proposal([clinic.infusion(0, NOW - timedelta(minutes=15))]))
    assert [conflict.rule for conflict in refusal.value.conflicts] == [Rule.PAST]


def test_a_booking_can_be_undone(db: Session, clinic: SmallClinic) -> None:
    course = book(db, clinic, course_of(clinic), undo_minutes=3)
    [change_set] = db.scalars(select(ChangeSet)).all()
    undo(db, clinic.coordinator, change_set.id, NOW + timedelta(minutes=3))
    assert appointments(db, course) == []
    assert count(db, Occupancy) == 0
    assert course.status is CourseStatus.REVOKED
    # What it was is still told: the lines of the undoing hold every row that went.
    gone = [line for line in db.scalars(select(ChangeLine)) if line.before is not None and line.after is None]
    assert len(gone) == 6
    # And the patient may be booked again.
    book(db, clinic, course_of(clinic))


def test_who_comes_second_is_told_the_nearest_free_times(db: Session, clinic: SmallClinic) -> None:
    book(db, clinic, proposal([clinic.infusion(1, MORNING)]), patient=1)
    wanted = clinic.infusion(0, MORNING)
    starts = free_alternatives(db, wanted, NOW, most=4)
    # 12:00 is the first the chair allows after its turnover; a start before would run into 09:00.
    assert starts[0] == MORNING + timedelta(minutes=180)
    assert starts == tuple(MORNING + timedelta(minutes=180 + 15 * n) for n in range(4))
    for start in starts:
        assert start >= NOW


def test_free_times_keep_to_opening_hours_and_the_future(db: Session, clinic: SmallClinic) -> None:
    now = MORNING + timedelta(hours=10)
    starts = free_alternatives(db, clinic.infusion(0, MORNING), now, most=500)
    assert min(starts) == MORNING + DAY - timedelta(hours=2)
    assert all(7 <= (start - timedelta(hours=6)).hour < 20 for start in starts)
