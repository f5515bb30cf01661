"""Times an appointment can move to, and why another time is refused, as plain facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind
from planner.scheduling.decisions import LineKind
from planner.scheduling.offers import Offer
from planner.services.reading.previews import QUIET
from planner.services.reading.windows import STATUS_WORDS
from planner.services.rescheduling import nearest_offers, offers

#: How many times are named beside a refusal.
NEAREST = 3


@dataclass(frozen=True, slots=True)
class OfferedTime:
    """One time to choose; `value` is its instant as a form posts it, `detail` what would go with it."""

    value: str
    starts_at: datetime
    ends_at: datetime
    detail: str


def offered(db: Session, principal: Principal, appointment_id: int, *, now: datetime) -> tuple[OfferedTime, ...]:
    """Times this appointment can move to, a few on each day, in order of time. Raises NotFound."""
    return _all_offered(offers(db, principal, appointment_id, now=now), appointment_id)


def nearest_to(
    db: Session, principal: Principal, appointment_id: int, wanted: datetime, *, now: datetime
) -> tuple[OfferedTime, ...]:
    """The times nearest to the one that was refused (aware), whether they are offered anyway or not, in order of time.

    Raises NotFound.
    """
    found = nearest_offers(db, principal, appointment_id, wanted, now=now, most=NEAREST)
    return _all_offered(found, appointment_id)


def _all_offered(found: tuple[Offer, ...], appointment_id: int) -> tuple[OfferedTime, ...]:
    times = (_offered(offer, appointment_id) for offer in found)
    return tuple(time for time in times if time is not None)


def _offered(offer: Offer, appointment_id: int) -> OfferedTime | None:
    own = next(
        (line for line in offer.decision.lines if line.before is not None and line.before.id == appointment_id), None
    )
    if own is None or own.after is None:
        return None
    others = sum(line.kind not in QUIET for line in offer.decision.lines) - 1
    starts_at = instant_of(own.after.start)
    details = []
    if own.after.kind is not AppointmentKind.INFUSION and own.after.offset_min is not None:
        details.append(f"{(own.after.offset_min + 30) // 60} h after")
        if own.after.window_status is not None:
            details.append(STATUS_WORDS[own.after.window_status])
    if others:
        moved = sum(line.kind is LineKind.MOVED for line in offer.decision.lines) - 1
        verb = "moves" if others == 1 else "move"
        noun = "appointment" if others == 1 else "appointments"
        details.append(f"{others} other {noun} {verb if moved == others else verb.replace('move', 'change')}")
    elif not details:
        details.append("nothing else changes")
    return OfferedTime(value_of(starts_at), starts_at, instant_of(own.after.end), ", ".join(details))


def value_of(instant: datetime) -> str:
    """An instant as a form posts it: ISO 8601 in UTC, to the minute."""
    return instant.strftime("%Y-%m-%dT%H:%MZ")
