"""Sheets: everything the planner needs to know about a clinic and a course, frozen and without a database.

All instants and spans are UTC minutes since 1970 (see the package). `busy` spans already contain turnover.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from planner.domain.protocols import Protocol
from planner.domain.statuses import HOLDING, SESSIONS, AppointmentKind, AppointmentStatus, Mode

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SiteSheet:
    """A site's opening spans with closures already cut out; grids in minutes from local midnight in `zone`."""

    id: int
    zone: str
    visit_grid: int
    therapy_grid: int
    open: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ThingSheet:
    """A chair, a room or a nurse's lane: one holdable at one site, with what it is already held for."""

    id: int
    holdable_id: int
    site_id: int
    busy: tuple[Span, ...] = ()
    turnover: int = 0


@dataclass(frozen=True, slots=True)
class ShiftSheet:
    """One shift with absences cut out; no site means telehealth from anywhere."""

    span: Span
    site_id: int | None


@dataclass(frozen=True, slots=True)
class PersonSheet:
    """A member of staff in one clinical role. `away`: absences, at which not even an exception calls them in.

    `most_sessions` is how many sessions they hold on one local day of the site at most (None: no limit), `sessions`
    when the ones they have begin, in order and wherever they are held.
    """

    id: int
    holdable_id: int
    shifts: tuple[ShiftSheet, ...]
    busy: tuple[Span, ...] = ()
    turnover: int = 0
    lanes: tuple[ThingSheet, ...] = ()
    away: tuple[Span, ...] = ()
    most_sessions: int | None = None
    sessions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session of the very course that is being changed: with whom, when it begins, and whether it stays there."""

    therapist_id: int
    start: int
    stays: bool


@dataclass(frozen=True, slots=True)
class PatientSheet:
    """The patient: what else holds them, when they can come (None: any time), and what they like.

    `own_sessions` are those of the course in question, which the therapists' own `sessions` leave out.
    """

    id: int
    holdable_id: int
    busy: tuple[Span, ...] = ()
    available: tuple[Span, ...] | None = None
    turnover: int = 0
    modes: tuple[Mode, ...] = (Mode.IN_PERSON, Mode.TELEHEALTH)
    primary_therapist_id: int | None = None
    preferred_from: int = 0
    preferred_to: int = 1440
    own_sessions: tuple[OwnSession, ...] = ()


@dataclass(frozen=True, slots=True)
class ClinicSheet:
    """One site's supply over `horizon` days (first and last, inclusive, local to the site)."""

    site: SiteSheet
    first_day: date
    last_day: date
    now: int
    chairs: tuple[ThingSheet, ...] = ()
    rooms: tuple[ThingSheet, ...] = ()
    nurses: tuple[PersonSheet, ...] = ()
    prescribers: tuple[PersonSheet, ...] = ()
    therapists: tuple[PersonSheet, ...] = ()


@dataclass(frozen=True, slots=True)
class CourseRequest:
    """A course to be planned: whose, by which protocol, and the wishes that bound it.

    `weekdays` are the days (0 = Monday) on which doses may lie; `therapist_ids` limits who may hold sessions (None:
    anyone). `preparation_days` are local days of preparation sessions already held or booked.
    """

    protocol: Protocol
    patient: PatientSheet
    earliest_day: date
    latest_first_day: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    therapist_ids: frozenset[int] | None = None
    preparation_days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class BookedSheet:
    """One appointment of an existing course. `dose_end` is the recorded end of the dose, if there is one."""

    id: int
    kind: AppointmentKind
    phase: str
    number: int
    start: int
    end: int
    status: AppointmentStatus
    mode: Mode = Mode.IN_PERSON
    serves_id: int | None = None
    therapist_id: int | None = None
    chair_id: int | None = None
    nurse_id: int | None = None
    room_id: int | None = None
    pinned: bool = False
    dose_end: int | None = None
    version: int = 1
    holds: tuple[tuple[int, int, int], ...] = ()

    @property
    def session(self) -> tuple[int, int] | None:
        """(therapist id, start) if it counts as a session of theirs: not for a visit, nor without holding anybody."""
        mine = self.kind in SESSIONS and self.status in HOLDING and self.therapist_id is not None
        return (self.therapist_id or 0, self.start) if mine else None


@dataclass(frozen=True, slots=True)
class OtherHold:
    """Who else holds a person or thing: an appointment of another course, or a promise (no appointment).

    `words` name the appointment as far as the person who asks may see it.
    """

    holdable_id: int
    start: int
    end: int
    appointment_id: int | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class CourseSheet:
    """An existing course: its appointments and the supply around them.

    The clinic's and patient's `busy` spans, and the therapists' `sessions`, leave this course's own appointments out.
    `others` names what is behind them near a time at which somebody asks to hold a person or room twice; nobody else
    needs to know.
    """

    id: int
    request: CourseRequest
    clinic: ClinicSheet
    appointments: tuple[BookedSheet, ...]
    pattern: frozenset[int] = frozenset()
    names: Mapping[int, str] = field(default_factory=dict, hash=False)
    others: tuple[OtherHold, ...] = ()
