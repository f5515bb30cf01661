"""Places, people and rosters: what can be typed, and the one sentence for what cannot."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.services.places import add_chair, add_room, add_site, close_day, set_up_clinic
from planner.services.rostering import (
    add_absence,
    add_days_off,
    add_patient,
    add_patient_absence,
    add_person,
    add_shift,
    add_weekly_shifts,
    initials_of,
    set_availability,
)
from planner.store.records import Holdable, NurseLane, PatientAvailability, Person
from tests import builders
from tests.builders import CHICAGO, NOW, at

DAY = date(2027, 1, 25)
SPRING, AUTUMN = date(2027, 3, 14), date(2027, 11, 7)
SITE = {"name": "Test House", "code": "T", "zone": CHICAGO, "hours": {0: [("09:00", "17:00")]}}


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"zone": "America/Chikago"}, "zone", "no time zone called “America/Chikago”"),
        ({"zone": "../etc/passwd"}, "zone", "no time zone"),
        ({"zone": ""}, "zone", "no time zone"),
        ({"name": "  "}, "name", "fill this in"),
        ({"name": "x" * 10_000}, "name", "at most 120 characters; this has 10000"),
        ({"name": "two\nlines"}, "name", "one line"),
        ({"code": "x" * 13}, "code", "at most 12"),
        ({"hours": {0: [("17:00", "09:00")]}}, "hours", "has to be after"),
        ({"hours": {0: [("09:00", "09:00")]}}, "hours", "has to be after"),
        ({"hours": {0: [("09:00", "12:00"), ("11:59", "13:00")]}}, "hours", "overlap"),
        ({"hours": {7: [("09:00", "12:00")]}}, "hours", "Monday"),
        ({"hours": {0: [("9 am", "12:00")]}}, "hours", "such as 09:30"),
        ({"hours": {0: [("09:00", "24:01")]}}, "hours", "such as 09:30"),
        ({"visit_grid_minutes": 7}, "visit_grid_minutes", "divides the day"),
        ({"therapy_grid_minutes": 0}, "therapy_grid_minutes", "divides the day"),
    ],
)
def test_a_site_that_cannot_be_is_refused_at_its_field(db: Session, wrong, field, words) -> None:
    with pytest.raises(FieldError) as refused:
        add_site(db, **(SITE | wrong))
    assert refused.value.field == field
    assert words in refused.value.sentence
    assert db.scalar(select(func.count(Holdable.id))) == 0


@pytest.mark.parametrize("name", ["Täst 🌿 Haus", "בית בדיקה", "O'Test; Sons, \\ Co."])
def test_names_may_be_of_any_script(db: Session, name: str) -> None:
    assert add_site(db, **(SITE | {"name": name})).name == name


def test_names_and_codes_are_taken_once(db: Session) -> None:
    site = add_site(db, **SITE)
    add_chair(db, site, "Chair 1")
    add_room(db, site, "Room 1")
    builders.clinic(db)
    for again, field in (
        (lambda: add_site(db, **(SITE | {"code": "U"})), "name"),
        (lambda: add_site(db, **(SITE | {"name": "Other"})), "code"),
        (lambda: add_chair(db, site, "Chair 1"), "name"),
        (lambda: add_room(db, site, "Room 1"), "name"),
        (lambda: set_up_clinic(db, name="Second", zone=CHICAGO), "name"),
    ):
        with pytest.raises(FieldError) as refused:
            again()
        assert refused.value.field == field
    assert add_chair(db, builders.site(db), "Chair 1").name == "Chair 1"


def test_a_day_is_closed_once(db: Session) -> None:
    site = builders.site(db)
    close_day(db, site, DAY, "Inventory")
    with pytest.raises(FieldError, match="already closed on Monday 25 January 2027"):
        close_day(db, site, DAY)
    first = DAY.replace(month=2, day=1)
    close_day(db, site, first)
    with pytest.raises(FieldError, match="already closed on Monday 1 February 2027"):
        close_day(db, site, first)


def test_a_nurse_has_lanes_and_others_have_none(db: Session) -> None:
    site = builders.site(db)
    nurse = add_person(db, "Test Nurse", roles=[Role.NURSE, Role.THERAPIST], sites=[site], lanes=3)
    therapist = add_person(db, "Test Therapist", roles=[Role.THERAPIST], sites=[site], lanes=3)
    lanes = select(NurseLane.number).order_by(NurseLane.number)
    assert list(db.scalars(lanes.where(NurseLane.person_id == nurse.id))) == [1, 2, 3]
    assert list(db.scalars(lanes.where(NurseLane.person_id == therapist.id))) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"roles": []}, "roles"),
        ({"roles": [Role.PATIENT]}, "roles"),
        ({"roles": [Role.ADMIN, Role.NURSE]}, "roles"),
        ({"lanes": 0}, "lanes"),
        ({"lanes": 13}, "lanes"),
        ({"name": ""}, "name"),
        ({"initials": "TOOLONG"}, "initials"),
        ({"turnover_minutes": 241}, "turnover_minutes"),
    ],
)
def test_staff_that_cannot_be_are_refused_at_the_field(db: Session, wrong, field) -> None:
    site = builders.site(db)
    fine = {"name": "Test Person", "roles": [Role.NURSE], "sites": [site]}
    with pytest.raises(FieldError) as refused:
        add_person(db, **(fine | wrong))
    assert refused.value.field == field
    assert db.scalar(select(func.count(Person.id))) == 0


def test_initials_are_of_the_first_and_last_word() -> None:
    assert [initials_of(name) for name in ("Ada Test Example", "ada", "R")] == ["AE", "A", "R"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "T\r1"}, "code"),
        ({"name": "\x00"}, "name"),
        ({"modes": []}, "modes"),
        ({"preferred": ("12:00", "08:00")}, "preferred"),
    ],
)
def test_patients_that_cannot_be_are_refused_at_the_field(db: Session, wrong, field) -> None:
    fine = {"code": "T-1", "name": "Test Patient Alder", "site": builders.site(db), "now": NOW}
    with pytest.raises(FieldError) as refused:
        add_patient(db, **(fine | wrong))
    assert refused.value.field == field


def test_a_patients_code_is_taken_once(db: Session) -> None:
    site = builders.site(db)
    add_patient(db, "T-1", "Test Patient Alder", site, now=NOW)
    with pytest.raises(FieldError, match="already a patient with the code T-1"):
        add_patient(db, "T-1", "Test Patient Birch", site, now=NOW)


def test_weekly_times_replace_the_earlier_ones_or_change_nothing(db: Session) -> None:
    patient = builders.patient(db, builders.site(db))
    set_availability(db, patient, {0: [("08:00", "12:00")], 1: [("08:00", "12:00")]})
    with pytest.raises(FieldError):
        set_availability(db, patient, {2: [("08:00", "12:00"), ("14:00", "13:00")]})
    weekdays = select(PatientAvailability.weekday).order_by(PatientAvailability.weekday)
    assert list(db.scalars(weekdays)) == [0, 1]
    set_availability(db, patient, {})
    assert list(db.scalars(weekdays)) == []


def test_a_shift_is_wall_time_with_its_instants(db: Session) -> None:
    site = builders.site(db, "Asia/Kolkata")
    shift = add_shift(db, builders.person(db, site), site, DAY, "09:15", "17:00")
    assert (shift.starts_minute, shift.ends_minute, shift.zone) == (555, 1020, "Asia/Kolkata")
    assert shift.starts_at == datetime(2027, 1, 25, 3, 45, tzinfo=UTC)


def test_telehealth_needs_a_zone_of_its_own(db: Session) -> None:
    site = builders.site(db)
    person = builders.person(db, site)
    assert add_shift(db, person, None, DAY, "09:00", "12:00", zone="Europe/London").site_id is None
    with pytest.raises(FieldError) as refused:
        add_shift(db, person, None, DAY, "09:00", "12:00")
    assert refused.value.field == "zone"


@pytest.mark.parametrize(
    ("day", "starts", "ends", "field", "words"),
    [
        (SPRING, "02:30", "12:00", "starts", "02:30 does not exist on Sun 14 Mar 2027"),
        (SPRING, "00:00", "02:00", "ends", "02:00 does not exist"),
        (AUTUMN, "01:30", "12:00", "starts", "happens twice on Sun 7 Nov 2027"),
        (DAY, "12:00", "09:00", "ends", "has to be after"),
        (DAY, "12:60", "13:00", "ends", "such as 09:30"),
    ],
)
def test_a_shift_at_a_time_that_is_none_or_two_is_refused(db, day, starts, ends, field, words) -> None:
    site = builders.site(db)
    with pytest.raises(FieldError) as refused:
        add_shift(db, builders.person(db, site), site, day, starts, ends)
    assert refused.value.field == field
    assert words in refused.value.sentence


def test_the_second_showing_can_be_chosen(db: Session) -> None:
    site = builders.site(db)
    person = builders.person(db, site)
    first = add_shift(db, person, site, AUTUMN, "01:30", "12:00", fold=0)
    second = add_shift(db, builders.person(db, site), site, AUTUMN, "01:30", "12:00", fold=1)
    assert (second.starts_at - first.starts_at).total_seconds() == 3600


def test_weekly_shifts_follow_the_wall_clock_across_a_change(db: Session) -> None:
    site = builders.site(db)
    person = builders.person(db, site)
    days = (date(2027, 3, 8), date(2027, 3, 21))
    shifts = add_weekly_shifts(db, person, site, [0, 6], days, ("09:00", "12:00"), ("13:00", "17:00"))
    assert [(shift.day.isoformat(), shift.starts_at.hour) for shift in shifts if shift.starts_minute == 540] == [
        ("2027-03-08", 15),
        ("2027-03-14", 14),
        ("2027-03-15", 14),
        ("2027-03-21", 14),
    ]
    with pytest.raises(FieldError) as refused:
        add_weekly_shifts(db, person, site, [0], days[::-1], ("09:00", "12:00"))
    assert refused.value.field == "days"


def test_a_weekly_shift_that_a_change_swallows_is_left_out(db: Session) -> None:
    site = builders.site(db)
    assert add_weekly_shifts(db, builders.person(db, site), site, [6], (SPRING, SPRING), ("02:00", "03:00")) == []


def test_days_off_are_whole_local_days(db: Session) -> None:
    person = builders.person(db, builders.site(db))
    absence = add_days_off(db, person, SPRING, SPRING, CHICAGO, now=NOW)
    assert (absence.ends_at - absence.starts_at).total_seconds() == 23 * 3600


def test_being_away_ends_after_it_starts(db: Session) -> None:
    site = builders.site(db)
    person, patient = builders.person(db, site), builders.patient(db, site)
    start = at("2027-01-25 09:00")
    for refuse, field in (
        (lambda: add_absence(db, person, start, start, now=NOW), "ends_at"),
        (lambda: add_patient_absence(db, patient, start, start), "ends_at"),
        (lambda: add_days_off(db, person, DAY, date(2027, 1, 24), CHICAGO, now=NOW), "last_day"),
        (lambda: add_days_off(db, person, DAY, DAY, "Nowhere", now=NOW), "zone"),
    ):
        with pytest.raises(FieldError) as refused:
            refuse()
        assert refused.value.field == field
