"""A planning instance as typed values: what a `kap-instance/1` file says, checked, and nothing else.

Times are wall times in the instance's one zone, naive; spans are half-open. Minutes of a day count from midnight.
Whatever has no order in the format is kept sorted, so that two instances that mean the same are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

StaffRole = Literal["nurse", "prescriber", "therapist"]
MeetingMode = Literal["room", "telehealth"]
Continuity = Literal["required", "preferred"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: What a shift away from every site is called in a file that this planner writes.
REMOTE = "remote"

MinuteSpan = tuple[int, int]
WallSpan = tuple[datetime, datetime]
Week = tuple[tuple[MinuteSpan, ...], ...]
"""Seven days from Monday, each with its spans in wall minutes."""

Number = int | float


@dataclass(frozen=True, slots=True)
class Buffers:
    """Minutes between the end of one booking and the start of the next of the same therapist, chair, room, patient."""

    therapist: int
    chair: int
    room: int
    patient: int


@dataclass(frozen=True, slots=True)
class InstanceSite:
    """A site and when it is open."""

    id: str
    hours: Week


@dataclass(frozen=True, slots=True)
class InstanceThing:
    """A chair or a room at a site."""

    id: str
    site: str


@dataclass(frozen=True, slots=True, order=True)
class InstanceShift:
    """A span of work at a site; `site` is None for telehealth."""

    start: datetime
    end: datetime
    site: str | None


@dataclass(frozen=True, slots=True)
class InstanceStaff:
    """A member of staff. `max_patients` is how many patients a nurse watches at once, None for the others."""

    id: str
    role: StaffRole
    max_patients: int | None
    shifts: tuple[InstanceShift, ...]
    time_off: tuple[WallSpan, ...]


@dataclass(frozen=True, slots=True)
class InstanceBooking:
    """An existing booking that cannot be moved, of any of a chair, a room, a nurse and a therapist."""

    start: datetime
    end: datetime
    chair: str | None
    room: str | None
    nurse: str | None
    therapist: str | None


@dataclass(frozen=True, slots=True)
class InstanceProtocol:
    """A protocol: minutes, local calendar days and elapsed hours as the names say.

    `window_h` counts from `anchor_min` after the infusion's start; a session starts at or after its first hour and
    ends at or before its second. `curve` are (hours, cost) points of a start. `integrations` are (infusion number,
    minutes), `prep_lead_h` the least and most hours from the end of preparation to the first infusion.
    """

    infusions: int
    infusion_min: int
    anchor_min: int
    gap_days: tuple[int, int]
    window_h: tuple[Number, Number]
    curve: tuple[tuple[Number, Number], ...]
    integrations: tuple[tuple[int, int], ...]
    prep_minutes: int
    prep_lead_h: tuple[Number, Number]


@dataclass(frozen=True, slots=True)
class InstancePatient:
    """A patient to be planned. `therapists` may hold their sessions; `bands` and `mode` are what they like."""

    id: str
    protocol: str
    earliest: date
    latest_first: date | None
    sites: tuple[str, ...]
    modes: tuple[MeetingMode, ...]
    primary: str
    therapists: tuple[str, ...]
    continuity: Continuity
    therapist_present: bool
    available: Week
    unavailable: tuple[WallSpan, ...]
    bands: tuple[MinuteSpan, ...]
    mode: MeetingMode | None


@dataclass(frozen=True, slots=True)
class Weights:
    """What each shortcoming of a plan costs."""

    unplanned: int
    continuity: int
    day: int
    pref: int
    mode: int


@dataclass(frozen=True, slots=True)
class Instance:
    """A whole instance. `first_day` and `last_day` are both part of the horizon."""

    id: str
    seed: int
    zone: str
    first_day: date
    last_day: date
    grid_min: int
    buffers: Buffers
    weights: Weights
    holidays: tuple[date, ...]
    sites: tuple[InstanceSite, ...]
    chairs: tuple[InstanceThing, ...]
    rooms: tuple[InstanceThing, ...]
    staff: tuple[InstanceStaff, ...]
    bookings: tuple[InstanceBooking, ...]
    protocols: dict[str, InstanceProtocol]
    patients: tuple[InstancePatient, ...]
