"""The sessions that count on therapists' days: what is booked, and what is promised while somebody plans.

One definition for planning, for booking and for the warnings of a roster: every appointment but an infusion that holds
its therapist, of a course or not, counts on the local day on which it begins.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, exists, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from planner.domain.intervals import instant_of
from planner.domain.statuses import HOLDING, SESSIONS
from planner.scheduling.sheets import Span
from planner.store.records import Appointment, Hold, Holdable, HoldableKind, Occupancy, Person
from planner.store.sheets.minutes import MinuteDown


def load_sessions(
    db: Session,
    therapist_ids: Collection[int],
    span: Span,
    now: datetime,
    *,
    without_course_id: int | None = None,
    without_hold_id: int | None = None,
) -> dict[int, tuple[int, ...]]:
    """When the sessions of each of these people begin, in order, as UTC minutes within `span`. One query, or none.

    Leaves out promises that have run out at `now`, the sessions of `without_course_id` and the promise
    `without_hold_id`.
    """
    if not therapist_ids:
        return {}
    between = instant_of(span[0]), instant_of(span[1])
    booked = (
        select(Appointment.therapist_id, Appointment.starts_at)
        .where(*counted_sessions(), Appointment.therapist_id.in_(sorted(therapist_ids)))
        .where(Appointment.starts_at >= between[0], Appointment.starts_at < between[1])
    )
    if without_course_id is not None:
        booked = booked.where(or_(Appointment.course_id.is_(None), Appointment.course_id != without_course_id))
    promised = (
        select(Person.id, Occupancy.starts_at)
        .select_from(Occupancy)
        .join(Person, Person.holdable_id == Occupancy.holdable_id)
        .join(Hold, Hold.id == Occupancy.hold_id)
        .where(Person.id.in_(sorted(therapist_ids)), Hold.expires_at > now, Hold.id != (without_hold_id or 0))
        .where(Occupancy.starts_at >= between[0], Occupancy.starts_at < between[1], promised_session())
    )
    each = union_all(booked, promised).subquery()
    starts = func.aggregate_strings(cast(MinuteDown(each.c.starts_at), Text), ",")
    query = select(each.c.therapist_id, starts).group_by(each.c.therapist_id)
    return {therapist_id: tuple(sorted(map(int, text.split(",")))) for therapist_id, text in db.execute(query)}


def counted_sessions() -> tuple[ColumnElement[bool], ...]:
    """Which appointments count as somebody's sessions."""
    return (
        Appointment.therapist_id.is_not(None),
        Appointment.kind.in_(sorted(SESSIONS)),
        Appointment.status.in_(sorted(HOLDING)),
    )


def promised_session() -> ColumnElement[bool]:
    """Whether a promised time of a therapist is a session: it begins with the patient's own, and with no chair and no
    nurse's place as a visit does."""
    beside: Any = aliased(Occupancy)
    what: Any = aliased(Holdable)
    together = (
        select(beside.id)
        .join(what, what.id == beside.holdable_id)
        .where(beside.hold_id == Occupancy.hold_id, beside.starts_at == Occupancy.starts_at)
    )
    with_patient = exists(together.where(what.kind == HoldableKind.PATIENT))
    return with_patient & ~exists(together.where(what.kind.in_([HoldableKind.CHAIR, HoldableKind.LANE])))
