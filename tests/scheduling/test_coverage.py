"""Coverage by dosing weekday: the clinic's worked table, and an independent count on small random clinics."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from planner.domain.intervals import instant_of
from planner.domain.protocols import IntegrationMode, IntegrationPlan
from planner.domain.walltime import local_day
from planner.scheduling.coverage import Coverage, FreeStarts, WeekdayCoverage
from planner.scheduling.sheets import PatientSheet, ShiftSheet
from tests.scheduling.brute import Brute
from tests.scheduling.scenario import R, at, clinic, iv
from tests.scheduling.small import Small

MONDAY = date(2027, 1, 25)
WEEK = timedelta(days=6)
FOUR_WEEKS = clinic(MONDAY, MONDAY + timedelta(days=27), at(MONDAY, "00:00") - 60)


@pytest.mark.parametrize(
    ("weekday", "preferred_primary", "preferred", "in_window"),
    [(0, 9, 18, 32), (1, 9, 18, 30), (2, 7, 16, 21), (3, 0, 7, 7), (4, 0, 0, 2)],
)
def test_the_worked_table_of_bookable_starts_by_dosing_weekday(
    weekday: int, preferred_primary: int, preferred: int, in_window: int
) -> None:
    coverage = Coverage(FOUR_WEEKS, iv())
    check_in = at(MONDAY + timedelta(days=weekday), "09:30")
    assert coverage.free_starts(check_in) == FreeStarts(preferred, in_window)
    assert coverage.free_starts(check_in, R).preferred == preferred_primary


def test_the_only_dose_start_of_each_weekday_is_covered_or_not() -> None:
    week = Coverage(FOUR_WEEKS, iv()).by_weekday(MONDAY, MONDAY + WEEK)
    assert week == (
        WeekdayCoverage(0, 1, 1, 1),
        WeekdayCoverage(1, 1, 1, 1),
        WeekdayCoverage(2, 1, 1, 1),
        WeekdayCoverage(3, 1, 1, 1),
        WeekdayCoverage(4, 1, 0, 1),
        WeekdayCoverage(5, 0, 0, 0),
        WeekdayCoverage(6, 0, 0, 0),
    )


def test_booked_sessions_and_chairs_are_not_free() -> None:
    tuesday = [(at(MONDAY + timedelta(days=1), "00:00"), at(MONDAY + timedelta(days=3), "12:00"))]
    full = clinic(
        MONDAY,
        MONDAY + timedelta(days=27),
        at(MONDAY, "00:00") - 60,
        r_busy=tuple(tuesday),
        k_busy=tuple(tuesday),
    )
    assert Coverage(full, iv()).by_weekday(MONDAY, MONDAY)[0] == WeekdayCoverage(0, 1, 0, 0)
    taken = clinic(
        MONDAY, MONDAY + timedelta(days=27), at(MONDAY, "00:00") - 60,
        chairs_busy=((at(MONDAY, "08:00"), at(MONDAY, "12:00")),),
    )  # fmt: skip
    assert Coverage(taken, iv()).by_weekday(MONDAY, MONDAY)[0] == WeekdayCoverage(0, 0, 0, 0)


def test_doses_count_only_as_far_as_rosters_reach() -> None:
    """Therapists are rostered for the first week, nurses for four: a Friday's window reaches past the Sunday."""
    last = at(MONDAY + timedelta(days=7), "00:00")

    def first_week(shifts: tuple[ShiftSheet, ...]) -> tuple[ShiftSheet, ...]:
        return tuple(shift for shift in shifts if shift.span[1] <= last)

    short = replace(
        FOUR_WEEKS, therapists=tuple(replace(p, shifts=first_week(p.shifts)) for p in FOUR_WEEKS.therapists)
    )
    weeks = Coverage(short, iv()).by_weekday(MONDAY, MONDAY + timedelta(days=27))
    assert [each.starts for each in weeks] == [1, 1, 1, 1, 0, 0, 0]
    nobody = replace(FOUR_WEEKS, therapists=())
    assert not any(each.starts for each in Coverage(nobody, iv()).by_weekday(MONDAY, MONDAY + WEEK))


@pytest.mark.parametrize("mode", [IntegrationMode.ROLLING, IntegrationMode.NONE])
def test_nothing_is_counted_where_no_session_follows_by_time(mode: IntegrationMode) -> None:
    plan = IntegrationPlan(mode, 50, 1, None, 0, frozenset({"telehealth"}))
    coverage = Coverage(FOUR_WEEKS, replace(iv(), integration=plan))
    assert coverage.by_weekday(MONDAY, MONDAY + WEEK) == ()
    assert coverage.free_starts(at(MONDAY, "09:30")) == FreeStarts(0, 0)


def counted_by_hand(small: Small, first: date, last: date) -> list[list[int]]:
    """Every check-in and every session start tried one by one, by the rules as written down a second time."""
    anybody = PatientSheet(id=0, holdable_id=0)
    rules = Brute(small.clinic, replace(small.request, patient=anybody, therapist_ids=None))
    plan, rule = small.protocol.integration, small.protocol.integration.window
    sessions = [m for m in rules.minutes(small.clinic.site.therapy_grid) if rules.session_possible(m, plan.minutes)]
    ends = [shift.span[1] for person in small.clinic.therapists for shift in person.shifts]
    known = rules.end
    if ends:
        day = local_day(instant_of(max(ends) - 1), small.zone)
        known = at(day + timedelta(days=7 - day.weekday()), "00:00", small.zone)
    closes = round(rule.closes_h * 60) if rule else plan.closes_days * 1440
    counts: Counter[tuple[int, int]] = Counter()
    for check_in in rules.minutes(small.clinic.site.visit_grid):
        day, anchor = rules.day(check_in), rules.anchor(check_in)
        if not first <= day <= last or not rules.can_check_in(check_in) or not ends or anchor + closes > known:
            continue
        fitting = [start - anchor for start in sessions if rules.in_window(check_in, start, None)]
        liked = [o for o in fitting if rule is None or rule.peak_start_h * 60 <= o <= rule.peak_end_h * 60]
        counts[day.weekday(), 0] += 1
        counts[day.weekday(), 1] += bool(liked)
        counts[day.weekday(), 2] += bool(fitting)
    return [[counts[weekday, column] for column in range(3)] for weekday in range(7)]


SEEDS = [seed for seed in range(40) if Small(seed).protocol.integration.mode is not IntegrationMode.ROLLING]


@pytest.mark.parametrize("seed", SEEDS)
def test_coverage_is_what_counting_every_start_finds(seed: int) -> None:
    small = Small(seed)
    first, last = small.days[1], small.days[-4]
    found = Coverage(small.clinic, small.protocol).by_weekday(first, last)
    assert [[each.starts, each.preferred, each.in_window] for each in found] == counted_by_hand(small, first, last)
