"""Cover for 40 sessions of a therapist who is ill for a week, in a clinic of 20 therapists planned ten weeks ahead"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from planner.domain.intervals import minute_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import day_span
from planner.scheduling.covering import Displaced
from planner.scheduling.sheets import (
    BookedSheet,
    ClinicSheet,
    CourseRequest,
    CourseSheet,
    PatientSheet,
    PersonSheet,
    ShiftSheet,
    SiteSheet,
    Span,
    ThingSheet,
)
from planner.scheduling.together import decide_together
from planner.services.shipped import shipped_protocols
from tests.benchmarks.report import Report, measure

ZONE, FIRST, WEEKS = "UTC", date(2027, 2, 1), 10
THERAPISTS, ROOMS, MINUTES, ILL = 20, 8, 60, 1
A_DAY = 8
AIM_SECONDS = 2.0


def run(report: Report) -> None:
    """Time the whole decision when others have much time left, and when they have little."""
    for name, share in (("others half booked", 0.5), ("others nearly full", 0.93)):
        parts = sick_week(share)
        seconds, changes = measure(lambda p=parts: decide_together(p, "person.away"), repeat=3, warm_up=0)  # type: ignore[misc]
        lines = [line for change in changes for line in change.decision.lines if line.before is not None]
        saved = [line for line in lines if line.after is not None and line.before is not None]
        kept = sum(line.after.start == line.before.start for line in saved if line.after and line.before)
        report.line(f"40 sessions, {name}: saved, and kept at their time", f"{len(saved)} and {kept}")
        report.line(f"40 sessions, {name}: slowest of 3", max(seconds) * 1000, "ms", aim=AIM_SECONDS * 1000)


def on(day: int, hour: float) -> int:
    """The UTC minute of an hour on a day counted from the first."""
    return minute_of(day_span(FIRST, ZONE)[0]) + day * 1440 + round(hour * 60)


def sick_week(share: float) -> list[Displaced]:
    """Eight sessions on each of five days, each of another patient; other therapists are booked by `share`."""
    rnd = Random(7)
    working = [day for day in range(WEEKS * 7) if day % 7 < 5]
    protocol = next(p for p in shipped_protocols() if p.slug == "iv-racemic-twice-weekly")

    def busy() -> tuple[Span, ...]:
        return tuple((on(d, h), on(d, h + 1)) for d in working for h in range(9, 17) if rnd.random() < share)

    shifts = tuple(ShiftSheet((on(day, 9), on(day, 17)), 1) for day in working)
    away = tuple(shift for shift in shifts if shift.span[0] >= on(7, 0))
    therapists = (
        PersonSheet(ILL, 1000 + ILL, away),
        *(PersonSheet(n, 1000 + n, shifts, busy()) for n in range(2, THERAPISTS + 1)),
    )
    supply = ClinicSheet(
        site=SiteSheet(1, ZONE, 15, 15, tuple((on(day, 8), on(day, 18)) for day in working)),
        first_day=FIRST, last_day=FIRST + timedelta(days=WEEKS * 7 - 1), now=on(0, 6),
        chairs=tuple(ThingSheet(n, 2000 + n, 1) for n in range(1, 5)),
        rooms=tuple(ThingSheet(n, 3000 + n, 1, busy() if n > 1 else ()) for n in range(1, ROOMS + 1)),
        therapists=therapists,
    )  # fmt: skip
    parts = []
    for number in range(5 * A_DAY):
        day, hour = divmod(number, A_DAY)
        parts.append(_course(supply, protocol, number + 1, day, 9 + hour))
    return parts


def _course(supply: ClinicSheet, protocol: object, number: int, day: int, hour: int) -> Displaced:
    patient = PatientSheet(number, 5000 + number, primary_therapist_id=ILL)
    start = on(day, hour)
    dose = BookedSheet(
        1000 + number, AppointmentKind.INFUSION, "induction", 1, on(day - 1, 9), on(day - 1, 11),
        AppointmentStatus.FULFILLED, chair_id=1, dose_end=on(day - 1, 10),
    )  # fmt: skip
    held = (
        (5000 + number, start, start + MINUTES),
        (1000 + ILL, start, start + MINUTES),
        (3001, start, start + MINUTES),
    )
    session = BookedSheet(
        2000 + number, AppointmentKind.INTEGRATION, "induction", 1, start, start + MINUTES, AppointmentStatus.BOOKED,
        serves_id=dose.id, therapist_id=ILL, room_id=1, holds=held,
    )  # fmt: skip
    # Room 1 is the one whose sessions these are: held for each course by the other thirty-nine.
    others = tuple((on(d, h), on(d, h + 1)) for d in range(5) for h in range(9, 17) if (d, h) != (day, hour))
    rooms = (replace(supply.rooms[0], busy=others), *supply.rooms[1:])
    request = CourseRequest(protocol, patient, FIRST)  # type: ignore[arg-type]
    return Displaced(
        CourseSheet(number, request, replace(supply, rooms=rooms), (dose, session)), frozenset({session.id})
    )
