"""Decisions: what one act does to a course, line by line, before anything is written.

A decision is made from a sheet alone, shown to a person as it is, and applied as it is or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from planner.domain.conflicts import Conflict
from planner.domain.statuses import AppointmentStatus
from planner.scheduling.placements import Placement, ProposedDay, Remark
from planner.scheduling.sheets import BookedSheet


class LineKind(StrEnum):
    """What happens to one appointment.

    MOVED: another time, person or place (same UID, SEQUENCE + 1). RELINKED: same slot, serves another dose (UID and
    SEQUENCE unchanged). RENUMBERED: an infusion keeps its slot and becomes another dose. RELEASED: its slot is given
    back (cancelled). MARKED: another status (no-show, cancelled, fulfilled). CREATED: new. UNSAVED: nothing legal was
    found and a person is needed; `ways_out` says what can be done. An appointment that cannot stay where it is (its
    status says so) gives its slot back meanwhile. NOTED: nothing changes but its
    window status, which a person should see.
    """

    MOVED = "moved"
    RELINKED = "relinked"
    RENUMBERED = "renumbered"
    RELEASED = "released"
    MARKED = "marked"
    CREATED = "created"
    UNSAVED = "unsaved"
    NOTED = "noted"


class WayOutKind(StrEnum):
    """Ways out when a dose has no session in its window, in the order offered (clinical.md 1.5, rule 3)."""

    OTHER_THERAPIST = "other-therapist"
    OPEN_SLOT = "open-slot"
    MOVE_DOSE = "move-dose"
    LATE_SLOT = "late-slot"


@dataclass(frozen=True, slots=True)
class WayOut:
    """One way out: a session placement, and for MOVE_DOSE also where the infusion goes. LATE_SLOT needs a reason.

    OPEN_SLOT lies outside the roster and works only if that therapist marks themselves available.
    """

    kind: WayOutKind
    sentence: str
    session: Placement
    infusion: Placement | None = None
    needs_reason: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One appointment's part in a decision. `after.serves` and `after.number` are dose numbers as they will be."""

    kind: LineKind
    sentence: str
    before: BookedSheet | None = None
    after: Placement | None = None
    status: AppointmentStatus | None = None
    dose_end: int | None = None
    ways_out: tuple[WayOut, ...] = ()

    @property
    def gives_up(self) -> bool:
        """Whether its slot is given back: released, or unsaved and unable to stay where it is."""
        return self.kind is LineKind.RELEASED or (
            self.kind is LineKind.UNSAVED and self.before is not None and self.status is not None
        )

    @property
    def changes_slot(self) -> bool:
        """Whether a subscriber sees another time or place."""
        return self.gives_up or self.kind in (LineKind.MOVED, LineKind.CREATED, LineKind.MARKED)


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything one act changes. `overrides` must each be given a reason by somebody who may, or it is refused."""

    kind: str
    lines: tuple[Line, ...]
    boosters: tuple[ProposedDay, ...] = ()
    remarks: tuple[Remark, ...] = ()
    overrides: tuple[Conflict, ...] = ()

    def of(self, kind: LineKind) -> tuple[Line, ...]:
        """The lines of one kind."""
        return tuple(line for line in self.lines if line.kind is kind)

    @property
    def unsaved(self) -> tuple[Line, ...]:
        """What could not be saved and needs a person."""
        return self.of(LineKind.UNSAVED)

    def with_lines(self, lines: tuple[Line, ...]) -> Decision:
        """The same decision with other lines."""
        return replace(self, lines=lines)
