"""Setting a rule aside: only with the permission, a reason, and a row of its own that is never rewritten."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError, NotFound
from planner.domain.intervals import Interval
from planner.services import auditing
from planner.services.change_sets import Act, check_version, grace_minutes, lock_appointment
from planner.store.occupying import Claim, claims_of, hold_for, lock_holdables, release, release_expired
from planner.store.records import Appointment, ChangeSet, Course, Occupancy, OverrideRule, RuleOverride

SHORTEST_REASON = 3
LONGEST_REASON = 300

#: Under which word each rule is set aside.
OVERRIDE_FOR: Mapping[Rule, OverrideRule] = {
    Rule.OVERLAP: OverrideRule.OVERLAP,
    Rule.CLOSED: OverrideRule.OFF_HOURS,
    Rule.PRESCRIBER_AWAY: OverrideRule.OFF_HOURS,
    Rule.NURSE_AWAY: OverrideRule.OFF_HOURS,
    Rule.THERAPIST_BUSY: OverrideRule.OFF_HOURS,
    Rule.THERAPIST_AWAY: OverrideRule.OFF_HOURS,
    Rule.DAY_FULL: OverrideRule.OFF_HOURS,
    Rule.PATIENT_AWAY: OverrideRule.OFF_HOURS,
    Rule.OUTSIDE_WINDOW: OverrideRule.OUTSIDE_WINDOW,
    Rule.NO_WINDOW_SLOT: OverrideRule.NO_SESSION,
    Rule.PREP_MISSING: OverrideRule.NO_SESSION,
    Rule.SPACING: OverrideRule.SPACING,
    Rule.SPAN: OverrideRule.SPACING,
}


def override_rule(
    db: Session,
    principal: Principal,
    *,
    rule: OverrideRule,
    appointment_id: int,
    reason: str,
    now: datetime,
    other_appointment_id: int | None = None,
) -> RuleOverride:
    """Note that a rule is set aside for one appointment; an overlap names the other appointment too.

    Raises NotPermitted without the permission, FieldError (`reason`) for a reason too short or too long.
    """
    require(principal, Permission.OVERRIDE_RULE)
    override = RuleOverride(
        rule=rule,
        appointment_id=appointment_id,
        other_appointment_id=other_appointment_id,
        reason=checked_reason(reason),
        account_id=principal.account_id,
        role=str(Role.PRESCRIBER if principal.is_any(Role.PRESCRIBER) else Role.COORDINATOR),
        created_at=now,
    )
    db.add(override)
    db.flush()
    patient_id = db.scalar(select(Appointment.patient_id).where(Appointment.id == appointment_id))
    auditing.record(
        db,
        principal,
        action="rule.override",
        object_type="appointment",
        object_id=appointment_id,
        patient_id=patient_id,
        now=now,
        detail={"rule": str(rule), "override_id": override.id, "other_appointment_id": other_appointment_id},
    )
    return override


def checked_reason(reason: str) -> str:
    """The reason without blanks around it. Raises FieldError (`reason`)."""
    reason = reason.strip()
    if sum(letter.isprintable() for letter in reason) < SHORTEST_REASON:
        raise FieldError("reason", f"Say why, in at least {SHORTEST_REASON} characters.")
    if len(reason) > LONGEST_REASON:
        raise FieldError("reason", f"Keep the reason under {LONGEST_REASON} characters.")
    return reason


def override_overlap(
    db: Session,
    principal: Principal,
    *,
    appointment_id: int,
    other_appointment_ids: Iterable[int],
    holds: Iterable[tuple[int, int, int]],
    seen_version: int,
    reason: str,
    now: datetime,
    undo_minutes: int | None = None,
) -> ChangeSet:
    """Let an appointment hold `holds` (UTC minutes since 1970) although the named others hold some of them.

    Whatever else is in the way still refuses. Raises StaleVersion, NotPermitted, FieldError (`reason`), Refused.
    """
    claims = claims_of(holds)
    with db.begin_nested():
        appointment = lock_appointment(db, appointment_id)
        check_version(seen_version, appointment.version)
        act = Act(db, principal, now)
        act.watch([appointment])
        wanted = {claim.holdable_id for claim in claims}
        lock_holdables(db, wanted)
        release_expired(db, wanted, now)
        overrides = {
            other_id: override_rule(
                db, principal, rule=OverrideRule.OVERLAP, appointment_id=appointment.id,
                other_appointment_id=other_id, reason=reason, now=now,
            ).id
            for other_id in sorted(_known(db, other_appointment_ids))
        }  # fmt: skip
        release(db, [appointment.id])
        hold_for(db, appointment, claims_under(db, claims, overrides))
        appointment.touch(now, visible=False)
        return act.finish(
            "appointment.overlap",
            course=db.get(Course, appointment.course_id) if appointment.course_id else None,
            patient_id=appointment.patient_id,
            undo_minutes=grace_minutes(db, undo_minutes),
            detail={"appointment_id": appointment.id},
        )


def claims_under(
    db: Session,
    claims: Iterable[Claim],
    overrides: Mapping[int, int],
    *,
    only: Container[tuple[int, int]] | None = None,
) -> tuple[Claim, ...]:
    """The claims, each marked with its override where it overlaps an appointment that `overrides` names.

    `overrides` maps the other appointment's id to the override's. `only` names (other appointment, holdable): what
    else the two have in common, such as a chair, stays unmarked and is refused by the database.
    """
    rows = db.execute(
        select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at).where(
            Occupancy.appointment_id.in_(overrides)
        )
    ).all()

    def marked(claim: Claim) -> Claim:
        for other_id, holdable_id, start, end in rows:
            if only is not None and (other_id, holdable_id) not in only:
                continue
            if other_id and holdable_id == claim.holdable_id and claim.span.overlaps(Interval(start, end)):
                return replace(claim, override_id=overrides[other_id])
        return claim

    return tuple(marked(claim) for claim in claims) if overrides else tuple(claims)


def _known(db: Session, appointment_ids: Iterable[int]) -> set[int]:
    wanted = set(appointment_ids)
    if not wanted or wanted != set(db.scalars(select(Appointment.id).where(Appointment.id.in_(wanted)))):
        raise NotFound
    return wanted
