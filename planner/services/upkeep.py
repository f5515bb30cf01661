"""Checks of the whole database that share nothing with the guards they check."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from planner.domain.statuses import HOLDING
from planner.store.records import Appointment, Occupancy, Patient, RuleOverride


def overlaps(db: Session) -> list[int]:
    """Appointments of which somebody or something is held twice at once, without an override that names both.

    A promise that overlaps counts as its own: what overlaps it is listed. One query, by sorting.
    """
    following = (
        select(
            Occupancy.appointment_id.label("appointment_id"),
            Occupancy.starts_at.label("starts_at"),
            func.max(Occupancy.ends_at)
            .over(
                partition_by=Occupancy.holdable_id,
                order_by=(Occupancy.starts_at, Occupancy.id),
                rows=(None, -1),
            )
            .label("held_until"),
        )
    ).subquery()
    suspects = select(following.c.appointment_id).where(following.c.starts_at < following.c.held_until)
    ids = {appointment_id for appointment_id in db.scalars(suspects) if appointment_id is not None}
    return sorted(appointment_id for appointment_id in ids if _unexcused(db, appointment_id))


def _unexcused(db: Session, appointment_id: int) -> bool:
    one, other = aliased(Occupancy), aliased(Occupancy)
    named = or_(
        and_(
            RuleOverride.appointment_id == one.appointment_id,
            RuleOverride.other_appointment_id == other.appointment_id,
        ),
        and_(
            RuleOverride.appointment_id == other.appointment_id,
            RuleOverride.other_appointment_id == one.appointment_id,
        ),
    )
    query = (
        select(one.id)
        .join(
            other,
            and_(
                other.holdable_id == one.holdable_id,
                other.id != one.id,
                other.starts_at < one.ends_at,
                other.ends_at > one.starts_at,
            ),
        )
        .where(one.appointment_id == appointment_id)
        .where(~select(RuleOverride.id).where(named).correlate(one, other).exists())
        .limit(1)
    )
    return db.scalar(query) is not None


def disagreements(db: Session) -> list[int]:
    """Appointments that hold something though their status says they do not, or do not hold their own patient
    for at least their own time though it says they do. Two queries.
    """
    idle = (
        select(Appointment.id)
        .join(Occupancy, Occupancy.appointment_id == Appointment.id)
        .where(Appointment.status.not_in(HOLDING))
    )
    patient_held = (
        select(Occupancy.id)
        .where(
            Occupancy.appointment_id == Appointment.id,
            Occupancy.holdable_id == Patient.holdable_id,
            Occupancy.starts_at <= Appointment.starts_at,
            Occupancy.ends_at >= Appointment.ends_at,
        )
        .correlate(Appointment, Patient)
    )
    lacking = (
        select(Appointment.id)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Appointment.status.in_(HOLDING), ~patient_held.exists())
    )
    return sorted({*db.scalars(idle), *db.scalars(lacking)})
