"""What a change of the roster takes away from under appointments that are booked already.

Sheets as loaded before and after the change are compared: whoever was covered by somebody on shift and is no longer
has to find another place; whatever was off the roster before, because a rule was set aside for it, stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.domain.protocols import Holding
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet, PersonSheet, Span


@dataclass(frozen=True, slots=True)
class _Need:
    """Somebody of a role on shift all through `spans`: one person, or (None) whoever it is."""

    holding: Holding
    person_id: int | None
    spans: tuple[Span, ...]
    on_site: bool


def uncovered(course: CourseSheet, before: ClinicSheet) -> frozenset[int]:
    """Appointments of a course that are still to come, had all they need on the roster `before`, and have not now."""
    return frozenset(
        booked.id
        for booked in course.appointments
        if booked.holds
        and booked.start > course.clinic.now
        and any(_met(need, before) and not _met(need, course.clinic) for need in _needs(course, booked))
    )


def _needs(course: CourseSheet, booked: BookedSheet) -> Iterator[_Need]:
    whole = ((booked.start, booked.end),)
    if booked.kind is not AppointmentKind.INFUSION:
        if booked.therapist_id is not None:
            in_person = booked.mode is Mode.IN_PERSON or booked.room_id is not None
            yield _Need(Holding.THERAPIST, booked.therapist_id, whole, in_person)
        return
    visit = course.request.protocol.visit
    for holding, person_id in ((Holding.THERAPIST, booked.therapist_id), (Holding.NURSE, booked.nurse_id)):
        if person_id is not None:
            yield _Need(holding, person_id, _at(booked, visit.spans(holding)) or whole, True)
    for holding in (Holding.THERAPIST, Holding.NURSE, Holding.PRESCRIBER):
        spans = visit.on_site_spans(holding)
        if holding is Holding.PRESCRIBER:
            spans = (*spans, *visit.spans(holding))
        if spans:
            yield _Need(holding, None, _at(booked, spans), True)


def _at(booked: BookedSheet, spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple((booked.start + first, booked.start + last) for first, last in spans)


def _met(need: _Need, clinic: ClinicSheet) -> bool:
    people: dict[Holding, tuple[PersonSheet, ...]] = {
        Holding.THERAPIST: clinic.therapists,
        Holding.NURSE: clinic.nurses,
        Holding.PRESCRIBER: clinic.prescribers,
    }
    worked = [
        shift.span
        for person in people[need.holding]
        if need.person_id in (None, person.id)
        for shift in person.shifts
        if shift.site_id == clinic.site.id or (shift.site_id is None and not need.on_site)
    ]
    return all(_contains(worked, span) for span in need.spans)


def _contains(worked: Iterable[Span], wanted: Span) -> bool:
    """Whether spans together leave no minute of `wanted` out."""
    at = wanted[0]
    for start, end in sorted(worked):
        if start > at:
            break
        at = max(at, end)
    return at >= wanted[1]
