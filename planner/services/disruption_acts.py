"""What people do to a site's days and to somebody's time, as facts: which days close, who is away, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

KIND_DAY = "day.close"
KIND_DAYS = "days.close"
KIND_REOPENED = "day.reopen"
KIND_AWAY = "person.away"
KIND_CHANGED = "absence.change"
KIND_REMOVED = "absence.remove"
KIND_LEFT = "person.leave"

#: Every kind of change set that has a group of its own: undone with all it moved.
GROUP_KINDS = (KIND_DAY, KIND_DAYS, KIND_REOPENED, KIND_AWAY, KIND_CHANGED, KIND_REMOVED, KIND_LEFT)


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Close a site for a calendar day in its own zone."""

    site_id: int
    day: date
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CloseDays:
    """Close a site for several calendar days in its own zone, each with its reason, as one act."""

    site_id: int
    days: tuple[tuple[date, str], ...]

    @property
    def reason(self) -> str:
        """The one reason of them all, if there is one."""
        reasons = {reason for _, reason in self.days}
        return reasons.pop() if len(reasons) == 1 else ""


@dataclass(frozen=True, slots=True)
class Away:
    """A member of staff is away from one aware instant to another.

    Somebody who falls ill may have been away for a part of that time anyway (`may_overlap`).
    """

    person_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str = ""
    may_overlap: bool = False


@dataclass(frozen=True, slots=True)
class ChangeAbsence:
    """An absence gets other times (aware instants) or another reason; `seen` is the mark of what the person saw."""

    absence_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str
    seen: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Somebody who no longer works here: all that is still booked with them finds cover."""

    person_id: int
    reason: str = ""


Disruption = CloseDay | CloseDays | Away | ChangeAbsence | Leave


def kind_of(act: Disruption) -> str:
    """The word for an act in histories."""
    kinds: dict[type[Disruption], str] = {
        CloseDay: KIND_DAY,
        CloseDays: KIND_DAYS,
        Away: KIND_AWAY,
        ChangeAbsence: KIND_CHANGED,
        Leave: KIND_LEFT,
    }
    return kinds[type(act)]


def days_of(act: CloseDay | CloseDays) -> tuple[tuple[date, str], ...]:
    """The days an act closes, with their reasons."""
    return ((act.day, act.reason),) if isinstance(act, CloseDay) else act.days
