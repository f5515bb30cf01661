"""What each kind takes, changes and refuses, line by line."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.store.records import Absence, Closure, NurseLane, Patient, Person, PersonRole, Shift
from tests.support.sheets import NOW, Desk, counts, furnish, reasons, set_up_desk

SHIFTS = "person,site,day,start,end,break start,break end,on call,telehealth"
ABSENCES = "person,first day,first time,last day,last time,reason"
VISIT = "patient,kind,site,day,start,end,therapist,room"


@pytest.fixture
def desk(db: Session) -> Desk:
    desk = set_up_desk(db)
    furnish(desk)
    db.flush()
    return desk


def refused(desk: Desk, kind: str, *lines: str) -> str:
    """The one reason why the last line is refused; nothing else is wrong."""
    checked = desk.lines(kind, *lines)
    found = reasons(checked)
    assert [line for line, _, _ in found] == [len(lines)], found
    return f"{found[0][1]}: {found[0][2]}"


# Shifts


def test_a_shift_of_nobody_at_no_site_on_no_day(desk: Desk) -> None:
    checked = desk.lines("shifts", SHIFTS, "Test Nobody,EAST,2027-02-30,8,16:00,,,perhaps,")
    assert [column for _, column, _ in reasons(checked)] == ["person", "site", "day", "start", "on call"]
    assert checked.bad_lines == 1


def test_two_people_of_one_name_have_to_be_told_apart(desk: Desk) -> None:
    told = refused(desk, "shifts", SHIFTS, "Test Twin,MAIN,2027-02-01,08:00,16:00")
    assert "2 members of staff are called “Test Twin”" in told
    assert desk.lines("shifts", SHIFTS, "Test Twin (T2),MAIN,2027-02-01,08:00,16:00").may_write


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Test Therapist,MAIN,2027-03-14,02:30,10:00", "start: 02:30 does not exist"),
        ("Test Therapist,MAIN,2027-11-07,01:30,10:00", "Write 01:30-05:00 for the first or 01:30-06:00"),
        ("Test Therapist,MAIN,2027-02-01,10:00,09:00", "end: The end has to be after"),
        ("Test Therapist,MAIN,2027-02-01,08:00,16:00,07:00,07:30", "break start: The break has to lie inside"),
        ("Test Therapist,MAIN,2027-02-01,08:00,16:00,12:00,", "break end: A break needs"),
        ("Test Therapist,MAIN,2099-02-01,08:00,16:00", "day: That is further ahead"),
    ],
)
def test_shifts_that_cannot_be(desk: Desk, line: str, words: str) -> None:
    assert words in refused(desk, "shifts", SHIFTS, line)


def test_a_shift_over_a_clock_change_keeps_its_wall_times(desk: Desk) -> None:
    desk.bring_lines("shifts", SHIFTS, "Test Therapist,MAIN,2027-03-13,22:00,30:00")
    shift = desk.db.scalars(select(Shift)).one()
    assert (shift.starts_minute, shift.ends_minute) == (1320, 1800)
    assert shift.ends_at - shift.starts_at == timedelta(hours=7)


def test_shifts_of_one_person_do_not_overlap(desk: Desk) -> None:
    one, other = "Test Therapist,MAIN,2027-02-01,08:00,16:00", "Test Therapist,MAIN,2027-02-01,15:00,18:00"
    assert "already works then: 08:00 to 16:00, in line 2" in refused(desk, "shifts", SHIFTS, one, other)
    desk.bring_lines("shifts", SHIFTS, one)
    assert "08:00 to 16:00, in the roster" in refused(desk, "shifts", SHIFTS, other)
    assert "Line 2 has a shift" in refused(desk, "shifts", SHIFTS, one, one)


def test_a_shift_may_be_taken_apart_in_one_file(desk: Desk) -> None:
    """The second part is new where the first one ended so far."""
    desk.bring_lines("shifts", SHIFTS, "Test Therapist,MAIN,2027-02-01,08:00,16:00")
    parts = ("Test Therapist,MAIN,2027-02-01,08:00,12:00", "Test Therapist,MAIN,2027-02-01,12:00,16:00,,,yes")
    desk.bring_lines("shifts", SHIFTS, *parts)
    found = desk.db.scalars(select(Shift).order_by(Shift.starts_at)).all()
    assert [(shift.starts_minute, shift.ends_minute, shift.on_call) for shift in found] == [
        (480, 720, False), (720, 960, True),
    ]  # fmt: skip


def test_a_changed_shift_is_changed_unless_something_booked_loses_its_cover(desk: Desk) -> None:
    long, short = "Test Therapist,MAIN,2027-02-01,08:00,16:00", "Test Therapist,MAIN,2027-02-01,08:00,12:00"
    desk.bring_lines("shifts", SHIFTS, long)
    desk.bring_lines("appointments", VISIT, "P-M1,session,MAIN,2027-02-01,14:00,15:00,Test Therapist,Room 1")
    assert "has something booked at 14:00" in refused(desk, "shifts", SHIFTS, short)
    longer = "Test Therapist,MAIN,2027-02-01,08:00,17:00,12:00,12:30"
    assert counts(desk.bring_lines("shifts", SHIFTS, longer)) == (0, 1, 0)
    assert "has something booked" in refused(desk, "shifts", SHIFTS, f"{long},13:30,14:30")
    assert "has something booked" in refused(desk, "shifts", SHIFTS, f"{long},,,yes,")
    assert "has something booked" in refused(desk, "shifts", SHIFTS, f"{long},,,,yes")
    assert desk.db.scalar(select(func.count()).select_from(Shift)) == 1


# Absences and closed days


def test_an_absence_over_booked_appointments_is_left_to_the_rosters_page(desk: Desk) -> None:
    desk.bring_lines("appointments", VISIT, "P-M1,session,MAIN,2027-02-03,14:00,15:00,Test Therapist,Room 1")
    told = refused(desk, "absences", ABSENCES, "Test Therapist,2027-02-01,,2027-02-05,,Leave")
    assert "has an appointment in that time" in told
    desk.bring_lines("absences", ABSENCES, "Test Therapist,2027-02-01,,2027-02-02,,Leave")
    assert "has an appointment" in refused(desk, "absences", ABSENCES, "Test Therapist,2027-02-01,,2027-02-04,,Leave")
    changed = desk.bring_lines("absences", ABSENCES, "Test Therapist,2027-02-01,,2027-02-01,12:00,Ill")
    assert counts(changed) == (0, 1, 0)
    absence = desk.db.scalars(select(Absence)).one()
    assert (absence.ends_at - absence.starts_at, absence.reason) == (timedelta(hours=12), "Ill")


def test_a_day_with_something_booked_is_not_closed_by_a_file(desk: Desk) -> None:
    desk.bring_lines("appointments", VISIT, "P-M1,session,MAIN,2027-02-03,14:00,15:00,Test Therapist,Room 1")
    told = refused(desk, "closures", "site,day,reason", "WEST,2027-02-03,Paint", "MAIN,2027-02-03,Paint")
    assert "1 appointment is booked at Main that day" in told
    desk.bring_lines("closures", "site,day,reason", "WEST,2027-02-03,Paint")
    assert counts(desk.bring_lines("closures", "site,day,reason", "West End,2027-02-03,Paper")) == (0, 1, 0)
    assert desk.db.scalars(select(Closure.reason)).all() == ["Paper"]


# People, patients, places


def test_a_file_adds_to_what_somebody_is_and_takes_nothing_away(desk: Desk) -> None:
    header = "name,initials,roles,sites,patients at once"
    added = desk.bring_lines("people", header, "-Test Nurse,,nurse; prescriber,MAIN; WEST,3")
    assert counts(added) == (0, 1, 0)
    nurse = desk.db.scalars(select(Person).where(Person.name == "-Test Nurse")).one()
    assert desk.db.scalar(select(func.count()).where(NurseLane.person_id == nurse.id)) == 3
    assert desk.db.scalar(select(func.count()).where(PersonRole.person_id == nurse.id)) == 2
    checked = desk.lines("people", header, "-Test Nurse,,nurse,MAIN,1")
    assert [column for _, column, _ in reasons(checked)] == ["roles", "sites", "patients at once"]


def test_a_formula_in_a_name_is_a_name(desk: Desk) -> None:
    header = "name,initials,roles,sites"
    desk.bring_lines("people", header, '"=HYPERLINK(""x"")",HX,therapist,MAIN')
    assert desk.db.scalar(select(Person.name).where(Person.initials == "HX")) == '=HYPERLINK("x")'
    assert b'"\'=HYPERLINK(""x"")"' in desk.take_out("people")


def test_patients_are_changed_but_not_moved_or_ended(desk: Desk) -> None:
    header = "code,name,site,therapist,can come,active"
    line = "p-m1,Test Patient Renamed,MAIN,Test Therapist,Mon 09:00-12:00,yes"
    assert counts(desk.bring_lines("patients", header, line)) == (0, 1, 0)
    assert counts(desk.lines("patients", header, line)) == (0, 0, 1)
    assert desk.db.scalar(select(Patient.name).where(Patient.code == "P-M1")) == "Test Patient Renamed"
    assert "another site of yours" in refused(desk, "patients", header, "P-M1,Test Patient,WEST,,,")
    assert "changed on their page" in refused(desk, "patients", header, "P-M1,Test Patient,MAIN,,,no")
    assert "is no therapist at" in refused(desk, "patients", header, "P-M2,Test Patient,MAIN,-Test Nurse,,")
    assert "no day with times" in refused(desk, "patients", header, "P-M2,Test Patient,MAIN,,Monday,")


def test_a_patient_of_a_site_that_is_not_theirs_stays_unknown(desk: Desk) -> None:
    main = [site_id for site_id in desk.principal.site_ids if site_id == min(desk.principal.site_ids)]
    narrow = replace(desk, principal=replace(desk.principal, site_ids=frozenset(main)))
    told = refused(narrow, "patients", "code,name,site", "P-W1,Test Patient,MAIN")
    assert told == "code: The code P-W1 is taken. Choose another."
    assert "None of your sites has a patient" in refused(
        narrow, "appointments", VISIT, "P-W1,session,MAIN,2027-02-01,14:00,15:00,,"
    )
    assert b"P-W1" not in narrow.take_out("patients")
    assert b"WEST" not in narrow.take_out("chairs-and-rooms")


def test_the_minutes_between_of_a_room_are_changed_and_a_chair_has_none(desk: Desk) -> None:
    header = "kind,site,name,minutes between"
    assert counts(desk.bring_lines("chairs-and-rooms", header, "room,MAIN,room 1,15")) == (0, 1, 0)
    assert counts(desk.lines("chairs-and-rooms", header, "room,MAIN,Room 1,15")) == (0, 0, 1)
    assert "A chair has no minutes" in refused(desk, "chairs-and-rooms", header, "chair,MAIN,Chair 9,15")


# Dates


def test_short_dates_are_asked_about_once_and_never_guessed(desk: Desk) -> None:
    lines = ("site,day", "MAIN,03/04/27")
    assert desk.lines("closures", *lines).asks_order
    assert not desk.lines("closures", *lines).may_write
    read = desk.bring_lines("closures", *lines, order="day-first")
    assert "Dates are read day first, as you said." in read.notes
    assert str(desk.db.scalar(select(Closure.day))) == "2027-04-03"
    alone = desk.lines("closures", "site,day", "MAIN,03/04/27", "MAIN,25/04/27")
    assert "Dates are read day first; no other way fits all of them." in alone.notes


def test_now_is_before_every_day_of_these_tests() -> None:
    assert NOW.year == 2027
