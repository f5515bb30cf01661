"""A closed day, or somebody away: every course it touches is decided, shown, applied and undone as one.

Courses are decided so that two of them never reach for the same slot, and none takes what is another's only chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.conflicts import Rule
from planner.domain.errors import FieldError, StaleVersion
from planner.scheduling.sheets import CourseSheet
from planner.scheduling.together import CourseChange, decide_together, patient_code
from planner.services import auditing
from planner.services.applying import apply_decision
from planner.services.disruption_acts import (
    GROUP_KINDS,
    KIND_AWAY,
    KIND_DAY,
    Away,
    ChangeAbsence,
    CloseDay,
    CloseDays,
    Disruption,
    Leave,
    days_of,
    kind_of,
)
from planner.services.disruption_effects import ALREADY_CLOSED, displaced_parts, effect_of, own_absence
from planner.services.roster_rows import Row, as_values, write_lines
from planner.store.changes import Values
from planner.store.records import Absence, ChangeSet, Clinic, Closure, Site

Choices = Mapping[int, Mapping[int, int]]
"""For a course id and a dose number, which way out a person chose."""
LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class DisruptionPreview:
    """All that a disruption does, course by course, and the key to apply it by."""

    changes: tuple[CourseChange, ...]
    key: str

    @property
    def unsaved(self) -> int:
        """How many appointments could not be saved."""
        return sum(len(change.decision.unsaved) for change in self.changes)

    @property
    def count(self) -> int:
        """How many appointments change."""
        return sum(len(change.decision.lines) for change in self.changes)


def preview_disruption(
    db: Session, principal: Principal, act: Disruption, *, now: datetime, choices: Choices | None = None
) -> DisruptionPreview:
    """Decide what a closed day or an absence does, and write nothing.

    Raises NotFound for a site or person that is not the principal's, FieldError (`day`; `person`, `starts`, `ends`),
    Refused when something is pinned, StaleVersion for an absence that is no longer what was seen.
    """
    require(principal, Permission.ROSTERS_WRITE)
    parts = displaced_parts(db, effect_of(db, principal, act, now), now)
    for part in parts:
        _check_site(db, principal, part.course)
    changes = decide_together(parts, kind_of(act), choices)
    done = tuple(change for change in changes if change.decision.lines)
    return DisruptionPreview(done, _key(done))


def apply_disruption(
    db: Session,
    principal: Principal,
    act: Disruption,
    *,
    key: str,
    now: datetime,
    choices: Choices | None = None,
    override_reasons: Mapping[Rule, str] | None = None,
) -> ChangeSet:
    """Write the closure or absence and every change that follows, in one transaction; undone as one.

    Raises StaleVersion when something changed since the preview, and what `preview_disruption` raises.
    """
    with db.begin_nested():
        found = preview_disruption(db, principal, act, now=now, choices=choices)
        if found.key != key:
            raise StaleVersion(0, 1, "The plan")
        group = _record(db, principal, act, now)
        for change in found.changes:
            made = apply_decision(
                db,
                principal,
                course_id=change.course.id,
                decision=change.decision,
                seen_versions={a.id: a.version for a in change.course.appointments},
                now=now,
                undo_minutes=db.get_one(Clinic, 1).undo_minutes,
                override_reasons=override_reasons or {},
                reason=act.reason,
            )
            made.group_id = group.id
        db.flush()
    return group


def open_group(db: Session, principal: Principal, kind: str, now: datetime) -> ChangeSet:
    """A change set of its own for an act on days or on somebody's time, with the clinic's grace time."""
    minutes = db.get_one(Clinic, 1).undo_minutes
    group = ChangeSet(kind=kind, account_id=principal.account_id, at=now, undo_until=now + timedelta(minutes=minutes))
    db.add(group)
    db.flush()
    return group


def _check_site(db: Session, principal: Principal, course: CourseSheet) -> None:
    """Nobody changes appointments of a site that is not theirs, even when they know who is away there."""
    if course.clinic.site.id not in principal.site_ids:
        name = db.get_one(Site, course.clinic.site.id).name
        raise FieldError(
            "person", f"This person is also needed at {name} then. Somebody who coordinates both sites has to do this."
        )


def _record(db: Session, principal: Principal, act: Disruption, now: datetime) -> ChangeSet:
    """The closures or absence themselves, their change set and their line of history."""
    rows = _write_rows(db, principal, act)
    group = open_group(db, principal, kind_of(act), now)
    write_lines(db, group, rows, now)
    about = rows[0][0] if rows else None
    auditing.record(
        db,
        principal,
        action=group.kind,
        object_type="person" if about is None else "closure" if isinstance(about, Closure) else "absence",
        object_id=act.person_id if isinstance(act, Leave) else about.id if about is not None else None,
        now=now,
        change_set_id=group.id,
        detail={"closures": [row.id for row, _, _ in rows]} if isinstance(act, CloseDays) else None,
    )
    return group


def _write_rows(db: Session, principal: Principal, act: Disruption) -> list[tuple[Row, Values | None, Values | None]]:
    """Each row an act makes or changes, with its values before and after."""
    if isinstance(act, Leave):
        return []
    if isinstance(act, ChangeAbsence):
        absence = own_absence(db, principal, act.absence_id, seen=act.seen, lock=True)
        before = as_values(absence)
        absence.starts_at, absence.ends_at = act.starts_at, act.ends_at
        absence.reason = act.reason[:LONGEST_REASON]
        db.flush()
        return [(absence, before, as_values(absence))]
    if isinstance(act, Away):
        away = Absence(
            person_id=act.person_id,
            starts_at=act.starts_at,
            ends_at=act.ends_at,
            reason=act.reason[:LONGEST_REASON],
        )
        db.add(away)
        db.flush()
        return [(away, None, as_values(away))]
    closures = [Closure(site_id=act.site_id, day=day, reason=reason[:LONGEST_REASON]) for day, reason in days_of(act)]
    db.add_all(closures)
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        raise FieldError("day", ALREADY_CLOSED) from error
    return [(closure, None, as_values(closure)) for closure in closures]


def _key(changes: Iterable[CourseChange]) -> str:
    told = [(c.course.id, sorted((a.id, a.version) for a in c.course.appointments), c.decision.lines) for c in changes]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


__all__ = [
    "ALREADY_CLOSED",
    "GROUP_KINDS",
    "KIND_AWAY",
    "KIND_DAY",
    "Away",
    "ChangeAbsence",
    "Choices",
    "CloseDay",
    "CloseDays",
    "CourseChange",
    "Disruption",
    "DisruptionPreview",
    "Leave",
    "apply_disruption",
    "open_group",
    "patient_code",
    "preview_disruption",
]
