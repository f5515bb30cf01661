"""What a roster is warned of: one sentence each, at its day and person, and nothing where nothing is the matter."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from planner.domain.access import Role
from planner.scheduling.roster_warnings import (
    Colleague,
    RosterWarning,
    VisitSheet,
    WeekSheet,
    WindowSheet,
    Work,
    roster_warnings,
)
from planner.scheduling.sheets import Span
from tests.builders import minute

MONDAY = date(2027, 2, 1)
DAYS = tuple(MONDAY + timedelta(days=n) for n in range(7))
HERE, THERE = 1, 2
NURSE, PRESCRIBER, THERAPIST = 11, 12, 13
PEOPLE = {
    NURSE: Colleague("Test Nurse Fern", frozenset({Role.NURSE}), lanes=2),
    PRESCRIBER: Colleague("Test Prescriber Sorrel", frozenset({Role.PRESCRIBER})),
    THERAPIST: Colleague("Test Therapist Yarrow", frozenset({Role.THERAPIST})),
}


def span(day: int, starts: str, ends: str) -> Span:
    return minute(f"2027-02-{day:02} {starts}"), minute(f"2027-02-{day:02} {ends}")


def work(person: int, day: int, starts: str = "08:00", ends: str = "18:00", **more: object) -> Work:
    at = {"site_id": HERE, **more}
    return Work(person, span(day, starts, ends), day=date(2027, 2, day), **at)  # type: ignore[arg-type]


def visit(code: str = "T-1", day: int = 2, starts: str = "10:00", window: WindowSheet | None = None) -> VisitSheet:
    first = minute(f"2027-02-{day:02} {starts}")
    return VisitSheet(code, first, ((first, first + 120),), ((first, first + 90),), window)


def window(day: int = 2) -> WindowSheet:
    """From 12 to 72 hours after 11:00, preferred from 18 to 48."""
    dose_end = minute(f"2027-02-{day:02} 11:00")
    return WindowSheet(dose_end + 720, dose_end + 1080, dose_end + 2880, dose_end + 4320, 50)


def week(*shifts: Work, **more: object) -> WeekSheet:
    sheet = WeekSheet(HERE, "America/Chicago", DAYS, minute("2027-01-29 12:00"), shifts, people=PEOPLE)
    names = {"site_names": {HERE: "North", THERE: "South"}, "travel": {THERE: 40}}
    return replace(sheet, **{**names, **more})  # type: ignore[arg-type]


FULL = tuple(work(person, day) for person in PEOPLE for day in range(1, 6))


def told(sheet: WeekSheet) -> list[str]:
    return [warning.sentence for warning in roster_warnings(sheet)]


def without(*people_and_days: tuple[int, int]) -> tuple[Work, ...]:
    return tuple(shift for shift in FULL if (shift.person_id, shift.day.day) not in people_and_days)


def test_a_week_with_everybody_there_is_warned_of_nothing() -> None:
    assert roster_warnings(week(*FULL, visits=(visit(window=window()), visit("T-2", 3)))) == ()
    assert roster_warnings(week()) == ()


def test_doses_without_a_prescriber_are_named_by_day() -> None:
    sheet = week(*without((PRESCRIBER, 2)), visits=(visit(), visit("T-2", starts="13:00"), visit("T-3", 3)))
    assert roster_warnings(sheet) == (
        RosterWarning("Nobody prescribes on Tue 2 Feb for all of the time of T-1 and T-2.", DAYS[1]),
    )


@pytest.mark.parametrize(
    "shift",
    [
        work(PRESCRIBER, 2, on_call=True),
        work(PRESCRIBER, 2, site_id=None),
        work(PRESCRIBER, 2, site_id=THERE),
        work(PRESCRIBER, 2, "10:01"),
        work(PRESCRIBER, 2, pause=span(2, "10:30", "10:45")),
    ],
)
def test_on_call_elsewhere_late_or_in_a_break_nobody_prescribes(shift: Work) -> None:
    found = told(week(*without((PRESCRIBER, 2)), shift, visits=(visit(),)))
    assert "Nobody prescribes on Tue 2 Feb for all of the time of T-1." in found


def test_two_who_take_over_from_each_other_prescribe_all_the_time() -> None:
    halves = (work(PRESCRIBER, 2, ends="10:30"), work(PRESCRIBER, 2, "10:30"))
    assert told(week(*without((PRESCRIBER, 2)), *halves, visits=(visit(),))) == []


def test_more_patients_at_once_than_nurses_can_watch_are_told_at_their_worst_moment() -> None:
    visits = (visit("T-1"), visit("T-2", starts="10:30"), visit("T-3", starts="11:00"), visit("T-4", starts="11:30"))
    assert told(week(*FULL, visits=visits)) == [
        "4 patients need a nurse on Tue 2 Feb at 11:30, and the nurses on shift can watch 2."
    ]
    assert told(week(*without((NURSE, 2)), visits=visits[:1])) == [
        "1 patient needs a nurse on Tue 2 Feb at 10:00, and no nurse is on shift."
    ]
    leaves = work(NURSE, 2, ends="11:15")
    assert told(week(*without((NURSE, 2)), leaves, visits=visits[:1])) == [
        "1 patient needs a nurse on Tue 2 Feb at 11:15, and no nurse is on shift."
    ]


def test_a_window_in_which_no_therapist_works_is_told_with_its_hours() -> None:
    gone = without(*((THERAPIST, day) for day in (2, 3, 4, 5)))
    [warning] = roster_warnings(week(*gone, visits=(visit(window=window()),)))
    assert warning == RosterWarning(
        "No therapist works in the window of T-1’s dose on Tue 2 Feb (Tue 2 Feb 23:00 to Fri 5 Feb 11:00).", DAYS[1]
    )


def test_a_therapist_only_outside_the_preferred_hours_is_told_too() -> None:
    late = without((THERAPIST, 3), (THERAPIST, 4))
    assert told(week(*late, visits=(visit(window=window()),))) == [
        "No therapist works in the preferred part of the window of T-1’s dose on Tue 2 Feb."
    ]


@pytest.mark.parametrize(
    ("shift", "covers"),
    [
        (work(THERAPIST, 3, site_id=None), True),
        (work(THERAPIST, 3, "09:00", "09:50"), True),
        (work(THERAPIST, 3, "09:00", "09:49"), False),
        (work(THERAPIST, 3, site_id=THERE), False),
        (work(NURSE, 3), False),
    ],
)
def test_what_covers_a_window(shift: Work, covers: bool) -> None:
    gone = tuple(one for one in FULL if one.person_id != THERAPIST)
    sheet = week(*gone, shift, visits=(visit(window=window()),))
    assert (told(sheet) == []) is covers


def test_a_window_that_reaches_into_the_next_week_is_covered_by_its_roster() -> None:
    friday = visit(day=5, window=window(5))
    gone = without((THERAPIST, 5))
    assert len(told(week(*gone, visits=(friday,)))) == 1
    saturday = work(THERAPIST, 6)
    next_week = replace(saturday, span=span(8, "08:00", "18:00"), day=date(2027, 2, 8))
    assert told(week(*gone, visits=(friday,), elsewhere=(next_week,))) == [
        "No therapist works in the preferred part of the window of T-1’s dose on Fri 5 Feb."
    ]


def test_nobody_on_call_is_told_only_where_somebody_is_that_week() -> None:
    sheet = week(*FULL, visits=(visit(), visit("T-2", 3)))
    ready = work(PRESCRIBER, 2, "18:00", "22:00", on_call=True)
    assert told(sheet) == []
    assert told(replace(sheet, shifts=(*FULL, ready))) == ["No prescriber is on call on Wed 3 Feb, a day with doses."]


def test_a_person_in_two_places_and_a_way_too_long() -> None:
    there = work(THERAPIST, 2, "17:30", "20:00", site_id=THERE)
    [warning] = roster_warnings(week(*FULL, elsewhere=(there,)))
    assert warning == RosterWarning(
        "Test Therapist Yarrow is also on the roster at South on Tue 2 Feb, 17:30 to 20:00.", DAYS[1], THERAPIST
    )
    for starts, spare in (("18:39", 39), ("18:00", 0)):
        later = work(THERAPIST, 2, starts, "20:00", site_id=THERE)
        assert told(week(*FULL, elsewhere=(later,))) == [
            f"Test Therapist Yarrow has {spare} minutes between here and South on Tue 2 Feb; the way takes 40."
        ]
    for fine in (
        work(THERAPIST, 2, "18:40", "20:00", site_id=THERE),
        work(THERAPIST, 2, "18:00", "20:00", site_id=None),
    ):
        assert told(week(*FULL, elsewhere=(fine,))) == []


def night(day: int, ends: str = "06:00", **more: object) -> Work:
    """From 22:00 into the next day."""
    return replace(
        work(THERAPIST, day, "22:00", **more), span=(span(day, "22:00", "23:00")[0], span(day + 1, "00:00", ends)[1])
    )


@pytest.mark.parametrize("where", [THERE, None])
def test_a_night_out_of_the_week_meets_the_first_shifts_of_the_next(where: int | None) -> None:
    there = work(THERAPIST, 8, "05:00", "09:00", site_id=where)
    place = "at South" if where == THERE else "for telehealth elsewhere"
    sentence = f"Test Therapist Yarrow’s shift on Sun 7 Feb overlaps one {place} on Mon 8 Feb, 05:00 to 09:00."
    assert roster_warnings(week(*FULL, night(7), elsewhere=(there,))) == (RosterWarning(sentence, DAYS[6], THERAPIST),)
    assert told(week(*FULL, night(7, "05:00"), elsewhere=(replace(there, site_id=None),))) == []


def test_a_night_before_the_week_meets_its_first_shifts() -> None:
    before = replace(night(1), span=(minute("2027-01-31 22:00"), minute("2027-02-01 08:30")), day=date(2027, 1, 31))
    [sentence] = told(week(*FULL, elsewhere=(replace(before, site_id=THERE),)))
    assert sentence == "Test Therapist Yarrow’s shift on Mon 1 Feb overlaps one at South on Sun 31 Jan, 22:00 to 08:30."
    short = replace(before, span=(before.span[0], minute("2027-02-01 07:30")), site_id=THERE)
    assert told(week(*FULL, elsewhere=(short,))) == [
        "Test Therapist Yarrow has 30 minutes between here and South on Mon 1 Feb; the way takes 40."
    ]


def test_the_way_after_a_night_is_too_long_on_the_day_on_which_it_ends() -> None:
    there = work(THERAPIST, 8, "06:30", "09:00", site_id=THERE)
    assert roster_warnings(week(*FULL, night(7), elsewhere=(there,))) == (
        RosterWarning(
            "Test Therapist Yarrow has 30 minutes between here and South on Mon 8 Feb; the way takes 40.",
            DAYS[6], THERAPIST,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("where", [HERE, None])
def test_the_same_roster_in_the_next_week_is_told_as_what_cannot_be_published(where: int | None) -> None:
    published = work(THERAPIST, 8, "05:00", "09:00", site_id=where, is_own=True)
    assert told(week(*FULL, night(7), elsewhere=(published,))) == [
        "Test Therapist Yarrow’s shift on Sun 7 Feb overlaps the published one on Mon 8 Feb, 05:00 to 09:00, in "
        "another week of this roster. Both cannot be published."
    ]
    assert told(week(*FULL, night(7, "05:00"), elsewhere=(published,))) == []


def test_more_sessions_than_somebody_holds_a_day() -> None:
    people = {**PEOPLE, THERAPIST: replace(PEOPLE[THERAPIST], most_sessions=6)}
    sheet = week(*FULL, people=people, sessions={(THERAPIST, DAYS[1]): 7, (THERAPIST, DAYS[2]): 6, (99, DAYS[2]): 50})
    assert roster_warnings(sheet) == (
        RosterWarning("Test Therapist Yarrow has 7 sessions booked on Tue 2 Feb, above 6 a day.", DAYS[1], THERAPIST),
    )


def test_a_certificate_that_has_ended_is_told_once_at_the_first_shift_behind_it() -> None:
    people = {**PEOPLE, NURSE: replace(PEOPLE[NURSE], credentials=(("ACLS", DAYS[2]), ("Licence", date(2028, 1, 1))))}
    assert roster_warnings(week(*FULL, people=people)) == (
        RosterWarning("Test Nurse Fern works on Thu 4 Feb, and “ACLS” ends on Wed 3 Feb 2027.", DAYS[3], NURSE),
    )


def test_shifts_on_closed_days_and_of_people_who_are_away() -> None:
    away = {NURSE: (span(2, "00:00", "23:59"),)}
    evening = work(NURSE, 2, "19:00", "20:00")
    found = told(week(*FULL, evening, closed=frozenset({DAYS[4]}), away=away, visits=(visit(),)))
    assert found == [
        "1 patient needs a nurse on Tue 2 Feb at 10:00, and no nurse is on shift.",
        "Test Nurse Fern has a shift on Tue 2 Feb and is away.",
        "The site is closed on Fri 5 Feb, and Test Nurse Fern, Test Prescriber Sorrel and Test Therapist Yarrow "
        "would be here.",
    ]


def test_what_has_begun_is_not_warned_of() -> None:
    later = replace(week(visits=(visit(window=window()),)), now=minute("2027-02-05 12:00"))
    assert told(later) == []
