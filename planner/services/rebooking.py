"""Finding a session for a dose that has none, with the whole course looked at again: previewed, then applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal
from planner.domain.conflicts import Rule
from planner.domain.errors import NotFound
from planner.domain.statuses import AppointmentKind
from planner.scheduling.moves import decide_displaced
from planner.services.rescheduling import Preview, apply_previewed, preview_key
from planner.store.queries.scopes import the_one, visible_appointments
from planner.store.records import Appointment, ChangeSet
from planner.store.sheets import load_course


@dataclass(frozen=True, slots=True)
class Rebook:
    """Find sessions for the doses of the course of this infusion that have none."""

    appointment_id: int


def preview_rebooking(
    db: Session, principal: Principal, act: Rebook, *, now: datetime, choices: Mapping[int, int] | None = None
) -> Preview:
    """Decide and write nothing. Raises NotFound for an infusion `principal` may not change, Refused."""
    scope = visible_appointments(principal, Permission.INFUSIONS_CHANGE)
    dose: Appointment = the_one(
        db, scope, Appointment.id == act.appointment_id, Appointment.kind == AppointmentKind.INFUSION
    )
    if dose.course_id is None:
        raise NotFound
    course = load_course(db, dose.course_id, now)
    decision = decide_displaced(course, (), "rebook", choices or {})
    return Preview(course, decision, preview_key(course, decision), dict(choices or {}))


def apply_rebooking(
    db: Session,
    principal: Principal,
    act: Rebook,
    *,
    key: str,
    now: datetime,
    choices: Mapping[int, int] | None = None,
    override_reasons: Mapping[Rule, str] | None = None,
) -> ChangeSet:
    """Apply what was previewed under `key`, in one transaction, undoable as one.

    Raises StaleVersion when the course has changed since, and what `apply_decision` raises.
    """
    again = preview_rebooking(db, principal, act, now=now, choices=choices)
    return apply_previewed(db, principal, again, key=key, now=now, override_reasons=override_reasons)
