"""What patients see and do with their own dates, in the words they are told (ui.md section 12).

Patients change a date only to times the planner offers them, and only to those that keep everything else whole: no
other treatment moves, no talking session falls away. Cancelling a treatment is for the clinic to do, because a course
hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused, StaleVersion
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus, Mode
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.services import rescheduling, status_changes
from planner.store.queries.appointments import AppointmentRow, appointment
from planner.store.records import ChangeSet

TITLES: Final = {
    AppointmentKind.INFUSION: "Treatment",
    AppointmentKind.INTEGRATION: "Talking session",
    AppointmentKind.CONSOLIDATION: "Talking session",
    AppointmentKind.PREPARATION: "First talk",
    AppointmentKind.ASSESSMENT: "Check-up",
}
#: So many times a day are offered, spread over it; more would only be scrolled past.
PER_DAY: Final = 4
#: What may become of the others when a patient moves a date: nothing they would have to be asked about.
_WHOLE: Final = frozenset({LineKind.MOVED, LineKind.RELINKED, LineKind.RENUMBERED, LineKind.NOTED})
GONE: Final = "This time has just been taken. Choose another one."


def title_of(kind: AppointmentKind) -> str:
    """What patients call this kind of appointment."""
    return TITLES[kind]


def place_of(row: AppointmentRow) -> str:
    """Who it is with and where, in one sentence."""
    company = f"With {row.therapist_name}, " if row.therapist_name and row.kind is not AppointmentKind.INFUSION else ""
    if row.mode is Mode.TELEHEALTH:
        where = "by video"
    else:
        where = f"at {row.site_name}" + (f", {row.site_address}" if row.site_address else "")
    sentence = company + where
    return sentence[0].upper() + sentence[1:]


def may_change(row: AppointmentRow, now: datetime) -> bool:
    """Whether a patient may still choose another time."""
    return row.status is AppointmentStatus.BOOKED and not row.pinned and row.starts_at > now


def may_cancel(row: AppointmentRow, now: datetime) -> bool:
    """Whether a patient may cancel it themselves; a treatment is for the clinic to cancel."""
    return may_change(row, now) and row.kind is not AppointmentKind.INFUSION


@dataclass(frozen=True, slots=True)
class Moved:
    """Another of the patient's dates that a change takes along."""

    title: str
    was_starts_at: datetime
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class OfferedTime:
    """A time a date can have, and what would move with it."""

    starts_at: datetime
    ends_at: datetime
    others: tuple[Moved, ...] = ()

    @property
    def value(self) -> str:
        """The time as a form sends it."""
        return str(int(self.starts_at.timestamp()) // 60)


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """A change before it is made; `key` says it is still the same one when it is."""

    offered: OfferedTime
    key: str


def own_date(db: Session, principal: Principal, appointment_id: int) -> AppointmentRow:
    """One of the patient's own dates. Raises NotFound, also for somebody else's and for one that was only proposed."""
    return appointment(db, principal, appointment_id, Permission.PORTAL)


def offered_times(db: Session, principal: Principal, row: AppointmentRow, *, now: datetime) -> list[OfferedTime]:
    """Times this date can have with everything that hangs on it still whole, in order; a few on each day."""
    if not may_change(row, now):
        return []

    def suits(decision: Decision) -> bool:
        return _is_whole(decision, row) and _offered(decision, row) is not None

    found = rescheduling.offers(db, principal, row.id, now=now, a_day=PER_DAY, suits=suits)
    times = (_offered(offer.decision, row) for offer in found)
    return [time for time in times if time is not None and time.starts_at > now]


def preview_change(
    db: Session, principal: Principal, row: AppointmentRow, start: datetime, *, now: datetime
) -> ChangePreview:
    """What choosing `start` (aware) would change. Raises Refused for a time that cannot be had, or not by a patient."""
    act = rescheduling.Move(row.id, start)
    seen = rescheduling.preview(db, principal, act, now=now)
    offered = _offered(seen.decision, row) if _is_whole(seen.decision, row) else None
    if offered is None or not may_change(row, now) or start <= now or start == row.starts_at:
        raise Refused([Conflict(Rule.STATUS, GONE)])
    return ChangePreview(offered, seen.key)


def change(
    db: Session,
    principal: Principal,
    row: AppointmentRow,
    start: datetime,
    *,
    key: str,
    seen_version: int,
    now: datetime,
) -> ChangeSet:
    """Make the change that was previewed under `key`.

    Raises StaleVersion when anything changed since, Refused, and NotPermitted for who only reads.
    """
    require(principal, Permission.OWN_DATES_CHANGE)
    if seen_version != row.version:
        raise StaleVersion(seen_version, row.version, "This date")
    preview_change(db, principal, row, start, now=now)
    return rescheduling.apply(db, principal, rescheduling.Move(row.id, start), key=key, now=now)


def cancel(db: Session, principal: Principal, row: AppointmentRow, *, seen_version: int, now: datetime) -> ChangeSet:
    """Cancel a talking session; its time is given back and the clinic sees that one is missing.

    Raises StaleVersion, NotPermitted for who only reads, and Refused for a treatment or a date that is over.
    """
    require(principal, Permission.OWN_DATES_CHANGE)
    appointment(db, principal, row.id, Permission.OWN_DATES_CHANGE)
    if seen_version != row.version:
        raise StaleVersion(seen_version, row.version, "This date")
    if not may_cancel(row, now):
        raise Refused([Conflict(Rule.STATUS, "This date cannot be cancelled here. Please call us.")])
    return status_changes.cancel(
        db, principal, row.id, seen_version=seen_version, now=now, reason="cancelled by the patient"
    )


def _is_whole(decision: Decision, row: AppointmentRow) -> bool:
    return not decision.overrides and all(
        line.kind in _WHOLE and (line.kind is not LineKind.MOVED or _is_own_or_session(line, row.id))
        for line in decision.lines
    )


def _is_own_or_session(line: Line, appointment_id: int) -> bool:
    before = line.before
    if before is None:
        return False
    # A proposed booster is nobody's date yet; it keeps its distance from the last treatment.
    is_date = before.status is not AppointmentStatus.PROPOSED
    return before.id == appointment_id or before.kind is not AppointmentKind.INFUSION or not is_date


def _offered(decision: Decision, row: AppointmentRow) -> OfferedTime | None:
    """The date's own new time and the others that move with it; None when the decision leaves the date where it is."""
    own: tuple[datetime, datetime] | None = None
    others = []
    for line in decision.of(LineKind.MOVED):
        if line.before is None or line.after is None or line.before.status is AppointmentStatus.PROPOSED:
            continue
        starts_at, ends_at = instant_of(line.after.start), instant_of(line.after.end)
        if line.before.id == row.id:
            own = (starts_at, ends_at)
        elif line.after.start != line.before.start:
            others.append(Moved(title_of(line.before.kind), instant_of(line.before.start), starts_at, ends_at))
    return None if own is None else OfferedTime(own[0], own[1], tuple(others))


# One's dates as lists


def to_come(rows: Iterable[AppointmentRow], now: datetime) -> list[AppointmentRow]:
    """Booked dates that are not over, in order of time."""
    standing = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)
    return [row for row in rows if row.status in standing and row.ends_at > now]


def behind(rows: Iterable[AppointmentRow], now: datetime) -> list[AppointmentRow]:
    """Dates that were held or not, the latest first; cancelled ones are nobody's past."""
    shown = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED, AppointmentStatus.NOSHOW)
    return [row for row in rows if row.status in shown and row.ends_at <= now][::-1]
