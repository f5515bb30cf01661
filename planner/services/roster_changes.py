"""What gives time back and so moves nobody: an absence taken out, an ended absence, a closed day opened again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.walltime import local_day
from planner.services import auditing
from planner.services.disruption_acts import KIND_CHANGED, KIND_REMOVED, KIND_REOPENED
from planner.services.disruption_effects import own_absence, own_closure
from planner.services.disruptions import open_group
from planner.services.roster_rows import Row, as_values, write_lines
from planner.store.records import ChangeSet


def remove_absence(db: Session, principal: Principal, absence_id: int, *, seen: str, now: datetime) -> ChangeSet:
    """Take out an absence that has not begun; nobody's appointments change.

    Raises NotFound, StaleVersion when it is not as `seen`, Refused once it has begun.
    """
    require(principal, Permission.ROSTERS_WRITE)
    absence = own_absence(db, principal, absence_id, seen=seen, lock=True)
    if absence.starts_at <= now:
        sentence = "This absence has begun, so it stays in the history. Change its end instead."
        raise Refused([Conflict(Rule.STATUS, sentence)])
    return _take_out(db, principal, absence, KIND_REMOVED, "absence", now)


def end_absence(db: Session, principal: Principal, absence_id: int, *, seen: str, now: datetime) -> ChangeSet:
    """Somebody is back: an absence that has begun ends now, and the rest of it can be booked again.

    Raises NotFound, StaleVersion when it is not as `seen`, Refused when it has not begun or is over.
    """
    require(principal, Permission.ROSTERS_WRITE)
    absence = own_absence(db, principal, absence_id, seen=seen, lock=True)
    back_at = now.replace(microsecond=0)
    if not absence.starts_at < back_at < absence.ends_at:
        raise Refused([Conflict(Rule.STATUS, "Only an absence that is going on can end now.")])
    with db.begin_nested():
        before = as_values(absence)
        absence.ends_at = back_at
        db.flush()
        group = open_group(db, principal, KIND_CHANGED, now)
        write_lines(db, group, [(absence, before, as_values(absence))], now)
        auditing.record(
            db, principal, action=KIND_CHANGED, object_type="absence", object_id=absence.id, now=now,
            change_set_id=group.id,
        )  # fmt: skip
    return group


def reopen_day(db: Session, principal: Principal, closure_id: int, *, now: datetime) -> ChangeSet:
    """Open a closed day again, from today on. Raises NotFound, Refused for a day that has passed."""
    require(principal, Permission.ROSTERS_WRITE)
    closure, site = own_closure(db, principal, closure_id)
    if closure.day < local_day(now, site.zone):
        raise Refused([Conflict(Rule.STATUS, "That day has passed, so it stays as it was.")])
    return _take_out(db, principal, closure, KIND_REOPENED, "closure", now)


def _take_out(db: Session, principal: Principal, row: Row, kind: str, word: str, now: datetime) -> ChangeSet:
    with db.begin_nested():
        group = open_group(db, principal, kind, now)
        write_lines(db, group, [(row, as_values(row), None)], now)
        auditing.record(db, principal, action=kind, object_type=word, object_id=row.id, now=now, change_set_id=group.id)
        db.delete(row)
        db.flush()
    return group
