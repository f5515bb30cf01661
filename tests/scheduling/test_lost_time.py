"""What takes the place of an appointment that was given up is never the very time that was given up."""

from dataclasses import replace
from datetime import date

import pytest

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, LineKind
from planner.scheduling.moves import Follow, decide_lost, decide_move
from planner.scheduling.sheets import BookedSheet, CourseSheet
from tests.scheduling.scenario import at, wall
from tests.scheduling.test_scenarios import infusion, monday_thursday

CANCELLED = AppointmentStatus.CANCELLED


def made(decision: Decision, kind: AppointmentKind) -> list[str]:
    """When the decision makes appointments of a kind."""
    created = decision.of(LineKind.CREATED)
    return [wall(line.after.start) for line in created if line.after is not None and line.after.kind is kind]


def session_after(booked: CourseSheet, number: int) -> BookedSheet:
    dose = infusion(booked, number).id
    return next(a for a in booked.appointments if a.serves_id == dose)


@pytest.mark.parametrize(
    ("number", "follow", "instead"),
    [(6, "slide", "Tue 16 Feb 09:30"), (6, "repair", "Wed 10 Feb 09:30"), (3, "repair", "Tue 02 Feb 09:30")],
)
def test_a_cancelled_dose_is_given_on_another_day(number: int, follow: Follow, instead: str) -> None:
    booked = monday_thursday("2027-01-29 12:00")
    decision = decide_lost(booked, infusion(booked, number).id, CANCELLED, follow=follow)
    assert made(decision, AppointmentKind.INFUSION) == [instead]


def test_a_cancelled_session_gets_another_time() -> None:
    booked = monday_thursday("2027-01-29 12:00")
    lost = session_after(booked, 3)
    assert wall(lost.start) == "Tue 02 Feb 11:00"
    decision = decide_lost(booked, lost.id, CANCELLED)
    assert made(decision, AppointmentKind.INTEGRATION) == ["Tue 02 Feb 10:00"]


def test_a_status_is_told_in_words() -> None:
    booked = monday_thursday("2027-01-29 12:00")
    given = infusion(booked, 1)
    with pytest.raises(Refused, match=r"This appointment is done and cannot be changed\."):
        decide_lost(booked_as(booked, given, AppointmentStatus.FULFILLED), given.id, CANCELLED)
    with pytest.raises(Refused, match=r"is marked “did not come” and cannot be changed\."):
        decide_move(booked_as(booked, given, AppointmentStatus.NOSHOW), given.id, given.start)


def booked_as(booked: CourseSheet, one: BookedSheet, status: AppointmentStatus) -> CourseSheet:
    rows = tuple(replace(a, status=status) if a.id == one.id else a for a in booked.appointments)
    return replace(booked, appointments=rows)


@pytest.mark.parametrize(
    ("day", "rule"), [(date(2020, 1, 1), Rule.PAST), (date(2027, 1, 28), Rule.PAST), (date(2199, 1, 1), Rule.CLOSED)]
)
def test_a_day_beyond_the_roster_is_past_or_not_known_yet(day: date, rule: Rule) -> None:
    booked = monday_thursday("2027-01-29 12:00")
    with pytest.raises(Refused) as refused:
        decide_move(booked, infusion(booked, 3).id, at(day, "09:30"))
    assert rule in {conflict.rule for conflict in refused.value.conflicts}
