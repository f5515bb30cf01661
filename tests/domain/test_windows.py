"""The window rule's exact edges, and windows as elapsed time across clock changes all over the world."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.windows import UNITS, Window, WindowRule, WindowStatus

IV = WindowRule(
    id="window-test-1",
    opens_h=12,
    peak_start_h=18,
    peak_end_h=48,
    closes_h=72,
    tail_end_h=168,
    knots=((12, 0.5), (18, 1), (48, 1), (72, 0.3), (168, 0)),
    containment="start_only",
    ideal_offset_h=24,
    min_gap_before_next_dose_h=2,
    anchor="dose_end",
    source="a test",
    strength="none",
)
ORDER = list(WindowStatus)


def after(hours: float, minutes: int = 0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes)


def at(wall: str, zone: str, fold: int = 0) -> datetime:
    """The instant at which clocks in `zone` show `wall`."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def shown(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%a %d %b %H:%M")


# Edges


@pytest.mark.parametrize(
    ("offset", "status", "preference"),
    [
        (after(-3), WindowStatus.TOO_EARLY, 0),
        (after(0), WindowStatus.TOO_EARLY, 0),
        (after(11.99), WindowStatus.TOO_EARLY, 0),
        (after(12), WindowStatus.IN_WINDOW_EARLY, 0.5),
        (after(15), WindowStatus.IN_WINDOW_EARLY, 0.75),
        (after(18) - timedelta(microseconds=1), WindowStatus.IN_WINDOW_EARLY, 1),
        (after(18), WindowStatus.PEAK, 1),
        (after(24, 20), WindowStatus.PEAK, 1),
        (after(48), WindowStatus.PEAK, 1),
        (after(48) + timedelta(microseconds=1), WindowStatus.IN_WINDOW_LATE, 1),
        (after(48, 20), WindowStatus.IN_WINDOW_LATE, 0.9903),
        (after(60), WindowStatus.IN_WINDOW_LATE, 0.65),
        (after(72), WindowStatus.IN_WINDOW_LATE, 0.3),
        (after(72) + timedelta(seconds=1), WindowStatus.LATE, 0.3),
        (after(72, 20), WindowStatus.LATE, 0.299),
        (after(96, 20), WindowStatus.LATE, 0.224),
        (after(118, 20), WindowStatus.LATE, 0.1552),
        (after(168), WindowStatus.LATE, 0),
        (after(168.01), WindowStatus.OUT, 0),
        (after(400), WindowStatus.OUT, 0),
    ],
)
def test_boundary_values(offset: timedelta, status: WindowStatus, preference: float) -> None:
    assert IV.status(offset) is status
    assert IV.preference(offset) == pytest.approx(preference, abs=5e-5)


def test_preference_units_are_whole_and_round_half_up() -> None:
    assert IV.preference_units(12 * 60 - 1) == 0
    assert IV.preference_units(12 * 60) == UNITS // 2
    assert IV.preference_units(15 * 60) == 7_500
    assert IV.preference_units(48 * 60 + 20) == 9_903
    assert IV.preference_units(118 * 60 + 20) == 1_552
    assert IV.preference_units(168 * 60) == 0
    halves = replace(IV, knots=((12, 0.0001), (24, 0.0002)))
    assert halves.preference_units(18 * 60) == 2, "1.5 units round up"
    assert halves.preference_units(18 * 60 - 1) == 1


def test_a_curve_that_ends_above_zero_counts_at_its_last_knot_only() -> None:
    flat = replace(IV, knots=((12, 1), (72, 1)))
    assert flat.preference(after(72)) == 1
    assert flat.preference_units(72 * 60) == UNITS
    assert flat.preference(after(72, 1)) == 0
    assert flat.preference_units(72 * 60 + 1) == 0


def test_minutes() -> None:
    assert (IV.opens_min, IV.peak_start_min, IV.peak_end_min) == (720, 1080, 2880)
    assert (IV.closes_min, IV.tail_end_min, IV.ideal_min, IV.gap_min) == (4320, 10080, 1440, 120)
    assert replace(IV, ideal_offset_h=24.25, min_gap_before_next_dose_h=1 / 3).gap_min == 20


def test_in_window_is_from_opening_to_closing() -> None:
    assert [status for status in WindowStatus if status.in_window] == ORDER[1:4]


def test_an_empty_peak_and_coinciding_edges_are_allowed() -> None:
    point = replace(IV, opens_h=24, peak_start_h=24, peak_end_h=24, closes_h=24, knots=((24, 1), (168, 0)))
    assert point.status(after(24)) is WindowStatus.PEAK
    assert point.status(after(24, -1)) is WindowStatus.TOO_EARLY
    assert point.status(after(24, 1)) is WindowStatus.LATE


whole_hours = st.integers(0, 335)


@st.composite
def rules(draw: st.DrawFn) -> WindowRule:
    opens, peak_start, peak_end, closes, tail = sorted(draw(st.lists(whole_hours, min_size=5, max_size=5)))
    tail = max(tail, opens + 1)
    edges = draw(st.lists(st.integers(opens, tail), min_size=2, max_size=6, unique=True))
    knots = tuple((hours, draw(st.integers(0, 100)) / 100) for hours in sorted(edges))
    return replace(
        IV,
        opens_h=opens,
        peak_start_h=peak_start,
        peak_end_h=peak_end,
        closes_h=closes,
        tail_end_h=tail,
        knots=knots,
        containment=draw(st.sampled_from(["start_only", "full"])),
    )


@given(rule=rules(), offset=st.integers(-600, 337 * 60))
def test_units_agree_with_exact_arithmetic(rule: WindowRule, offset: int) -> None:
    exact = Fraction(0)
    for (left, low), (right, high) in pairwise(rule.knots):
        if left * 60 <= offset <= right * 60:
            share = (Fraction(offset, 60) - Fraction(left)) / (Fraction(right) - Fraction(left))
            exact = Fraction(round(low * 100), 100) * (1 - share) + Fraction(round(high * 100), 100) * share
    assert rule.preference_units(offset) == int(exact * UNITS + Fraction(1, 2))
    assert rule.preference(timedelta(minutes=offset)) == pytest.approx(float(exact), abs=1e-9)


@given(rule=rules(), minutes=st.lists(st.integers(-600, 340 * 60), min_size=2, max_size=8))
def test_status_only_moves_on_as_time_passes(rule: WindowRule, minutes: list[int]) -> None:
    statuses = [ORDER.index(rule.status(timedelta(minutes=offset))) for offset in sorted(minutes)]
    assert statuses == sorted(statuses)


# Refusals


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"opens_h": -1}, "opens_h"),
        ({"opens_h": float("nan")}, "opens_h"),
        ({"tail_end_h": float("inf")}, "tail_end_h"),
        ({"tail_end_h": 336.5}, "tail_end_h"),
        ({"ideal_offset_h": 337}, "ideal_offset_h"),
        ({"min_gap_before_next_dose_h": -0.5}, "min_gap_before_next_dose_h"),
        ({"opens_h": 12.0001}, "opens_h"),
        ({"peak_start_h": 11}, "peak_start_h"),
        ({"peak_end_h": 17}, "peak_end_h"),
        ({"closes_h": 47}, "closes_h"),
        ({"tail_end_h": 71}, "tail_end_h"),
        ({"knots": ()}, "knots"),
        ({"knots": ((12, 0.5),)}, "knots"),
        ({"knots": ((18, 1), (12, 0.5))}, "knots.1.hours"),
        ({"knots": ((12, 0.5), (18, 1), (18, 0.9))}, "knots.2.hours"),
        ({"knots": ((11, 0.5), (18, 1))}, "knots.0.hours"),
        ({"knots": ((12, 0.5), (169, 0))}, "knots.1.hours"),
        ({"knots": ((12, 0.5), (18, 1.01))}, "knots.1.preference"),
        ({"knots": ((12, -0.1), (18, 1))}, "knots.0.preference"),
        ({"knots": ((12, float("nan")), (18, 1))}, "knots.0.preference"),
        ({"knots": ((12, 0.5), (float("nan"), 1))}, "knots.1.hours"),
        ({"containment": "both"}, "containment"),
        ({"anchor": "dose_start"}, "anchor"),
        ({"id": " "}, "id"),
        ({"source": ""}, "source"),
        ({"strength": ""}, "strength"),
    ],
)
def test_a_rule_that_breaks_a_rule_names_its_field(changes: dict[str, object], path: str) -> None:
    with pytest.raises(ProtocolInvalid) as refusal:
        replace(IV, **changes)
    assert refusal.value.paths == (path,)
    assert refusal.value.problems[0][1].endswith(".")


def test_several_faults_are_all_told_and_survive_a_trip_to_another_process() -> None:
    with pytest.raises(ProtocolInvalid) as refusal:
        replace(IV, peak_start_h=11, closes_h=40, anchor="noon")
    assert refusal.value.paths == ("peak_start_h", "closes_h", "anchor")
    again = pickle.loads(pickle.dumps(refusal.value))  # noqa: S301 - our own bytes
    assert again.problems == refusal.value.problems
    assert str(again) == str(refusal.value)


def test_a_rule_never_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(IV, "opens" + "_h", 6)


# Windows after one dose: the worked scenarios

CHICAGO = "America/Chicago"


def test_scenario_a_first_dose() -> None:
    window = Window(at("2027-01-25T10:40", CHICAGO), IV, at("2027-01-28T09:30", CHICAGO))
    assert window.anchor_at.isoformat() == "2027-01-25T16:40:00+00:00"
    assert shown(window.opens_at, CHICAGO) == "Mon 25 Jan 22:40"
    assert shown(window.peak_starts_at, CHICAGO) == "Tue 26 Jan 04:40"
    assert shown(window.peak_ends_at, CHICAGO) == "Wed 27 Jan 10:40"
    assert shown(window.closes_at, CHICAGO) == "Thu 28 Jan 10:40"
    assert shown(window.tail_ends_at, CHICAGO) == "Mon 01 Feb 10:40"
    assert window.must_end_by == at("2027-01-28T07:30", CHICAGO)
    assert window.cut_short
    starts = at("2027-01-26T11:00", CHICAGO)
    assert window.offset_of(starts) == after(24, 20)
    assert window.status_of(starts) is WindowStatus.PEAK
    assert window.fits(starts, starts + timedelta(minutes=50))


def test_scenario_a_last_dose_has_nothing_after_it() -> None:
    window = Window(at("2027-02-11T10:40", CHICAGO), IV)
    assert window.must_end_by is None
    assert not window.cut_short
    assert shown(window.closes_at, CHICAGO) == "Sun 14 Feb 10:40"


def test_scenario_b_session_of_a_moved_dose_is_too_early() -> None:
    moved = Window(at("2027-02-02T10:40", CHICAGO), IV, at("2027-02-04T09:30", CHICAGO))
    assert moved.status_of(at("2027-02-02T11:00", CHICAGO)) is WindowStatus.TOO_EARLY
    assert moved.status_of(at("2027-02-03T11:00", CHICAGO)) is WindowStatus.PEAK
    unserved = Window(at("2027-01-28T10:40", CHICAGO), IV)
    assert unserved.offset_of(at("2027-02-02T11:00", CHICAGO)) == after(120, 20)
    assert unserved.status_of(at("2027-02-02T11:00", CHICAGO)) is WindowStatus.LATE


def test_scenario_c_thanksgiving() -> None:
    window = Window(at("2027-11-24T10:40", CHICAGO), IV)
    friday = [at(f"2027-11-26T{hour}:00", CHICAGO) for hour in (10, 11)]
    assert [window.offset_of(start) for start in friday] == [after(47, 20), after(48, 20)]
    assert [window.status_of(start) for start in friday] == [WindowStatus.PEAK, WindowStatus.IN_WINDOW_LATE]
    assert window.status_of(at("2027-11-29T09:00", CHICAGO)) is WindowStatus.LATE


def test_a_dose_that_ends_fifty_minutes_late_shifts_its_window() -> None:
    planned = Window(at("2027-01-25T10:40", CHICAGO), IV)
    actual = Window(planned.anchor_at + timedelta(minutes=50), IV)
    assert actual.offset_of(at("2027-01-26T11:00", CHICAGO)) == after(23, 30)
    assert actual.status_of(at("2027-01-26T11:00", CHICAGO)) is WindowStatus.PEAK
    assert actual.opens_at - planned.opens_at == timedelta(minutes=50)


ANCHOR = datetime(2027, 5, 3, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("containment", "start_h", "length_min", "fits"),
    [
        ("start_only", 12, 50, True),
        ("start_only", 11.75, 50, False),
        ("start_only", 72, 50, True),
        ("start_only", 72.25, 50, False),
        ("full", 71, 60, True),
        ("full", 71.25, 60, False),
    ],
)
def test_containment(containment: str, start_h: float, length_min: int, fits: bool) -> None:
    window = Window(ANCHOR, replace(IV, containment=containment))
    start = ANCHOR + after(start_h)
    assert window.fits(start, start + timedelta(minutes=length_min)) is fits


def test_a_session_has_to_be_over_before_the_next_dose() -> None:
    window = Window(ANCHOR, IV, ANCHOR + after(46))
    ends_in_time = ANCHOR + after(44)
    assert window.fits(ends_in_time - timedelta(minutes=50), ends_in_time)
    assert not window.fits(ends_in_time - timedelta(minutes=49), ends_in_time + timedelta(minutes=1))
    assert window.status_of(ends_in_time) is WindowStatus.PEAK, "status says nothing about the next dose"


def test_a_limit_exactly_at_closing_cuts_nothing_short() -> None:
    assert not Window(ANCHOR, IV, ANCHOR + after(74)).cut_short
    assert Window(ANCHOR, IV, ANCHOR + after(74, -1)).cut_short


def test_bare_wall_times_and_reversed_sessions_are_refused() -> None:
    naive = ANCHOR.replace(tzinfo=None)
    window = Window(ANCHOR, IV)
    with pytest.raises(ValueError, match="time zone"):
        Window(naive, IV)
    with pytest.raises(ValueError, match="time zone"):
        Window(ANCHOR, IV, naive)
    with pytest.raises(ValueError, match="time zone"):
        window.status_of(naive)
    with pytest.raises(ValueError, match="before it starts"):
        window.fits(ANCHOR + after(24), ANCHOR + after(23))


# Clock changes: hours are elapsed, so wall-clock edges move with the clocks.
# Each dose ends at 15:00 on the day before the change; without one, its edges would be 03:00 the next night,
# 09:00 the next day, and 15:00 on the second and third days.

CHANGES = [
    # zone, dose end, opens, peak starts, peak ends, closes
    ("America/New_York", "2027-03-13", "Sun 14 Mar 04:00", "10:00", "Mon 15 Mar 16:00", "Tue 16 Mar 16:00"),
    ("America/New_York", "2027-11-06", "Sun 07 Nov 02:00", "08:00", "Mon 08 Nov 14:00", "Tue 09 Nov 14:00"),
    ("Europe/London", "2027-03-27", "Sun 28 Mar 04:00", "10:00", "Mon 29 Mar 16:00", "Tue 30 Mar 16:00"),
    ("Europe/London", "2027-10-30", "Sun 31 Oct 02:00", "08:00", "Mon 01 Nov 14:00", "Tue 02 Nov 14:00"),
    ("America/St_Johns", "2027-03-13", "Sun 14 Mar 04:00", "10:00", "Mon 15 Mar 16:00", "Tue 16 Mar 16:00"),
    ("America/St_Johns", "2027-11-06", "Sun 07 Nov 02:00", "08:00", "Mon 08 Nov 14:00", "Tue 09 Nov 14:00"),
    (
        "Australia/Lord_Howe",
        "2027-04-03",
        "Sun 04 Apr 02:30",
        "08:30",
        "Mon 05 Apr 14:30",
        "Tue 06 Apr 14:30",
    ),
    (
        "Australia/Lord_Howe",
        "2027-10-02",
        "Sun 03 Oct 03:30",
        "09:30",
        "Mon 04 Oct 15:30",
        "Tue 05 Oct 15:30",
    ),
    ("Australia/Adelaide", "2027-04-03", "Sun 04 Apr 02:00", "08:00", "Mon 05 Apr 14:00", "Tue 06 Apr 14:00"),
    ("Australia/Adelaide", "2027-10-02", "Sun 03 Oct 04:00", "10:00", "Mon 04 Oct 16:00", "Tue 05 Oct 16:00"),
    ("Pacific/Auckland", "2027-04-03", "Sun 04 Apr 02:00", "08:00", "Mon 05 Apr 14:00", "Tue 06 Apr 14:00"),
    ("Pacific/Auckland", "2027-09-25", "Sun 26 Sep 04:00", "10:00", "Mon 27 Sep 16:00", "Tue 28 Sep 16:00"),
    # The change the north makes, and the months the south changes in, where clocks stay put.
    ("America/Phoenix", "2027-03-13", "Sun 14 Mar 03:00", "09:00", "Mon 15 Mar 15:00", "Tue 16 Mar 15:00"),
    ("America/Phoenix", "2027-11-06", "Sun 07 Nov 03:00", "09:00", "Mon 08 Nov 15:00", "Tue 09 Nov 15:00"),
    ("America/Sao_Paulo", "2027-02-20", "Sun 21 Feb 03:00", "09:00", "Mon 22 Feb 15:00", "Tue 23 Feb 15:00"),
    ("America/Sao_Paulo", "2027-11-06", "Sun 07 Nov 03:00", "09:00", "Mon 08 Nov 15:00", "Tue 09 Nov 15:00"),
    ("Asia/Kolkata", "2027-03-27", "Sun 28 Mar 03:00", "09:00", "Mon 29 Mar 15:00", "Tue 30 Mar 15:00"),
    ("Asia/Kolkata", "2027-10-30", "Sun 31 Oct 03:00", "09:00", "Mon 01 Nov 15:00", "Tue 02 Nov 15:00"),
    ("Asia/Kathmandu", "2027-03-27", "Sun 28 Mar 03:00", "09:00", "Mon 29 Mar 15:00", "Tue 30 Mar 15:00"),
    ("Asia/Kathmandu", "2027-10-30", "Sun 31 Oct 03:00", "09:00", "Mon 01 Nov 15:00", "Tue 02 Nov 15:00"),
]


@pytest.mark.parametrize(("zone", "day", "opens", "peak_starts", "peak_ends", "closes"), CHANGES)
def test_edges_move_with_the_clocks(
    zone: str, day: str, opens: str, peak_starts: str, peak_ends: str, closes: str
) -> None:
    window = Window(at(f"{day}T15:00", zone), IV)
    assert shown(window.opens_at, zone) == opens
    assert shown(window.peak_starts_at, zone).endswith(peak_starts)
    assert shown(window.peak_ends_at, zone) == peak_ends
    assert shown(window.closes_at, zone) == closes
    assert window.closes_at - window.anchor_at == after(72)
    # Sums on a zone's own datetimes follow the wall clock: an instant written in the zone must not do so here.
    place = ZoneInfo(zone)
    local = Window(window.anchor_at.astimezone(place), IV)
    assert shown(local.peak_starts_at, zone) == shown(window.peak_starts_at, zone)
    assert local.offset_of(window.closes_at.astimezone(place)) == after(72)


EARLY, PEAK, LATE_IN, LATE = ORDER[1:5]
SESSIONS = [
    # zone, dose end, start of the session, elapsed hours, status
    ("America/New_York", "2027-03-13T15:00", "2027-03-14T09:00", 17, EARLY),
    ("America/New_York", "2027-03-13T15:00", "2027-03-14T13:00", 21, PEAK),
    ("America/New_York", "2027-03-13T15:00", "2027-03-16T16:00", 72, LATE_IN),
    ("America/New_York", "2027-11-06T15:00", "2027-11-07T08:00", 18, PEAK),
    ("America/New_York", "2027-11-06T15:00", "2027-11-09T14:00", 72, LATE_IN),
    ("America/New_York", "2027-11-06T15:00", "2027-11-09T15:00", 73, LATE),
    ("America/New_York", "2027-03-12T10:40", "2027-03-14T11:00", 47 + 1 / 3, PEAK),
    ("America/New_York", "2027-11-05T10:40", "2027-11-07T10:00", 48 + 1 / 3, LATE_IN),
    ("Europe/London", "2027-03-27T15:00", "2027-03-28T09:30", 17.5, EARLY),
    ("Europe/London", "2027-03-27T15:00", "2027-03-29T16:00", 48, PEAK),
    ("Europe/London", "2027-10-30T15:00", "2027-10-31T09:00", 19, PEAK),
    ("Europe/London", "2027-10-30T15:00", "2027-11-01T15:00", 49, LATE_IN),
    ("America/St_Johns", "2027-03-13T11:30", "2027-03-16T13:00", 72.5, LATE),
    ("America/St_Johns", "2027-11-06T11:30", "2027-11-09T10:30", 72, LATE_IN),
    ("Australia/Lord_Howe", "2027-04-03T15:00", "2027-04-04T08:30", 18, PEAK),
    ("Australia/Lord_Howe", "2027-04-03T15:00", "2027-04-06T15:00", 72.5, LATE),
    ("Australia/Lord_Howe", "2027-10-02T15:00", "2027-10-03T09:00", 17.5, EARLY),
    ("Australia/Lord_Howe", "2027-10-02T15:00", "2027-10-05T15:30", 72, LATE_IN),
    ("Pacific/Auckland", "2027-04-03T15:00", "2027-04-05T14:30", 48.5, LATE_IN),
    ("Pacific/Auckland", "2027-04-03T10:40", "2027-04-04T09:40", 24, PEAK),
    ("Pacific/Auckland", "2027-09-25T15:00", "2027-09-26T09:45", 17.75, EARLY),
    ("Pacific/Auckland", "2027-09-25T10:40", "2027-09-27T11:40", 48, PEAK),
    ("America/Phoenix", "2027-03-13T15:00", "2027-03-14T09:00", 18, PEAK),
    ("America/Sao_Paulo", "2027-11-06T15:00", "2027-11-09T15:00", 72, LATE_IN),
    ("Asia/Kolkata", "2027-10-30T15:00", "2027-11-01T15:30", 48.5, LATE_IN),
    ("Asia/Kathmandu", "2027-03-27T10:45", "2027-03-28T11:00", 24.25, PEAK),
]


@pytest.mark.parametrize(("zone", "dose_end", "start", "hours", "status"), SESSIONS)
def test_sessions_on_wall_clocks(zone: str, dose_end: str, start: str, hours: float, status: WindowStatus) -> None:
    window = Window(at(dose_end, zone), IV)
    assert window.offset_of(at(start, zone)) == after(hours)
    assert window.status_of(at(start, zone)) is status


@pytest.mark.parametrize(
    ("zone", "dose_end", "start", "apart_min"),
    [
        ("America/New_York", "2027-11-06T12:00", "2027-11-07T01:30", 60),
        ("Europe/London", "2027-10-30T12:00", "2027-10-31T01:30", 60),
        ("Australia/Lord_Howe", "2027-04-03T12:00", "2027-04-04T01:45", 30),
        ("Pacific/Auckland", "2027-04-03T12:00", "2027-04-04T02:30", 60),
    ],
)
def test_a_wall_time_shown_twice_has_two_offsets(zone: str, dose_end: str, start: str, apart_min: int) -> None:
    window = Window(at(dose_end, zone), IV)
    first, second = (window.offset_of(at(start, zone, fold)) for fold in (0, 1))
    assert second - first == timedelta(minutes=apart_min)


@pytest.mark.parametrize(
    ("zone", "dose_end", "next_check_in", "must_end_by"),
    [
        ("America/New_York", "2027-03-12T10:40", "2027-03-14T09:30", "Sun 14 Mar 07:30"),
        ("America/New_York", "2027-03-12T10:40", "2027-03-14T04:00", "Sun 14 Mar 01:00"),
        ("America/New_York", "2027-11-05T10:40", "2027-11-07T02:30", "Sun 07 Nov 01:30"),
        ("Australia/Lord_Howe", "2027-10-01T10:40", "2027-10-03T03:30", "Sun 03 Oct 01:00"),
        ("Pacific/Auckland", "2027-09-24T10:40", "2027-09-26T04:00", "Sun 26 Sep 01:00"),
        ("Asia/Kathmandu", "2027-03-26T10:40", "2027-03-28T09:30", "Sun 28 Mar 07:30"),
    ],
)
def test_the_gap_before_the_next_dose_is_elapsed_too(
    zone: str, dose_end: str, next_check_in: str, must_end_by: str
) -> None:
    window = Window(at(dose_end, zone), IV, at(next_check_in, zone))
    assert window.must_end_by is not None
    assert shown(window.must_end_by, zone) == must_end_by


ZONES = sorted({zone for zone, *_ in CHANGES})


@given(
    rule=rules(),
    anchor=st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),
    offset=st.integers(-600, 340 * 60),
    length=st.integers(0, 180),
    next_dose=st.none() | st.integers(60, 340 * 60),
    zones=st.tuples(*[st.sampled_from(ZONES)] * 3),
)
def test_the_zone_an_instant_is_written_in_never_matters(
    rule: WindowRule,
    anchor: datetime,
    offset: int,
    length: int,
    next_dose: int | None,
    zones: tuple[str, str, str],
) -> None:
    starts, ends = anchor + timedelta(minutes=offset), anchor + timedelta(minutes=offset + length)
    check_in = None if next_dose is None else anchor + timedelta(minutes=next_dose)
    places = [ZoneInfo(zone) for zone in zones]
    plain = Window(anchor, rule, check_in)
    local = Window(anchor.astimezone(places[0]), rule, check_in and check_in.astimezone(places[1]))
    assert local == plain
    here, there = starts.astimezone(places[0]), ends.astimezone(places[2])
    assert local.status_of(here) is plain.status_of(starts) is rule.status(timedelta(minutes=offset))
    end_limit = 10**9 if next_dose is None else next_dose - 120
    closing = offset + length if rule.containment == "full" else offset
    expected = rule.opens_h * 60 <= offset and closing <= rule.closes_h * 60 and offset + length <= end_limit
    assert local.fits(here, there) is plain.fits(starts, ends) is expected
