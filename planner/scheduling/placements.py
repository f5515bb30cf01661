"""Placements: where one appointment of a course would go, and whole-course proposals made of them.

Instants are UTC minutes since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from planner.domain.conflicts import Rule
from planner.domain.statuses import SESSIONS, AppointmentKind, Mode
from planner.domain.windows import WindowStatus

Held = tuple[int, int, int]
"""(holdable id, from, to): one thing held for one half-open span, turnover included."""

HeldSession = tuple[int, int]
"""(therapist id, start): one of the sessions that somebody has on a day."""


@dataclass(frozen=True, slots=True)
class Placement:
    """One appointment to be made. `serves` is the number of the dose whose window a session uses.

    `offset_min` counts elapsed minutes from the end of that dose to the start of the session.
    """

    kind: AppointmentKind
    phase: str
    number: int
    start: int
    end: int
    site_id: int
    mode: Mode = Mode.IN_PERSON
    chair_id: int | None = None
    nurse_id: int | None = None
    therapist_id: int | None = None
    room_id: int | None = None
    serves: int | None = None
    offset_min: int | None = None
    window_status: WindowStatus | None = None
    with_primary: bool = True
    holds: tuple[Held, ...] = ()

    @property
    def session(self) -> HeldSession | None:
        """Whose session it is and when it begins; None for a visit, and without a therapist."""
        mine = self.kind in SESSIONS and self.therapist_id is not None
        return (self.therapist_id or 0, self.start) if mine else None


@dataclass(frozen=True, slots=True)
class ProposedDay:
    """A booster that is only proposed: a day, nothing held."""

    phase: str
    number: int
    day: date


@dataclass(frozen=True, slots=True)
class Coverage:
    """How well a proposal's doses are covered: counts of doses by the status of their session, and by therapist."""

    doses: int
    with_session: int
    in_peak: int
    in_window: int
    with_primary: int


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a person should know about a proposal or decision, by the rule it is about. It does not block."""

    rule: Rule
    sentence: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class CourseProposal:
    """A whole course that can be booked as it stands. Lower `cost` ranks first."""

    pattern: frozenset[int]
    placements: tuple[Placement, ...]
    boosters: tuple[ProposedDay, ...]
    gaps: tuple[int, ...]
    span_days: int
    coverage: Coverage
    remarks: tuple[Remark, ...] = ()
    cost: tuple[int, ...] = field(default=(), compare=False)

    def of_kind(self, kind: AppointmentKind) -> tuple[Placement, ...]:
        """The placements of one kind, in order of time."""
        return tuple(p for p in self.placements if p.kind is kind)
