"""Clock changes in many zones: grids and hours in wall time, spacing in local days, windows in elapsed hours."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from planner.domain.intervals import minute_of
from planner.domain.statuses import AppointmentKind
from planner.domain.walltime import AmbiguousWallTime, NonexistentWallTime, resolve_wall
from planner.scheduling.localdays import LocalDays, day_minutes
from planner.scheduling.masks import bits
from planner.scheduling.proposals import propose_courses
from planner.scheduling.sheets import (
    ClinicSheet,
    CourseRequest,
    PatientSheet,
    PersonSheet,
    ShiftSheet,
    SiteSheet,
    ThingSheet,
)
from tests.scheduling.brute import Brute
from tests.scheduling.scenario import iv, spans, wall

#: Zone, the day its clocks change (local), and how many minutes longer that day is than 24 hours.
CHANGES = [
    ("America/New_York", date(2027, 3, 14), -60),
    ("America/New_York", date(2027, 11, 7), 60),
    ("Europe/London", date(2027, 3, 28), -60),
    ("Europe/London", date(2027, 10, 31), 60),
    ("America/St_Johns", date(2027, 3, 14), -60),
    ("America/St_Johns", date(2027, 11, 7), 60),
    ("Australia/Lord_Howe", date(2027, 4, 4), 30),
    ("Australia/Lord_Howe", date(2027, 10, 3), -30),
    ("Pacific/Auckland", date(2027, 4, 4), 60),
    ("Pacific/Auckland", date(2027, 9, 26), -60),
    ("America/Santiago", date(2027, 4, 3), 60),
    ("America/Santiago", date(2027, 9, 5), -60),
    ("America/Phoenix", date(2027, 3, 14), 0),
    ("America/Sao_Paulo", date(2027, 11, 7), 0),
    ("Asia/Kolkata", date(2027, 3, 28), 0),
    ("Asia/Kathmandu", date(2027, 10, 31), 0),
]
EACH = pytest.mark.parametrize(("zone", "day", "longer"), CHANGES)
FEW_DAYS, MINUTE = timedelta(days=3), timedelta(minutes=1)


@EACH
def test_a_local_day_has_its_real_length(zone: str, day: date, longer: int) -> None:
    start, end = day_minutes(day, zone)
    assert end - start == 1440 + longer


@EACH
@pytest.mark.parametrize("step", [15, 60, 90])
def test_the_grid_is_what_clocks_show(zone: str, day: date, longer: int, step: int) -> None:
    days = LocalDays(zone, day - FEW_DAYS, day + FEW_DAYS)
    place = ZoneInfo(zone)
    origin = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=days.origin)
    wanted = set()
    for minute in range(days.length):
        local = (origin + timedelta(minutes=minute)).astimezone(place)
        if (local.hour * 60 + local.minute) % step == 0:
            wanted.add(minute)
        assert days.day(days.index(days.origin + minute)) == local.date()
        assert days.wall_minute(days.origin + minute) == local.hour * 60 + local.minute
    assert set(bits(days.grid(step))) == wanted
    assert days.length == 7 * 1440 + longer


@pytest.mark.parametrize(("zone", "day", "longer"), [c for c in CHANGES if c[2]])
def test_skipped_walls_are_refused_and_doubled_ones_asked_about(zone: str, day: date, longer: int) -> None:
    walls = [datetime.combine(day, time()) + timedelta(minutes=5 * i) for i in range(288)]
    odd = []
    for moment in walls:
        try:
            resolve_wall(moment, zone)
        except NonexistentWallTime as skipped:
            assert longer < 0
            odd.append(moment)
            assert skipped.next_valid == odd[0] + timedelta(minutes=-longer)
            assert resolve_wall(skipped.next_valid, zone) - resolve_wall(odd[0] - timedelta(minutes=1), zone) == MINUTE
        except AmbiguousWallTime as doubled:
            assert longer > 0
            odd.append(moment)
            first, second = doubled.candidates
            assert second - first == timedelta(minutes=longer)
            assert (resolve_wall(moment, zone, 0), resolve_wall(moment, zone, 1)) == (first, second)
    assert len(odd) == abs(longer) // 5


def clinic_with(zone: str, day: date, hours: tuple[tuple[str, str], ...], dosing: tuple[str, str]) -> ClinicSheet:
    """Open every day with one of everything; sessions at `hours`, check-in at the start of `dosing`."""
    first, last = day - timedelta(days=9), day + timedelta(days=40)
    week = range(7)
    here = [ShiftSheet(span, 1) for span in spans(first, last, week, dosing, zone=zone)]
    return ClinicSheet(
        site=SiteSheet(1, zone, 30, 60, spans(first, last, week, ("00:00", "23:30"), zone=zone)),
        first_day=first,
        last_day=last,
        now=minute_of(resolve_wall(datetime.combine(first, time(12)), zone)),
        chairs=(ThingSheet(1, 101, 1),),
        rooms=(ThingSheet(1, 111, 1),),
        nurses=(PersonSheet(11, 121, tuple(here), lanes=(ThingSheet(1, 131, 1),)),),
        prescribers=(PersonSheet(12, 122, tuple(here)),),
        therapists=(PersonSheet(1, 141, tuple(ShiftSheet(s, 1) for s in spans(first, last, week, *hours, zone=zone))),),
    )


@EACH
@pytest.mark.parametrize(
    ("hours", "dosing"),
    [((("09:00", "12:00"),), ("09:30", "11:40")), ((("15:00", "18:00"),), ("14:30", "16:40"))],
    ids=["morning", "afternoon"],
)
def test_a_course_across_the_change_keeps_wall_days_and_elapsed_hours(
    zone: str, day: date, longer: int, hours: tuple[tuple[str, str], ...], dosing: tuple[str, str]
) -> None:
    clinic = clinic_with(zone, day, hours, dosing)
    asked = CourseRequest(
        iv(),
        PatientSheet(1, 151, primary_therapist_id=1),
        earliest_day=day - timedelta(days=1),
        latest_first_day=day - timedelta(days=1),
        preparation_days=(day - timedelta(days=4),),
    )
    brute = Brute(clinic, asked)
    found = propose_courses(clinic, asked).proposals
    assert found
    for proposal in found:
        assert brute.faults(proposal.placements) == []
        infusions = proposal.of_kind(AppointmentKind.INFUSION)
        assert {wall(p.start, zone)[-5:] for p in infusions} == {dosing[0]}
    first = found[0].of_kind(AppointmentKind.INFUSION)[0]
    session = found[0].of_kind(AppointmentKind.INTEGRATION)[0]
    begin, end = day_minutes(day, zone)
    assert first.end <= begin < session.start < end
    clocks = {f"{hour:02}:00" for hour in range(int(hours[0][0][:2]), int(hours[0][1][:2]))}
    assert wall(session.start, zone)[-5:] in clocks
    # The chosen wall time is the one whose elapsed distance to 24 h is least on that very day.
    anchor = first.start + 70
    options = [
        minute_of(resolve_wall(datetime.combine(day, time(int(clock[:2]))), zone)) - anchor for clock in sorted(clocks)
    ]
    assert session.offset_min == min(options, key=lambda offset: (abs(offset - 1440), offset))
