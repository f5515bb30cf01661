"""What a change of the roster takes away from under appointments that are booked already.

Sheets as loaded before and after the change are compared: whoever was covered by somebody on shift and is no longer
has to find another place; whatever was off the roster before, because a rule was set aside for it, stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from planner.domain.protocols import Holding
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet, PersonSheet
from planner.scheduling.visit_needs import StaffNeed, covered, visit_needs


def uncovered(course: CourseSheet, before: ClinicSheet) -> frozenset[int]:
    """Appointments of a course that are still to come, had all they need on the roster `before`, and have not now."""
    return frozenset(
        booked.id
        for booked in course.appointments
        if booked.holds
        and booked.start > course.clinic.now
        and any(_met(need, before) and not _met(need, course.clinic) for need in _needs(course, booked))
    )


def _needs(course: CourseSheet, booked: BookedSheet) -> Iterator[StaffNeed]:
    if booked.kind is AppointmentKind.INFUSION:
        visit = course.request.protocol.visit
        yield from visit_needs(
            visit, booked.start, booked.end, therapist_id=booked.therapist_id, nurse_id=booked.nurse_id
        )
    elif booked.therapist_id is not None:
        in_person = booked.mode is Mode.IN_PERSON or booked.room_id is not None
        yield StaffNeed(Holding.THERAPIST, booked.therapist_id, ((booked.start, booked.end),), in_person)


def _met(need: StaffNeed, clinic: ClinicSheet) -> bool:
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
    return all(covered(worked, span) for span in need.spans)
