"""The clinic's worked scenarios as sheets: America/Chicago, therapists R and K, one dosing time a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from planner.domain.intervals import instant_of, minute_of
from planner.domain.protocols import Protocol
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import resolve_wall_leniently, to_wall
from planner.scheduling.placements import CourseProposal
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
from planner.services.shipped import shipped_protocols

ZONE = "America/Chicago"
R, K = 1, 2
CLOSED = (date(2027, 2, 15), date(2027, 11, 25), date(2027, 11, 26))
MON, TUE, WED, THU, FRI = range(5)


def iv() -> Protocol:
    """The shipped twice-weekly IV protocol."""
    return next(p for p in shipped_protocols() if p.slug == "iv-racemic-twice-weekly")


def at(day: date, wall: str, zone: str = ZONE) -> int:
    """The UTC minute at which clocks show `wall` (HH:MM) on `day`."""
    hour, minute = map(int, wall.split(":"))
    return minute_of(resolve_wall_leniently(datetime.combine(day, time(hour, minute)), zone))


def wall(minute: int, zone: str = ZONE) -> str:
    """A UTC minute as clocks show it: “Mon 25 Jan 10:00”."""
    return f"{to_wall(instant_of(minute), zone):%a %d %b %H:%M}"


def days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=i) for i in range((last - first).days + 1))


def spans(
    first: date, last: date, weekdays: Iterable[int], *hours: tuple[str, str], zone: str = ZONE
) -> tuple[Span, ...]:
    """The same wall hours on the given weekdays of a range of days."""
    wanted = set(weekdays)
    return tuple(
        (at(day, a, zone), at(day, b, zone)) for day in days(first, last) if day.weekday() in wanted for a, b in hours
    )


THERAPY = (("09:00", "12:00"), ("13:00", "17:00"))
DOSING = (("09:30", "11:40"),)


def shifts(parts: Iterable[Span], site: int | None = 1) -> tuple[ShiftSheet, ...]:
    return tuple(ShiftSheet(span, site) for span in parts)


def clinic(
    first: date,
    last: date,
    now: int,
    *,
    chairs_busy: tuple[Span, ...] = (),
    r_busy: tuple[Span, ...] = (),
    k_busy: tuple[Span, ...] = (),
) -> ClinicSheet:
    """One site with one chair, one nurse, one prescriber; R works Mon to Thu, K Tue to Fri; check-in 09:30 only."""
    every = range(5)
    open_days = [span for span in spans(first, last, every, ("08:00", "18:00")) if _open(span)]
    return ClinicSheet(
        site=SiteSheet(1, ZONE, visit_grid=30, therapy_grid=60, open=tuple(open_days)),
        first_day=first,
        last_day=last,
        now=now,
        chairs=(ThingSheet(1, 101, 1, chairs_busy),),
        rooms=(ThingSheet(1, 111, 1), ThingSheet(2, 112, 1)),
        nurses=(
            PersonSheet(
                11,
                121,
                shifts(spans(first, last, every, *DOSING)),
                lanes=(ThingSheet(1, 131, 1), ThingSheet(2, 132, 1)),
            ),
        ),
        prescribers=(PersonSheet(12, 122, shifts(spans(first, last, every, *DOSING))),),
        therapists=(
            PersonSheet(R, 141, shifts(spans(first, last, (MON, TUE, WED, THU), *THERAPY)), r_busy),
            PersonSheet(K, 142, shifts(spans(first, last, (TUE, WED, THU, FRI), *THERAPY)), k_busy),
        ),
    )


def _open(span: Span) -> bool:
    return to_wall(instant_of(span[0]), ZONE).date() not in CLOSED


def patient(**changes: object) -> PatientSheet:
    return PatientSheet(id=1, holdable_id=151, primary_therapist_id=R, **changes)  # type: ignore[arg-type]


def request(earliest: date, **changes: object) -> CourseRequest:
    facts: dict[str, object] = {"protocol": iv(), "patient": patient(), "earliest_day": earliest}
    return CourseRequest(**(facts | changes))  # type: ignore[arg-type]


def booked(proposal: CourseProposal) -> tuple[BookedSheet, ...]:
    """The rows that booking a proposal makes, with ids in order; a session serves its dose's infusion."""
    ids = {id(p): number for number, p in enumerate(proposal.placements, 1)}
    doses = {p.number: ids[id(p)] for p in proposal.of_kind(AppointmentKind.INFUSION)}
    rows = [
        BookedSheet(
            id=ids[id(p)],
            kind=p.kind,
            phase=p.phase,
            number=p.number,
            start=p.start,
            end=p.end,
            status=AppointmentStatus.BOOKED,
            mode=p.mode,
            serves_id=doses.get(p.serves) if p.serves is not None else None,
            therapist_id=p.therapist_id,
            chair_id=p.chair_id,
            nurse_id=p.nurse_id,
            room_id=p.room_id,
            holds=p.holds,
        )
        for p in proposal.placements
    ]
    boosters = [
        BookedSheet(
            id=500 + b.number,
            kind=AppointmentKind.INFUSION,
            phase=b.phase,
            number=b.number,
            start=at(b.day, "09:30"),
            end=at(b.day, "11:40"),
            status=AppointmentStatus.PROPOSED,
        )
        for b in proposal.boosters
    ]
    return (*rows, *boosters)


def course(
    proposal: CourseProposal,
    supply: ClinicSheet,
    asked: CourseRequest,
    appointments: tuple[BookedSheet, ...] | None = None,
) -> CourseSheet:
    """A booked course around a clinic's supply; its pattern is the proposal's."""
    return CourseSheet(1, asked, supply, appointments or booked(proposal), proposal.pattern)
