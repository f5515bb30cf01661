"""Patients, requests and courses as sheets."""

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, CourseStatus, Mode
from planner.scheduling.sheets import ClinicSheet
from planner.services.rostering import add_patient_absence, set_availability
from planner.store.records import Appointment, Course, Encounter
from planner.store.sheets import (
    Wishes,
    load_clinic,
    load_course,
    load_courses_touching,
    load_patient,
    load_request,
)
from tests import builders
from tests.builders import NOW, ScenarioClinic, at, counted_queries, minute, wall

MONDAY, SUNDAY = date(2027, 1, 25), date(2027, 1, 31)


def sheet_of(db: Session, c: ScenarioClinic) -> ClinicSheet:
    return load_clinic(db, c.site.id, MONDAY, SUNDAY, NOW)


def booked_course(db: Session, c: ScenarioClinic, patient=None, doses: int = 1) -> tuple[Course, list[Appointment]]:
    """`doses` weekly infusions from Monday 25 January on, each with its session on the day after."""
    course = builders.course(db, patient or c.patient, c.version)
    made = []
    for number in range(doses):
        start = at("2027-01-25 09:30") + timedelta(weeks=number)
        infusion = builders.appointment(
            db, patient or c.patient, start, 130, kind=AppointmentKind.INFUSION, course=course,
            number=number + 1, chair=c.chair, turnover=15,
        )  # fmt: skip
        session = builders.appointment(
            db, patient or c.patient, start + timedelta(hours=25, minutes=30), course=course,
            number=number + 1, serves=infusion, therapist=c.r, room=c.rooms[0],
        )  # fmt: skip
        made += [infusion, session]
    return course, made


def test_a_patient_who_said_nothing_can_come_at_any_time(db: Session) -> None:
    c = builders.scenario_clinic(db)
    sheet = load_patient(db, c.patient.id, sheet_of(db, c))
    assert sheet.available is None
    assert sheet.modes == (Mode.IN_PERSON, Mode.TELEHEALTH)
    assert (sheet.primary_therapist_id, sheet.preferred_from, sheet.preferred_to) == (c.r.id, 0, 1440)


def test_weekly_times_without_absences_say_when_a_patient_can_come(db: Session) -> None:
    c = builders.scenario_clinic(db)
    set_availability(db, c.patient, {0: [("08:00", "12:00")], 2: [("08:00", "12:00"), ("11:00", "13:00")]})
    add_patient_absence(db, c.patient, at("2027-01-25 09:00"), at("2027-01-25 10:00"))
    available = load_patient(db, c.patient.id, sheet_of(db, c)).available
    assert available is not None
    assert [(wall(a)[4:], wall(b)[-5:]) for a, b in available] == [
        ("2027-01-25 08:00", "09:00"),
        ("2027-01-25 10:00", "12:00"),
        ("2027-01-27 08:00", "13:00"),
    ]


def test_an_absence_alone_is_cut_out_of_all_the_days(db: Session) -> None:
    c = builders.scenario_clinic(db)
    add_patient_absence(db, c.patient, at("2027-01-26 00:00"), at("2027-01-27 00:00"))
    available = load_patient(db, c.patient.id, sheet_of(db, c)).available
    assert available == (
        (minute("2027-01-25 00:00"), minute("2027-01-26 00:00")),
        (minute("2027-01-27 00:00"), minute("2027-02-01 00:00")),
    )


def test_a_request_knows_the_preparation_already_held(db: Session) -> None:
    c = builders.scenario_clinic(db)
    builders.appointment(
        db, c.patient, at("2027-01-22 09:00"), kind=AppointmentKind.PREPARATION, status=AppointmentStatus.CANCELLED
    )
    wishes = Wishes(earliest_day=MONDAY, weekdays=frozenset({0, 3}), therapist_ids=frozenset({c.r.id}))
    with counted_queries(db) as said:
        clinic = sheet_of(db, c)
        said.clear()
        request = load_request(db, c.patient.id, c.version.id, wishes, clinic)
    assert len(said) == 6
    assert request.preparation_days == (date(2027, 1, 20),)
    assert (request.protocol.slug, request.weekdays) == ("iv-racemic-twice-weekly", frozenset({0, 3}))
    assert request.therapist_ids == frozenset({c.r.id})


def test_wishes_come_back_from_json_as_they_were(db: Session) -> None:
    wishes = Wishes(MONDAY, SUNDAY, frozenset({1, 4}), frozenset({7}), frozenset({1, 4}))
    assert Wishes.from_json(wishes.to_json(), SUNDAY) == wishes
    assert Wishes.from_json({}, SUNDAY) == Wishes(SUNDAY)


def test_a_course_comes_with_what_each_appointment_holds_and_the_real_end_of_a_dose(db: Session) -> None:
    c = builders.scenario_clinic(db)
    course, (infusion, _session) = booked_course(db, c)
    db.add(
        Encounter(
            appointment_id=infusion.id,
            dose_started_at=at("2027-01-25 10:00"),
            dose_ended_at=at("2027-01-25 11:30"),
            recorded_at=NOW,
        )
    )
    db.flush()
    sheet = load_course(db, course.id, NOW)
    first, second = sheet.appointments
    assert (first.id, first.dose_end, first.chair_id) == (infusion.id, minute("2027-01-25 11:30"), c.chair.id)
    assert (second.serves_id, second.dose_end, second.therapist_id) == (infusion.id, None, c.r.id)
    assert (c.chair.holdable_id, minute("2027-01-25 09:30"), minute("2027-01-25 11:55")) in first.holds
    assert sheet.names[c.r.holdable_id] == "R"
    assert sheet.names[c.patient.holdable_id] == c.patient.code
    assert sheet.pattern == frozenset({0})
    assert sheet.request.preparation_days == (date(2027, 1, 20),)


def test_the_courses_own_bookings_count_as_free_and_others_do_not(db: Session) -> None:
    c = builders.scenario_clinic(db)
    course, _ = booked_course(db, c)
    other = builders.patient(db, c.site)
    builders.appointment(db, other, at("2027-01-27 09:30"), 130, kind=AppointmentKind.INFUSION, chair=c.chair)
    sheet = load_course(db, course.id, NOW)
    assert [wall(start)[4:] for start, _ in sheet.clinic.chairs[0].busy] == ["2027-01-27 09:30"]
    assert all(instant_of(start) < at("2027-01-21 00:00") for start, _ in sheet.request.patient.busy)


def test_a_course_takes_as_many_queries_with_one_dose_as_with_six(db: Session) -> None:
    c = builders.scenario_clinic(db)
    small, _ = booked_course(db, c)
    with counted_queries(db) as few:
        load_course(db, small.id, NOW)
    small.status = CourseStatus.COMPLETED
    large, _made = booked_course(db, c, builders.patient(db, c.site, c.k), doses=0)
    for week in range(6):
        builders.appointment(
            db, c.patient, at("2027-01-27 09:30") + timedelta(weeks=week), 130, course=large,
            kind=AppointmentKind.INFUSION, number=week + 1, chair=c.chair,
        )  # fmt: skip
    with counted_queries(db) as many:
        sheet = load_course(db, large.id, NOW)
    assert len(sheet.appointments) == 6
    assert len(few) == len(many) == 19


def test_the_supply_reaches_six_weeks_behind_the_last_appointment(db: Session) -> None:
    c = builders.scenario_clinic(db)
    course, _ = booked_course(db, c, doses=2)
    clinic = load_course(db, course.id, NOW).clinic
    assert (clinic.first_day, clinic.last_day) == (date(2027, 1, 18), date(2027, 3, 16))


def test_an_unknown_course_is_not_found(db: Session) -> None:
    with pytest.raises(NotFound):
        load_course(db, 999_999, NOW)


def test_courses_touched_by_a_day_or_a_person_are_the_same_sheets_as_alone(db: Session) -> None:
    c = builders.scenario_clinic(db)
    c.r.most_sessions_a_day = 4
    course, _ = booked_course(db, c)
    other = builders.patient(db, c.site, c.r)
    builders.appointment(db, other, at("2027-01-26 14:00"), therapist=c.r, room=c.rooms[0])
    quiet = builders.course(db, builders.patient(db, c.site, c.k), c.version)
    by_day = load_courses_touching(db, MONDAY, MONDAY, NOW, site_id=c.site.id)
    by_person = load_courses_touching(db, MONDAY, date(2027, 1, 26), NOW, person_id=c.r.id)
    assert [sheet.id for sheet in by_day] == [sheet.id for sheet in by_person] == [course.id]
    assert by_day[0] == load_course(db, course.id, NOW)
    sessions = {person.id: person.sessions for person in by_day[0].clinic.therapists}
    assert minute("2027-01-26 14:00") in sessions[c.r.id]
    assert minute("2027-01-26 11:00") not in sessions[c.r.id], "the course's own"
    assert load_courses_touching(db, MONDAY, MONDAY, NOW, person_id=c.r.id) == ()
    assert quiet.id not in [sheet.id for sheet in by_day]
