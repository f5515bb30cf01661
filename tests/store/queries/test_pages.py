"""What pages read: only what the reader may see, and as many queries for fifty rows as for one."""

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role
from planner.domain.errors import NotFound
from planner.domain.statuses import AppointmentKind, AppointmentStatus, CourseStatus, Mode
from planner.services.auditing import record
from planner.services.places import close_day
from planner.services.publishing import CONSENT_VERSION, create_feed, revoke_feed
from planner.services.rostering import add_days_off
from planner.store.queries import appointments, clinic, courses, day, feeds, history, people, rosters
from planner.store.records import (
    Course,
    Encounter,
    FeedScope,
    OverrideRule,
    PlanDraft,
    RuleOverride,
)
from tests import builders
from tests.builders import CHICAGO, NOW, ScenarioClinic, at, counted_queries

TUESDAY = date(2027, 1, 26)


@pytest.fixture
def c(db: Session) -> ScenarioClinic:
    return builders.scenario_clinic(db, prepared=False)


def running(db: Session, c: ScenarioClinic, patient=None, hour: int = 11, week: int = 0) -> Course:
    """A course with one infusion on a Monday and its session on the Tuesday after."""
    patient = patient or c.patient
    course = builders.course(db, patient, c.version)
    start = at("2027-01-25 09:30") + timedelta(weeks=week)
    infusion = builders.appointment(
        db, patient, start, 130, kind=AppointmentKind.INFUSION, course=course, chair=c.chair, turnover=15
    )
    builders.appointment(
        db, patient, at(f"2027-01-26 {hour}:00") + timedelta(weeks=week), course=course, serves=infusion,
        therapist=c.r, room=c.rooms[0],
    )  # fmt: skip
    return course


def as_therapist(db: Session, c: ScenarioClinic, person) -> Principal:
    account = builders.account(db, Role.THERAPIST, person=person, sites=[c.site])
    return builders.principal(account, Role.THERAPIST, sites=[c.site])


def as_patient(db: Session, patient) -> Principal:
    return builders.principal(builders.account(db, Role.PATIENT, patient=patient), Role.PATIENT)


def test_a_course_in_a_list_says_how_far_it_is(db: Session, c: ScenarioClinic) -> None:
    course = running(db, c)
    (row,) = courses.courses(db, c.coordinator, NOW)
    assert (row.id, row.patient_code, row.protocol_slug) == (course.id, c.patient.code, "iv-racemic-twice-weekly")
    assert (row.doses, row.doses_given, row.therapist_name) == (1, 0, "R")
    assert (row.next_kind, row.next_starts_at) == (AppointmentKind.INFUSION, at("2027-01-25 09:30"))
    assert row.ends_at == at("2027-01-26 11:50")
    later = courses.course(db, c.coordinator, course.id, at("2027-01-26 10:00"))
    assert later.next_kind is AppointmentKind.INTEGRATION


def test_lists_can_be_narrowed(db: Session, c: ScenarioClinic) -> None:
    running(db, c)
    done = running(db, c, builders.patient(db, c.site), hour=13, week=1)
    done.status = CourseStatus.COMPLETED
    db.flush()
    assert len(courses.courses(db, c.coordinator, NOW)) == 1
    assert len(courses.courses(db, c.coordinator, NOW, statuses=list(CourseStatus))) == 2
    assert len(courses.courses(db, c.coordinator, NOW, site_id=c.site.id)) == 1
    assert courses.courses(db, c.coordinator, NOW, site_id=builders.site(db).id) == []
    assert courses.courses(db, c.coordinator, NOW, therapist_id=builders.person(db, c.site).id) == []


def test_each_role_sees_its_own_courses_and_dates(db: Session, c: ScenarioClinic) -> None:
    course = running(db, c)
    other_site = builders.site(db)
    stranger = builders.coordinator(db, other_site)
    theirs, not_theirs = as_therapist(db, c, c.r), as_therapist(db, c, c.k)
    own, other = as_patient(db, c.patient), as_patient(db, builders.patient(db, c.site))
    for principal in (c.coordinator, theirs, own):
        assert courses.course(db, principal, course.id, NOW).id == course.id
        assert len(appointments.of_course(db, principal, course.id)) == 2
    for principal in (stranger, not_theirs, other):
        assert courses.courses(db, principal, NOW) == []
        assert appointments.of_course(db, principal, course.id) == []
        with pytest.raises(NotFound):
            courses.course(db, principal, course.id, NOW)
        with pytest.raises(NotFound):
            history.course_history(db, principal, course.id)


def test_one_appointment_comes_with_its_names(db: Session, c: ScenarioClinic) -> None:
    running(db, c)
    infusion, session = appointments.of_patient(db, c.coordinator, c.patient.id)
    db.add(
        Encounter(
            appointment_id=infusion.id,
            dose_started_at=at("2027-01-25 10:00"),
            dose_ended_at=at("2027-01-25 10:45"),
            recorded_at=NOW,
        )
    )
    db.flush()
    row = appointments.appointment(db, c.coordinator, infusion.id)
    assert (row.chair_name, row.therapist_name, row.zone) == (c.chair.name, None, CHICAGO)
    assert row.dose_ended_at == at("2027-01-25 10:45")
    row = appointments.appointment(db, c.coordinator, session.id, Permission.INTEGRATION_CHANGE)
    assert (row.serves_number, row.therapist_name, row.room_name) == (1, "R", c.rooms[0].name)
    with pytest.raises(NotFound):
        appointments.appointment(db, as_therapist(db, c, c.k), session.id)
    assert len(appointments.of_patient(db, c.coordinator, c.patient.id, since=at("2027-01-26 00:00"))) == 1


def test_a_patients_upcoming_dates_are_booked_and_not_over(db: Session, c: ScenarioClinic) -> None:
    running(db, c)
    builders.appointment(db, c.patient, at("2027-02-01 11:00"), status=AppointmentStatus.CANCELLED)
    principal = as_patient(db, c.patient)
    assert [row.kind for row in appointments.upcoming(db, principal, at("2027-01-25 09:45"))] == [
        AppointmentKind.INFUSION,
        AppointmentKind.INTEGRATION,
    ]
    assert appointments.upcoming(db, principal, at("2027-01-26 11:50")) == []
    assert appointments.upcoming(db, c.coordinator, NOW) == []


def test_a_therapists_day_and_a_sites_day(db: Session, c: ScenarioClinic) -> None:
    running(db, c)
    builders.appointment(db, builders.patient(db, c.site), at("2027-01-26 09:00"), therapist=c.k, mode=Mode.TELEHEALTH)
    assert [row.therapist_name for row in day.therapist_day(db, as_therapist(db, c, c.r), TUESDAY, CHICAGO)] == ["R"]
    assert day.therapist_day(db, c.coordinator, TUESDAY, CHICAGO) == []
    assert [row.therapist_name for row in day.site_day(db, c.coordinator, c.site.id, TUESDAY, CHICAGO)] == ["K", "R"]
    assert day.site_day(db, c.coordinator, c.site.id, date(2027, 1, 27), CHICAGO) == []


def test_chairs_of_a_day_include_the_free_ones(db: Session, c: ScenarioClinic) -> None:
    running(db, c)
    free = builders.chair(db, c.site)
    chairs = {row.chair_id: row for row in day.chairs_day(db, c.coordinator, date(2027, 1, 25), CHICAGO)}
    assert [row.patient_code for row in chairs[c.chair.id].appointments] == [c.patient.code]
    assert chairs[free.id].appointments == ()


def test_a_dose_without_a_session_is_to_do_unless_excused(db: Session, c: ScenarioClinic) -> None:
    course = builders.course(db, c.patient, c.version)
    dose = builders.appointment(
        db, c.patient, at("2027-01-25 09:30"), 130, kind=AppointmentKind.INFUSION, course=course
    )
    (item,) = day.to_do(db, c.coordinator, NOW)
    assert (item.kind, item.appointment.id) == (day.ToDoKind.NO_SESSION, dose.id)
    assert day.to_do(db, c.coordinator, NOW + timedelta(days=30)) == []
    excuse(db, c, dose.id, OverrideRule.NO_SESSION)
    assert day.to_do(db, c.coordinator, NOW) == []


def excuse(db: Session, c: ScenarioClinic, appointment_id: int, rule: OverrideRule) -> None:
    db.add(
        RuleOverride(
            rule=rule, appointment_id=appointment_id, reason="made up", account_id=c.coordinator.account_id,
            role="coordinator", created_at=NOW,
        )
    )  # fmt: skip
    db.flush()


def test_a_session_whose_dose_is_gone_is_displaced(db: Session, c: ScenarioClinic) -> None:
    course = running(db, c)
    infusion, session = appointments.of_course(db, c.coordinator, course.id)
    record_of = db.get_one(builders.Appointment, infusion.id)
    record_of.become(AppointmentStatus.CANCELLED, NOW)
    db.flush()
    (item,) = day.to_do(db, c.coordinator, NOW)
    assert (item.kind, item.appointment.id) == (day.ToDoKind.DISPLACED, session.id)


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ("2027-01-25 10:40", []),
        # The window opens 12 h after the dose: the session at 11:00 is early enough until 23:00 the day before.
        ("2027-01-25 23:00", []),
        ("2027-01-25 23:01", [day.ToDoKind.OUTSIDE_WINDOW]),
    ],
)
def test_a_late_dose_puts_its_session_outside_the_window(db, c, ended, expected) -> None:
    course = running(db, c)
    infusion, session = appointments.of_course(db, c.coordinator, course.id)
    started = at("2027-01-25 10:00")
    db.add(Encounter(appointment_id=infusion.id, dose_started_at=started, dose_ended_at=at(ended), recorded_at=NOW))
    db.flush()
    assert [item.kind for item in day.to_do(db, c.coordinator, NOW)] == expected
    excuse(db, c, session.id, OverrideRule.OUTSIDE_WINDOW)
    assert day.to_do(db, c.coordinator, NOW) == []


def test_unfinished_plans_are_ones_own(db: Session, c: ScenarioClinic) -> None:
    for account_id, answers in (
        (c.coordinator.account_id, {"patient_id": c.patient.id}),
        (c.coordinator.account_id, {}),
        (builders.coordinator(db, c.site).account_id, {"patient_id": str(c.patient.id)}),
    ):
        db.add(PlanDraft(account_id=account_id, step=2, answers=answers, updated_at=NOW))
    db.flush()
    assert sorted(str(row.patient_code) for row in courses.drafts(db, c.coordinator)) == sorted(
        ["None", c.patient.code]
    )


def test_the_history_of_a_course_has_its_appointments_too(db: Session, c: ScenarioClinic) -> None:
    course = running(db, c)
    session = appointments.of_course(db, c.coordinator, course.id)[1]
    for action, kind, number, now in (
        ("course.book", "course", course.id, NOW),
        ("appointment.pin", "appointment", session.id, NOW + timedelta(minutes=1)),
        ("course.book", "course", course.id + 1000, NOW),
    ):
        record(db, c.coordinator, action=action, object_type=kind, object_id=number, now=now)
    rows = history.course_history(db, c.coordinator, course.id)
    assert [row.action for row in rows] == ["appointment.pin", "course.book"]
    assert rows[0].who is not None and not rows[0].may_be_undone(NOW)


def test_patients_are_listed_with_the_course_they_are_in(db: Session, c: ScenarioClinic) -> None:
    course = running(db, c)
    new = builders.patient(db, c.site, c.k)
    found = {row.id: row for row in people.patients(db, c.coordinator)}
    assert (found[c.patient.id].open_course_id, found[new.id].open_course_id) == (course.id, None)
    assert found[new.id].modes == (Mode.IN_PERSON, Mode.TELEHEALTH)
    assert [row.id for row in people.patients(db, c.coordinator, in_course=False)] == [new.id]
    assert [row.id for row in people.patients(db, c.coordinator, in_course=True)] == [c.patient.id]
    assert len(people.patients(db, c.coordinator, therapist_id=c.k.id)) == 1
    assert people.patients(db, c.coordinator, site_id=builders.site(db).id) == []
    assert [row.id for row in people.patients(db, as_therapist(db, c, c.k))] == [new.id]
    assert people.patient(db, c.coordinator, new.id).therapist_name == "K"
    with pytest.raises(NotFound):
        people.patient(db, builders.coordinator(db, builders.site(db)), new.id)


def test_staff_sites_and_places(db: Session, c: ScenarioClinic) -> None:
    close_day(db, c.site, TUESDAY, "Inventory")
    other = builders.site(db)
    assert [row.name for row in people.staff(db, Role.THERAPIST, [c.site.id])] == ["K", "R"]
    assert {row.id for row in clinic.sites(db)} == {c.site.id, other.id}
    assert [row.id for row in clinic.sites(db, [other.id])] == [other.id]
    assert [row.id for row in clinic.chairs(db, [c.site.id])] == [c.chair.id]
    assert len(clinic.rooms(db, [c.site.id, other.id])) == 2
    assert clinic.closures(db, c.site.id, TUESDAY, TUESDAY) == {TUESDAY: "Inventory"}
    assert clinic.protocol(db, c.version.id).slug == "iv-racemic-twice-weekly"
    with pytest.raises(NotFound):
        clinic.site(db, 999_999)


def test_rosters_show_shifts_and_who_is_away(db: Session, c: ScenarioClinic) -> None:
    add_days_off(db, c.r, TUESDAY, TUESDAY, CHICAGO, "Leave", now=NOW)
    shifts = rosters.shifts(db, c.site.id, TUESDAY, TUESDAY, CHICAGO)
    assert sorted(row.person_name for row in shifts) == ["K", "K", "R", "R", c.nurse.name, c.prescriber.name]
    (away,) = rosters.absences(db, c.site.id, TUESDAY, TUESDAY, CHICAGO)
    assert (away.person_name, away.reason) == ("R", "Leave")
    assert rosters.absences(db, c.site.id, date(2027, 1, 28), date(2027, 1, 29), CHICAGO) == []


def test_calendar_links_are_listed_without_their_secrets(db: Session, c: ScenarioClinic) -> None:
    made = [
        create_feed(db, c.coordinator, FeedScope.SITE, c.site.id, name, now=NOW, consent_version=CONSENT_VERSION)[0]
        for name in ("Old", "New")
    ]
    revoke_feed(db, c.coordinator, made[0].id, NOW)
    assert [row.device for row in feeds.feeds_of(db, c.coordinator.account_id)] == ["New"]
    assert [row.device for row in feeds.feeds_of(db, c.coordinator.account_id, revoked=True)] == ["Old", "New"]
    assert len(feeds.all_feeds(db)) == 2
    assert "token_hash" not in feeds.FeedRow.__slots__


def test_no_page_takes_more_queries_when_there_is_more_to_show(db: Session, c: ScenarioClinic) -> None:
    own = as_patient(db, c.patient)
    course = running(db, c)
    reads = {
        "courses": lambda: courses.courses(db, c.coordinator, NOW),
        "course": lambda: courses.course(db, c.coordinator, course.id, NOW),
        "dates": lambda: appointments.of_course(db, c.coordinator, course.id),
        "upcoming": lambda: appointments.upcoming(db, own, NOW),
        "chairs": lambda: day.chairs_day(db, c.coordinator, date(2027, 1, 25), CHICAGO),
        "site day": lambda: day.site_day(db, c.coordinator, c.site.id, TUESDAY, CHICAGO),
        "to do": lambda: day.to_do(db, c.coordinator, NOW),
        "drafts": lambda: courses.drafts(db, c.coordinator),
        "history": lambda: history.course_history(db, c.coordinator, course.id),
        "patients": lambda: people.patients(db, c.coordinator),
    }
    few = counts(db, reads)
    for number in range(1, 8):
        running(db, c, builders.patient(db, c.site, c.r), week=number)
        builders.chair(db, c.site)
        record(db, c.coordinator, action="x", object_type="course", object_id=course.id, now=NOW)
        db.add(PlanDraft(account_id=c.coordinator.account_id, answers={}, updated_at=NOW))
        db.flush()
    many = counts(db, reads)
    assert few == many
    assert max(few.values()) <= 4


def counts(db: Session, reads) -> dict[str, int]:
    counted = {}
    for name, read in reads.items():
        with counted_queries(db) as said:
            read()
        counted[name] = len(said)
    return counted
