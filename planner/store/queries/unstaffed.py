"""Infusions to come at whose time nobody is on shift who has to be: no prescriber, or not the people they name.

Computed from the published shifts, the absences and the times of the infusions, so that it ends by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, Text, cast, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.intervals import minute_of
from planner.domain.protocols import Holding, Protocol
from planner.domain.statuses import AppointmentKind
from planner.scheduling.sheets import Span
from planner.scheduling.visit_needs import Presence, StaffNeed, lacking, visit_needs
from planner.store.queries.appointments import AppointmentRow, appointment_rows
from planner.store.queries.places import STANDING
from planner.store.queries.scopes import visible_appointments
from planner.store.records import (
    Absence,
    Appointment,
    Course,
    OverrideRule,
    Person,
    PersonRole,
    ProtocolVersion,
    RuleOverride,
    Shift,
)
from planner.store.sheets.minutes import DAY_MINUTES, cut
from planner.store.sheets.requests import protocol_of_text

HOLDING_OF = {Role.PRESCRIBER: Holding.PRESCRIBER, Role.NURSE: Holding.NURSE, Role.THERAPIST: Holding.THERAPIST}
#: A reason is written with the time it is for, whose last change may be told a moment later.
A_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Unstaffed:
    """An infusion, and the roles of which nobody (or not who is named) is on shift through it."""

    row: AppointmentRow
    lacks: tuple[Holding, ...]


def unstaffed(db: Session, principal: Principal, now: datetime, site_id: int | None = None) -> list[Unstaffed]:
    """Infusions not over that `principal` may see, at one site or all, the first to come in front. Six queries.

    Not those off hours for a reason on record, nor the missing of somebody who left: that is for `to_reassign`.
    """
    here = () if site_id is None else (Appointment.site_id == site_id,)
    return _unstaffed(db, visible_appointments(principal), now, *here)


def left_without_prescriber(db: Session, person_id: int, now: datetime) -> int:
    """How many infusions to come would lose their only prescriber if one person had no shift from `now` on."""

    def without(person_id: int | None) -> set[int]:
        found = _unstaffed(db, select(Appointment), now, without=person_id)
        return {one.row.id for one in found if Holding.PRESCRIBER in one.lacks}

    return len(without(person_id) - without(None))


def _unstaffed(
    db: Session,
    scope: Select[Appointment],
    now: datetime,
    *conditions: ColumnElement[bool],
    without: int | None = None,
) -> list[Unstaffed]:
    rows = appointment_rows(
        db,
        scope,
        Appointment.kind == AppointmentKind.INFUSION,
        Appointment.status.in_(STANDING),
        Appointment.ends_at > now,
        Appointment.course_id.is_not(None),
        *conditions,
    )
    protocols = _protocols(db, {row.course_id for row in rows if row.course_id is not None})
    reasons = _reasons(db, [row.id for row in rows])
    gone = _gone(db, {i for row in rows for i in (row.therapist_id, row.nurse_id) if i is not None})
    there = _presences(db, rows, without)
    found = []
    for row in rows:
        reason_at = reasons.get(row.id)
        # Given for a time it had before, a reason says nothing about this one.
        if row.course_id is None or (reason_at is not None and reason_at >= row.changed_at - A_MOMENT):
            continue
        needs = (n for n in _needs(row, protocols[row.course_id]) if n.person_id not in gone)
        days = _days((minute_of(row.starts_at), minute_of(row.ends_at)))
        lacks = lacking(needs, (one for day in days for one in there[row.site_id, day]), minute_of(now))
        if lacks:
            found.append(Unstaffed(row, tuple(dict.fromkeys(need.holding for need in lacks))))
    return found


def _needs(row: AppointmentRow, protocol: Protocol) -> Iterator[StaffNeed]:
    start, end = minute_of(row.starts_at), minute_of(row.ends_at)
    yield from visit_needs(protocol.visit, start, end, therapist_id=row.therapist_id, nurse_id=row.nurse_id)
    watched = protocol.visit.spans(Holding.NURSE)
    if row.nurse_id is None and watched:
        # It was brought in without one; then somebody has to be there at least.
        yield StaffNeed(Holding.NURSE, None, tuple((start + first, start + last) for first, last in watched), True)


def _protocols(db: Session, course_ids: set[int]) -> dict[int, Protocol]:
    query = (
        select(Course.id, cast(ProtocolVersion.document, Text))
        .join(ProtocolVersion, ProtocolVersion.id == Course.protocol_version_id)
        .where(Course.id.in_(course_ids))
    )
    return {course_id: protocol_of_text(text) for course_id, text in db.execute(query)}


def _reasons(db: Session, appointment_ids: list[int]) -> dict[int, datetime]:
    """When an infusion was last put off hours for a reason."""
    query = (
        select(RuleOverride.appointment_id, func.max(RuleOverride.created_at))
        .where(RuleOverride.appointment_id.in_(appointment_ids), RuleOverride.rule == OverrideRule.OFF_HOURS)
        .group_by(RuleOverride.appointment_id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def _gone(db: Session, ids: set[int]) -> set[int]:
    return set(db.scalars(select(Person.id).where(Person.id.in_(ids), ~Person.active)))


def _presences(
    db: Session, rows: Iterable[AppointmentRow], without: int | None
) -> dict[tuple[int, int], list[Presence]]:
    """Who is really at a site on a day (in whole days since 1970, UTC) while infusions are on. Two queries.

    Breaks and absences are cut out, and nobody is there on call.
    """
    rows = list(rows)
    found: dict[tuple[int, int], list[Presence]] = defaultdict(list)
    if not rows:
        return found
    first, last = min(row.starts_at for row in rows), max(row.ends_at for row in rows)
    shifts = (
        select(
            Shift.person_id, PersonRole.role, Shift.site_id, Shift.starts_at, Shift.ends_at,
            Shift.break_starts_at, Shift.break_ends_at,
        )
        .join(Person, Person.id == Shift.person_id)
        .join(PersonRole, PersonRole.person_id == Shift.person_id)
        .where(Shift.site_id.in_({row.site_id for row in rows}), ~Shift.on_call, Person.active)
        .where(Shift.starts_at < last, Shift.ends_at > first, PersonRole.role.in_(tuple(HOLDING_OF)))
    )  # fmt: skip
    if without is not None:
        shifts = shifts.where(Shift.person_id != without)
    away = _absences(db, first, last)
    for person_id, role, site_id, starts_at, ends_at, break_starts_at, break_ends_at in db.execute(shifts):
        taken = [*away[person_id]]
        if break_starts_at is not None and break_ends_at is not None:
            taken.append((minute_of(break_starts_at), minute_of(break_ends_at)))
        for span in cut([(minute_of(starts_at), minute_of(ends_at))], taken):
            for day in _days(span):
                found[site_id or 0, day].append(Presence(HOLDING_OF[role], person_id, span))
    return found


def _days(span: Span) -> range:
    return range(span[0] // DAY_MINUTES, span[1] // DAY_MINUTES + 1)


def _absences(db: Session, first: datetime, last: datetime) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = defaultdict(list)
    query = select(Absence.person_id, Absence.starts_at, Absence.ends_at).where(
        Absence.starts_at < last, Absence.ends_at > first
    )
    for person_id, starts_at, ends_at in db.execute(query):
        found[person_id].append((minute_of(starts_at), minute_of(ends_at)))
    return found
