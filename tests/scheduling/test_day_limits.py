"""What is left of a therapist's day, minute by minute and day by day, and who is above it."""

from dataclasses import replace

import pytest

from planner.domain.statuses import AppointmentKind
from planner.scheduling.day_limits import NO_BARS, Crowd, DayLimits, above_limits
from planner.scheduling.localdays import LocalDays
from planner.scheduling.masks import Axis
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import OwnSession, PersonSheet
from planner.scheduling.supply import Supply
from tests.scheduling.plain import DAYS, FIRST, ORIGIN, SESSION, clinic, on, patient, therapist

AXIS = Axis(ORIGIN, DAYS * 1440)


def limits(person: PersonSheet, *own: OwnSession, bars: frozenset[tuple[int, int, int]] | None = NO_BARS) -> DayLimits:
    days = LocalDays("UTC", FIRST, clinic().last_day)
    return DayLimits(days, AXIS, (person,), own, bars)


def having(most: int | None, *starts: int) -> PersonSheet:
    return therapist(1, most_sessions=most, sessions=tuple(sorted(starts)))


def test_a_day_has_as_many_places_as_the_limit_less_what_is_held_that_day() -> None:
    person = having(3, on(2, "00:00"), on(2, "23:59"), on(3, "00:00"))
    of = limits(person)
    assert [of.left(person, day) for day in (1, 2, 3)] == [3, 1, 2]


def test_without_a_limit_any_number_is_left_and_every_minute_open() -> None:
    person = having(None, *(on(2, f"{hour:02}:00") for hour in range(24)))
    assert limits(person).left(person, 2) is None
    assert limits(person).starts(person) == AXIS.full
    assert not limits(person).any


def test_sessions_of_the_course_that_stay_take_places_and_those_that_move_keep_theirs() -> None:
    person = having(2, on(2, "09:00"))
    assert limits(person, OwnSession(1, on(2, "11:00"), stays=True)).left(person, 2) == 0
    assert limits(person, OwnSession(1, on(2, "11:00"), stays=False)).left(person, 2) == 1
    assert limits(person, OwnSession(2, on(2, "11:00"), stays=True)).left(person, 2) == 1


def test_above_a_lowered_limit_a_course_has_as_many_places_as_it_has_sessions_there() -> None:
    person = having(1, on(2, "09:00"), on(2, "10:00"))
    own = [OwnSession(1, on(2, wall), stays=False) for wall in ("11:00", "13:00")]
    assert limits(person, *own).left(person, 2) == 2
    assert limits(person).left(person, 2) == 0


def test_no_session_begins_on_a_full_day_and_any_minute_of_other_days_is_open() -> None:
    person = having(1, on(2, "09:00"))
    assert AXIS.full ^ limits(person).starts(person) == AXIS.mask([(on(2), on(3))])


def test_a_bar_closes_its_minutes_whatever_the_limit_and_no_bars_at_all_lift_the_limits() -> None:
    person = having(9)
    assert AXIS.full ^ limits(person, bars=frozenset({(1, 10, 20)})).starts(person) == ((1 << 10) - 1) << 10
    assert limits(having(1, on(2)), bars=None).starts(having(1, on(2))) == AXIS.full


def test_a_day_is_local_to_the_site() -> None:
    """23:30 on 2 February in Chicago is 05:30 UTC on the 3rd."""
    supply = clinic(therapists=(having(1, on(2, "05:30")),))
    chicago = Supply(replace(supply, site=replace(supply.site, zone="America/Chicago")), patient())
    starts = chicago.session_starts(SESSION)
    assert [
        starts >> (on(day, wall) - chicago.origin) & 1 for day, wall in ((1, "06:00"), (2, "05:50"), (2, "06:00"))
    ] == [
        0,
        0,
        1,
    ]


@pytest.mark.parametrize(("count", "crowded"), [(1, False), (2, False), (3, True)])
def test_a_course_with_more_sessions_than_places_is_a_crowd(count: int, crowded: bool) -> None:
    person = having(3, on(2, "09:00"))
    starts = [on(2, f"{hour}:00") - ORIGIN for hour in (11, 13, 15)][:count]
    found = list(limits(person).crowds((1, start) for start in starts))
    assert bool(found) is crowded
    assert all(crowd == Crowd(1, 2 * 1440, 3 * 1440, tuple(starts), 2) for crowd in found)


def test_the_parts_of_a_day_are_one_more_than_its_places_and_each_has_one_of_the_sessions() -> None:
    crowd = Crowd(1, 0, 100, (70, 10, 40), left=2)
    assert [sorted(part) for part in crowd.parts()] == [[(1, 0, 11)], [(1, 11, 41)], [(1, 41, 100)]]


def test_keeping_some_leaves_only_the_minutes_at_which_they_are() -> None:
    crowd = Crowd(1, 0, 100, (70, 10), left=1)
    assert crowd.keeping(1) == {(1, 0, 70), (1, 71, 100)}
    assert crowd.keeping(0) == crowd.whole_day == {(1, 0, 100)}


def test_planned_sessions_above_a_limit_are_found_and_visits_never_are() -> None:
    def planned(kind: AppointmentKind, wall: str) -> Placement:
        return Placement(kind, "", 1, on(2, wall), on(2, wall) + SESSION, 1, therapist_id=1)

    talks = [planned(AppointmentKind.INTEGRATION, "11:00"), planned(AppointmentKind.CONSOLIDATION, "15:00")]
    plan = [planned(AppointmentKind.INFUSION, "09:00"), *talks]
    assert above_limits(clinic(therapists=(having(2),)), plan) == ()
    assert above_limits(clinic(therapists=(having(2, on(2, "08:00")),)), plan) == tuple(talks)
