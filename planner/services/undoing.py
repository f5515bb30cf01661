"""Undoing a change as one, within its grace time, as if it had not been made.

Rows get every value back but their counters, which a calendar program may have seen: those only go up. A row the
change made is removed; its values stay in the change lines. Two kinds of row stay because the history names them: a
course becomes `revoked`, an appointment a rule was set aside for becomes `entered-in-error`; neither holds anything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import false, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import NotFound, NotPermitted, Refused
from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.services.change_sets import Act, lock_course
from planner.services.feed_rights import give_back_care_links
from planner.store.base import Base
from planner.store.changes import HOLDS, RECORDS, Values, claims_in, lines_of, put_back
from planner.store.integrity import violated
from planner.store.occupying import Claim, held_by, hold_all, lock_holdables, release, release_expired
from planner.store.records import Appointment, ChangeLine, ChangeSet, Course, Encounter, Patient, RuleOverride

#: What a calendar subscriber can see of an appointment (feeds.md rule 3).
VISIBLE = ("starts_at", "ends_at", "status", "mode", "site_id", "therapist_id", "nurse_id", "chair_id", "room_id")

Row = Appointment | Course | Encounter


def undo(db: Session, principal: Principal, change_set_id: int, now: datetime) -> ChangeSet:
    """Undo a change set; the undoing is a change set of its own, which cannot be undone.

    The person who made the change may undo it, and whoever plans courses. Raises Refused when its time is over, it
    was undone already, a later change touched the same rows, or somebody took a time meanwhile; NotPermitted,
    NotFound.
    """
    with db.begin_nested():
        course_id = _course_of(db, change_set_id)
        course = lock_course(db, course_id) if course_id is not None else None
        change_set = _locked(db, change_set_id)
        _check_may(principal, change_set, course)
        _check_open(change_set, now)
        _check_in_care(db, course)
        lines = lines_of(db, change_set_id)
        rows = _rows_of(db, lines)
        _check_untouched(db, change_set, lines, rows)
        act = Act(db, principal, now)
        act.watch(row for row in rows.values())
        appointments = [row for row in rows.values() if isinstance(row, Appointment)]
        wanted = _claims_before(lines, rows)
        _lock(db, appointments, wanted, now)
        release(db, [row.id for row in appointments])
        removed = _restore(db, lines, rows, now)
        zone = appointments[0].zone if appointments else "UTC"
        hold_all(db, _without_stale_marks(db, change_set, wanted), zone)
        change_set.undone_at = now
        if course is not None and course.status not in (CourseStatus.COMPLETED, CourseStatus.REVOKED):
            give_back_care_links(db, principal, course.patient_id, change_set.at, now)
        return act.finish(
            "undo",
            course=course,
            patient_id=course.patient_id if course else (appointments[0].patient_id if appointments else None),
            undo_minutes=0,
            removed=removed,
            undoes_id=change_set.id,
            detail={"undoes": change_set.kind},
        )


def _course_of(db: Session, change_set_id: int) -> int | None:
    found = db.execute(select(ChangeSet.course_id).where(ChangeSet.id == change_set_id)).one_or_none()
    if found is None:
        raise NotFound
    return found[0]


def _locked(db: Session, change_set_id: int) -> ChangeSet:
    return db.scalars(
        select(ChangeSet)
        .where(ChangeSet.id == change_set_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _check_may(principal: Principal, change_set: ChangeSet, course: Course | None) -> None:
    """The person themselves, or somebody who plans courses at that site."""
    if change_set.account_id == principal.account_id:
        return
    if not may(principal, Permission.COURSES_PLAN) or (course and course.site_id not in principal.site_ids):
        raise NotPermitted("Only the person who made this change, or a coordinator, can undo it.")


def _check_open(change_set: ChangeSet, now: datetime) -> None:
    if change_set.undoes_id is not None:
        raise _refusal("This already was an undo. Make the change again instead.")
    if change_set.undone_at is not None:
        raise _refusal("This change was undone already.")
    if now > change_set.undo_until:
        raise _refusal("The time to undo this is over. Change the appointment instead.")


def _check_in_care(db: Session, course: Course | None) -> None:
    """Undoing the end of a course must not give one to somebody who was discharged after it."""
    if course is None:
        return
    patient = db.get_one(Patient, course.patient_id, with_for_update={"key_share": True}, populate_existing=True)
    if not patient.active:
        raise _refusal("The patient was discharged meanwhile. Take them up again first; then undo this.")


def _check_untouched(
    db: Session, change_set: ChangeSet, lines: list[ChangeLine], rows: dict[tuple[str, int], Row]
) -> None:
    """Every row is as this change left it, or as later changes left it that were themselves undone."""
    later: dict[tuple[str, int], Values | None] = {}
    standing = False
    for line, undone_at, undoes_id in db.execute(
        select(ChangeLine, ChangeSet.undone_at, ChangeSet.undoes_id)
        .join(ChangeSet, ChangeSet.id == ChangeLine.change_set_id)
        .where(
            ChangeSet.id > change_set.id,
            or_(
                false(),
                *((ChangeLine.record == line.record) & (ChangeLine.record_id == line.record_id) for line in lines),
            ),
        )
        .order_by(ChangeSet.id)
    ):
        later[line.record, line.record_id] = line.after
        standing = standing or (undone_at is None and undoes_id is None)
    for line in lines:
        row = rows.get((line.record, line.record_id))
        left = later.get((line.record, line.record_id), line.after)
        standing = standing or (None if row is None else row.version) != (None if left is None else left["version"])
    if standing or _served_by_others(db, lines):
        raise _refusal("Something here was changed again since. Undo that first, or change the appointment instead.")


def _served_by_others(db: Session, lines: list[ChangeLine]) -> bool:
    """Whether a later session or record hangs on an appointment that undoing would remove."""
    own = {record: {line.record_id for line in lines if line.record == record} for record in RECORDS}
    made = {line.record_id for line in lines if line.record == "appointment" and line.before is None}
    sessions = select(Appointment.id).where(Appointment.serves_id.in_(made), Appointment.id.not_in(own["appointment"]))
    doses = select(Encounter.id).where(Encounter.appointment_id.in_(made), Encounter.id.not_in(own["encounter"]))
    return bool(made) and (db.scalars(sessions).first() is not None or db.scalars(doses).first() is not None)


def _rows_of(db: Session, lines: list[ChangeLine]) -> dict[tuple[str, int], Row]:
    rows: dict[tuple[str, int], Row] = {}
    for word, kind in RECORDS.items():
        ids = {line.record_id for line in lines if line.record == word}
        found = db.scalars(
            select(kind)
            .where(kind.id.in_(ids))  # type: ignore[attr-defined]
            .order_by(kind.id)  # type: ignore[attr-defined]
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        rows.update(((word, row.id), row) for row in found)  # type: ignore[attr-defined, misc]
    return rows


def _claims_before(lines: list[ChangeLine], rows: dict[tuple[str, int], Row]) -> dict[int, tuple[Claim, ...]]:
    return {
        line.record_id: claims_in(line.before)
        for line in lines
        if line.before is not None and line.before.get(HOLDS) and (line.record, line.record_id) in rows
    }


def _without_stale_marks(
    db: Session, change_set: ChangeSet, wanted: dict[int, tuple[Claim, ...]]
) -> dict[int, tuple[Claim, ...]]:
    """The claims, marked with their overrides only where the appointments these name have not changed since.

    Somebody agreed to one overlap as it was shown; without its mark the database refuses any other.
    """
    marks = {claim.override_id for claims in wanted.values() for claim in claims if claim.override_id is not None}
    changed_since = (
        select(ChangeLine.record_id)
        .join(ChangeSet, ChangeSet.id == ChangeLine.change_set_id)
        .where(
            ChangeLine.record == "appointment",
            ChangeSet.id > change_set.id,
            ChangeSet.undone_at.is_(None),
            ChangeSet.undoes_id.is_(None),
        )
    )
    stale = set(
        db.scalars(
            select(RuleOverride.id).where(
                RuleOverride.id.in_(marks), RuleOverride.other_appointment_id.in_(changed_since)
            )
        )
    )
    return {
        owner: tuple(replace(claim, override_id=None) if claim.override_id in stale else claim for claim in claims)
        for owner, claims in wanted.items()
    }


def _lock(db: Session, appointments: list[Appointment], wanted: dict[int, tuple[Claim, ...]], now: datetime) -> None:
    now_held = held_by(db, [row.id for row in appointments])
    both = [claim for held in (now_held, wanted) for claims in held.values() for claim in claims]
    lock_holdables(db, {claim.holdable_id for claim in both})
    release_expired(db, {claim.holdable_id for claim in both}, now)


def _restore(db: Session, lines: list[ChangeLine], rows: dict[tuple[str, int], Row], now: datetime) -> list[Base]:
    removed: list[Base] = []
    for line in lines:
        row = rows[line.record, line.record_id]
        if line.before is None:
            removed.append(row)
            continue
        put_back(row, line.before)
        row.version += 1
        if isinstance(row, Appointment) and line.after and any(line.before[f] != line.after[f] for f in VISIBLE):
            row.sequence += 1
            row.changed_at = max(now.astimezone(UTC).replace(microsecond=0), row.changed_at + timedelta(seconds=1))
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        if violated(error) != "uq_course_open_patient":
            raise
        raise _refusal("The patient has another open course by now, so this one cannot be opened again.") from error
    return _remove(db, removed, now)


def _remove(db: Session, rows: list[Base], now: datetime) -> list[Base]:
    """Take away rows the change made; the ones that really went."""
    named = _named_by_overrides(db, [row.id for row in rows if isinstance(row, Appointment)])
    for row in rows:
        if isinstance(row, Appointment):
            row.serves_id = None
    db.flush()
    gone: list[Base] = []
    for row in sorted(rows, key=lambda row: not isinstance(row, Encounter)):
        if isinstance(row, Course):
            row.status = CourseStatus.REVOKED
            row.version += 1
        elif isinstance(row, Appointment) and row.id in named:
            row.status = AppointmentStatus.ENTERED_IN_ERROR
            row.touch(now, visible=True)
        else:
            db.delete(row)
            db.flush()
            gone.append(row)
    return gone


def _named_by_overrides(db: Session, appointment_ids: list[int]) -> set[int]:
    pairs = db.execute(
        select(RuleOverride.appointment_id, RuleOverride.other_appointment_id).where(
            or_(
                RuleOverride.appointment_id.in_(appointment_ids),
                RuleOverride.other_appointment_id.in_(appointment_ids),
            )
        )
    )
    return {appointment_id for pair in pairs for appointment_id in pair if appointment_id is not None}


def _refusal(sentence: str) -> Refused:
    return Refused([Conflict(Rule.STATUS, sentence)])
