"""Supply with something taken out: a day, a person, or what another course's decision uses.

Times are UTC minutes since 1970; days are local to the site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from planner.domain.statuses import AppointmentKind
from planner.scheduling.decisions import Decision, LineKind
from planner.scheduling.localdays import day_minutes
from planner.scheduling.placements import Held, HeldSession, Placement
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet, PersonSheet, ShiftSheet, Span, ThingSheet


def without_day(clinic: ClinicSheet, day: date) -> ClinicSheet:
    """The clinic with its site closed all day."""
    closed = day_minutes(day, clinic.site.zone)
    return replace(clinic, site=replace(clinic.site, open=_cut(clinic.site.open, closed)))


def without_person(clinic: ClinicSheet, person_id: int, away: Span) -> ClinicSheet:
    """The clinic with one member of staff away for a span, in every role they have."""

    def cut(people: tuple[PersonSheet, ...]) -> tuple[PersonSheet, ...]:
        return tuple(_away(person, away) if person.id == person_id else person for person in people)

    return replace(
        clinic, nurses=cut(clinic.nurses), prescribers=cut(clinic.prescribers), therapists=cut(clinic.therapists)
    )


def _away(person: PersonSheet, away: Span) -> PersonSheet:
    shifts = tuple(ShiftSheet(span, shift.site_id) for shift in person.shifts for span in _cut((shift.span,), away))
    return replace(person, shifts=shifts, away=(*person.away, away))


def _cut(spans: Iterable[Span], taken: Span) -> tuple[Span, ...]:
    left: list[Span] = []
    for start, end in spans:
        if end <= taken[0] or start >= taken[1]:
            left.append((start, end))
            continue
        if start < taken[0]:
            left.append((start, taken[0]))
        if end > taken[1]:
            left.append((taken[1], end))
    return tuple(left)


def displaced_by_day(course: CourseSheet, day: date) -> frozenset[int]:
    """Appointments of a course that are held at the site on a closed day; telehealth from elsewhere goes on."""
    start, end = day_minutes(day, course.clinic.site.zone)
    return frozenset(
        a.id for a in course.appointments if a.holds and start <= a.start < end and (a.room_id or a.chair_id)
    ) | _on_site_shift(course, (start, end))


def _on_site_shift(course: CourseSheet, closed: Span) -> frozenset[int]:
    """Telehealth sessions that day whose therapist works from the site and so has no shift left."""
    by_id = {person.id: person for person in course.clinic.therapists}
    found: set[int] = set()
    for booked in course.appointments:
        if not booked.holds or booked.room_id or booked.chair_id or not closed[0] <= booked.start < closed[1]:
            continue
        person = by_id.get(booked.therapist_id or 0)
        remote = person is not None and any(
            shift.site_id is None and shift.span[0] <= booked.start and booked.end <= shift.span[1]
            for shift in person.shifts
        )
        if not remote:
            found.add(booked.id)
    return frozenset(found)


def displaced_by_person(
    course: CourseSheet, person_id: int, away: Span, before: ClinicSheet | None = None
) -> frozenset[int]:
    """Appointments of a course that need this person while they are away, as therapist, nurse or sole prescriber.

    `before` is the clinic with them (None: not asked): a visit that had no prescriber then either, because somebody
    set that rule aside, loses nobody.
    """
    found = {
        a.id
        for a in course.appointments
        if a.holds and a.start < away[1] and away[0] < a.end and person_id in (a.therapist_id, a.nurse_id)
    }
    if any(person.id == person_id for person in (before or course.clinic).prescribers):
        visits = [
            a
            for a in course.appointments
            if a.kind is AppointmentKind.INFUSION and a.holds and a.start < away[1] and away[0] < a.end
        ]
        found |= {
            a.id for a in visits if not _prescribed(course.clinic, a) and (before is None or _prescribed(before, a))
        }
    return frozenset(found)


def _prescribed(clinic: ClinicSheet, booked: BookedSheet) -> bool:
    """Whether a prescriber is on site all through a visit."""
    return any(
        shift.site_id == clinic.site.id and shift.span[0] <= booked.start and booked.end <= shift.span[1]
        for person in clinic.prescribers
        for shift in person.shifts
    )


@dataclass(frozen=True, slots=True)
class Uses:
    """What appointments hold, and the sessions among them."""

    holds: tuple[Held, ...] = ()
    sessions: tuple[HeldSession, ...] = ()

    def __add__(self, other: Uses) -> Uses:
        return Uses(self.holds + other.holds, self.sessions + other.sessions)


def uses_of(appointments: Iterable[BookedSheet | Placement]) -> Uses:
    """All that these hold together."""
    every = list(appointments)
    holds = tuple(held for one in every for held in one.holds)
    return Uses(holds, tuple(one.session for one in every if one.session is not None))


def after_decision(clinic: ClinicSheet, decision: Decision) -> ClinicSheet:
    """The supply that is left once another course's decision has been carried out."""
    return resupplied(clinic, *given_and_taken(decision))


def given_and_taken(decision: Decision) -> tuple[Uses, Uses]:
    """What a decision gives back, and what it takes.

    What could not be saved gives its slot back where it cannot stay, and holds it where it can.
    """
    freed: list[BookedSheet] = []
    taken: list[Placement] = []
    for line in decision.lines:
        if line.kind in (LineKind.NOTED, LineKind.RELINKED, LineKind.RENUMBERED):
            continue
        if line.before is not None and (line.after is not None or line.status is not None):
            freed.append(line.before)
        if line.after is not None:
            taken.append(line.after)
    return uses_of(freed), uses_of(taken)


def resupplied(clinic: ClinicSheet, freed: Uses, taken: Uses) -> ClinicSheet:
    """The clinic with what is `freed` given back and what is `taken` held, therapists' sessions counted anew."""
    clinic = rebusied(clinic, freed.holds, taken.holds)
    if not freed.sessions and not taken.sessions:
        return clinic
    return replace(clinic, therapists=tuple(_recounted(person, freed, taken) for person in clinic.therapists))


def _recounted(person: PersonSheet, freed: Uses, taken: Uses) -> PersonSheet:
    sessions = list(person.sessions)
    for start in (start for therapist_id, start in freed.sessions if therapist_id == person.id):
        if start in sessions:
            sessions.remove(start)
    sessions += [start for therapist_id, start in taken.sessions if therapist_id == person.id]
    return replace(person, sessions=tuple(sorted(sessions)))


def rebusied(clinic: ClinicSheet, freed: Iterable[Held], taken: Iterable[Held]) -> ClinicSheet:
    """The clinic with what is `freed` given back and what is `taken` held, whoever or whatever it is."""
    out: dict[int, list[Span]] = defaultdict(list)
    more: dict[int, list[Span]] = defaultdict(list)
    for holdable, start, end in freed:
        out[holdable].append((start, end))
    for holdable, start, end in taken:
        more[holdable].append((start, end))

    def busy(holdable_id: int, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        if holdable_id not in out and holdable_id not in more:
            return spans
        left = list(spans)
        for span in out[holdable_id]:
            if span in left:
                left.remove(span)
        return (*left, *more[holdable_id])

    def thing(sheet: ThingSheet) -> ThingSheet:
        return replace(sheet, busy=busy(sheet.holdable_id, sheet.busy))

    def person(sheet: PersonSheet) -> PersonSheet:
        lanes = tuple(thing(lane) for lane in sheet.lanes)
        return replace(sheet, busy=busy(sheet.holdable_id, sheet.busy), lanes=lanes)

    return replace(
        clinic,
        chairs=tuple(thing(chair) for chair in clinic.chairs),
        rooms=tuple(thing(room) for room in clinic.rooms),
        nurses=tuple(person(nurse) for nurse in clinic.nurses),
        prescribers=tuple(person(p) for p in clinic.prescribers),
        therapists=tuple(person(t) for t in clinic.therapists),
    )
