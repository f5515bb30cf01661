"""The clinic as a sheet: the same facts, in the same number of queries however many there are."""

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import NotFound
from planner.domain.statuses import AppointmentKind
from planner.scheduling.sheets import ClinicSheet
from planner.services.places import close_day
from planner.services.rostering import add_absence, add_shift, add_weekly_shifts
from planner.store.records import OpeningHours
from planner.store.sheets import load_clinic
from planner.store.sheets.minutes import cut, merged
from tests import builders
from tests.builders import NOW, at, counted_queries, minute, wall

MONDAY, FRIDAY = date(2027, 1, 25), date(2027, 1, 29)


def load(db: Session, site, first: date = MONDAY, last: date = FRIDAY, **how) -> ClinicSheet:
    return load_clinic(db, site.id, first, last, NOW, **how)


def test_the_clinic_takes_ten_queries_whether_it_is_small_or_large(db: Session) -> None:
    place = builders.site(db)
    db.flush()
    with counted_queries(db) as empty:
        load(db, place)
    for _ in range(3):
        builders.chair(db, place)
        nurse = builders.person(db, place, Role.NURSE, lanes=2)
        therapist = builders.person(db, place)
        for person in (nurse, therapist):
            add_weekly_shifts(db, person, place, range(5), (MONDAY, FRIDAY), ("09:00", "17:00"))
        patient = builders.patient(db, place, therapist)
        builders.appointment(db, patient, at("2027-01-26 09:00"), therapist=therapist, room=builders.room(db, place))
    with counted_queries(db) as full:
        sheet = load(db, place)
    assert (len(empty), len(full)) == (10, 10)
    assert len(sheet.chairs) == len(sheet.rooms) == len(sheet.therapists) == 3
    assert [len(nurse.lanes) for nurse in sheet.nurses] == [2, 2, 2]


def test_opening_spans_are_wall_time_without_closed_days(db: Session) -> None:
    place = builders.site(db, hours=(("09:00", "12:00"), ("13:00", "17:00")))
    close_day(db, place, date(2027, 1, 26))
    spans = load(db, place, MONDAY, date(2027, 1, 27)).site.open
    assert [(wall(a), wall(b)[-5:]) for a, b in spans] == [
        ("Mon 2027-01-25 09:00", "12:00"),
        ("Mon 2027-01-25 13:00", "17:00"),
        ("Wed 2027-01-27 09:00", "12:00"),
        ("Wed 2027-01-27 13:00", "17:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        # Clocks skip 02:00 to 03:00: an opening at 02:30 moves to 03:30, the day is an hour shorter.
        ("America/Chicago", date(2027, 3, 14), 12 - 3.5),
        # Clocks show 01:00 to 02:00 twice: 02:30 is after both.
        ("America/Chicago", date(2027, 11, 7), 12 - 2.5),
        # Half an hour, southern hemisphere: 02:00 goes to 02:30, so 02:30 exists and comes half an hour early.
        ("Australia/Lord_Howe", date(2027, 10, 3), 12 - 2.5),
        ("Australia/Lord_Howe", date(2027, 4, 4), 12 - 2.5),
        ("Europe/London", date(2027, 3, 28), 12 - 2.5),
    ],
)
def test_opening_hours_on_clock_change_days(db: Session, zone: str, day: date, hours: float) -> None:
    place = builders.site(db, zone, days=range(7), hours=(("02:30", "12:00"),))
    ((start, end),) = load(db, place, day, day).site.open
    assert (end - start) / 60 == hours
    assert wall(end, zone)[-5:] == "12:00"


def test_a_site_open_until_midnight_closes_at_the_next_days_start(db: Session) -> None:
    place = builders.site(db, hours=(("18:00", "24:00"),))
    ((start, end),) = load(db, place, MONDAY, MONDAY).site.open
    assert (wall(start), wall(end)) == ("Mon 2027-01-25 18:00", "Tue 2027-01-26 00:00")


def test_absences_are_cut_out_of_shifts(db: Session) -> None:
    place = builders.site(db)
    therapist = builders.person(db, place)
    add_shift(db, therapist, place, MONDAY, "09:00", "17:00")
    add_absence(db, therapist, at("2027-01-25 10:00"), at("2027-01-25 11:00"), now=NOW)
    add_absence(db, therapist, at("2027-01-25 16:00"), at("2027-01-26 16:00"), now=NOW)
    (sheet,) = load(db, place).therapists
    assert [(wall(s.span[0])[-5:], wall(s.span[1])[-5:]) for s in sheet.shifts] == [
        ("09:00", "10:00"),
        ("11:00", "16:00"),
    ]


def test_staff_are_those_of_the_site_and_who_works_there_or_by_telehealth(db: Session) -> None:
    place, elsewhere = builders.site(db), builders.site(db)
    own = builders.person(db, place)
    visiting, remote, other = (builders.person(db, elsewhere) for _ in range(3))
    add_shift(db, visiting, place, MONDAY, "09:00", "12:00")
    add_shift(db, visiting, elsewhere, MONDAY, "13:00", "17:00")
    add_shift(db, remote, None, MONDAY, "09:00", "12:00", zone="Europe/London")
    add_shift(db, other, elsewhere, MONDAY, "09:00", "12:00")
    gone = builders.person(db, place)
    gone.active = False
    therapists = {sheet.id: sheet for sheet in load(db, place).therapists}
    assert set(therapists) == {own.id, visiting.id, remote.id}
    assert [shift.site_id for shift in therapists[visiting.id].shifts] == [place.id, elsewhere.id]
    assert wall(therapists[remote.id].shifts[0].span[0], "Europe/London") == "Mon 2027-01-25 09:00"
    assert therapists[remote.id].shifts[0].site_id is None


def test_one_person_with_two_roles_is_on_the_sheet_in_both(db: Session) -> None:
    place = builders.site(db)
    both = builders.person(db, place, Role.NURSE, Role.THERAPIST, lanes=2)
    sheet = load(db, place)
    assert [p.id for p in sheet.nurses] == [p.id for p in sheet.therapists] == [both.id]
    assert (len(sheet.nurses[0].lanes), sheet.therapists[0].lanes) == (2, ())


def test_busy_spans_contain_turnover_and_are_in_order(db: Session) -> None:
    place = builders.site(db)
    chair, patient = builders.chair(db, place), builders.patient(db, place)
    for day in ("2027-01-27", "2027-01-25"):
        builders.appointment(db, patient, at(f"{day} 09:30"), 130, chair=chair, turnover=15)
    (sheet,) = load(db, place).chairs
    assert sheet.busy == (
        (minute("2027-01-25 09:30"), minute("2027-01-25 11:55")),
        (minute("2027-01-27 09:30"), minute("2027-01-27 11:55")),
    )


def test_what_lies_outside_the_days_is_not_on_the_sheet_and_what_reaches_in_is(db: Session) -> None:
    place = builders.site(db)
    room, patient = builders.room(db, place), builders.patient(db, place)
    for start in ("2027-01-24 23:40", "2027-01-24 22:00", "2027-01-26 00:00"):
        builders.appointment(db, patient, at(start), room=room)
    (sheet,) = load(db, place, MONDAY, MONDAY).rooms
    assert [wall(start) for start, _ in sheet.busy] == ["Sun 2027-01-24 23:40"]


def test_promises_hold_until_they_run_out(db: Session) -> None:
    place = builders.site(db)
    room, account = builders.room(db, place), builders.account(db, Role.COORDINATOR)
    for number, expires_at in enumerate((NOW, NOW + timedelta(minutes=1))):
        start = at(f"2027-01-25 1{number}:00")
        hold = builders.hold(db, account, expires_at)
        builders.occupy(db, room.holdable_id, start, start + timedelta(hours=1), hold=hold)
    assert [wall(start)[-5:] for start, _ in load(db, place).rooms[0].busy] == ["11:00"]
    assert load(db, place, without_hold_id=hold.id).rooms[0].busy == ()


def test_a_courses_own_bookings_may_count_as_free(db: Session) -> None:
    c = builders.scenario_clinic(db)
    own, other = builders.course(db, c.patient, c.version), builders.patient(db, c.site)
    builders.appointment(db, c.patient, at("2027-01-26 11:00"), course=own, therapist=c.r)
    builders.appointment(db, other, at("2027-01-26 13:00"), therapist=c.r)

    def busy(**how) -> list[str]:
        therapists = {sheet.id: sheet for sheet in load(db, c.site, **how).therapists}
        return [wall(start)[-5:] for start, _ in therapists[c.r.id].busy]

    assert busy() == ["11:00", "13:00"]
    assert busy(without_course_id=own.id) == ["13:00"]


def test_an_unknown_site_is_not_found(db: Session) -> None:
    with pytest.raises(NotFound):
        load_clinic(db, 999_999, MONDAY, FRIDAY, NOW)


def test_hours_that_a_clock_change_swallows_are_no_hours(db: Session) -> None:
    place = builders.site(db, days=range(7), hours=(("09:00", "10:00"),))
    db.add(OpeningHours(site_id=place.id, weekday=6, opens_minute=120, closes_minute=180))
    db.flush()
    assert len(load(db, place, date(2027, 3, 14), date(2027, 3, 14)).site.open) == 1


def test_spans_are_merged_and_cut() -> None:
    assert merged([(5, 9), (0, 3), (3, 4), (6, 7)]) == ((0, 4), (5, 9))
    assert cut([(0, 10), (10, 20)], [(3, 5), (4, 6), (9, 12)]) == ((0, 3), (6, 9), (12, 20))
    assert cut([(0, 10)], [(0, 10)]) == ()
    assert cut([(0, 10)], []) == ((0, 10),)


def test_a_therapist_with_a_limit_has_their_sessions_counted_in_one_query_more(db: Session) -> None:
    place, elsewhere = builders.site(db), builders.site(db)
    therapist, other = builders.person(db, place), builders.person(db, place)
    therapist.most_sessions_a_day = 3
    for hour, where in ((9, place), (11, elsewhere)):
        patient = builders.patient(db, where, therapist)
        builders.appointment(db, patient, at(f"2027-01-26 {hour:02}:00"), therapist=therapist)
        builders.appointment(db, patient, at(f"2027-01-27 {hour:02}:00"), therapist=other)
    visited = builders.patient(db, place, therapist)
    builders.appointment(db, visited, at("2027-01-26 14:00"), therapist=therapist, kind=AppointmentKind.INFUSION)
    with counted_queries(db) as queries:
        people = {person.id: person for person in load(db, place).therapists}
    assert len(queries) == 11
    assert people[therapist.id].most_sessions == 3
    assert people[therapist.id].sessions == (minute("2027-01-26 09:00"), minute("2027-01-26 11:00"))
    assert (people[other.id].most_sessions, people[other.id].sessions) == (None, ())
