"""The history as an admin may read it: who did what when and how it ended, and of patients nothing at all.

No column here holds a patient's id, name, code or network address, or the number of a record that is a patient's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from planner.domain.access import Permission, Principal, require
from planner.domain.reads import READS
from planner.store.records import Account, AuditEntry

#: Who acted, besides the accounts of staff.
PATIENTS: Final = "patients"
NOBODY: Final = "nobody"
#: What was done, besides single actions: looks at records and lists, those and everything else.
LOOKS: Final = "reads"
ALL: Final = "all"
#: Kinds of records that are never a patient's, so that their number may be shown.
NUMBERED: Final = frozenset(
    {
        "account", "absence", "chair", "clinic", "closure", "export", "import", "invitation", "person", "protocol",
        "protocol_version", "room", "roster", "shift", "site",
    }
)  # fmt: skip
_FETCHED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted. `account` is an account's id, PATIENTS, NOBODY or None for all; times are instants.

    `action` is one action, LOOKS, ALL, or nothing for everything but looks, which would bury the rest.
    """

    action: str = ""
    account: int | str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line. `who` is empty for a patient and for nobody; `object_name` is the name of a staff account."""

    id: int
    at: datetime
    who: str
    by_patient: bool
    roles: str
    action: str
    object_type: str
    object_id: int | None
    object_name: str
    of_patient: bool
    outcome: str
    address: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some lines, newest first; the ids to go on from, None where there is nothing further."""

    rows: tuple[AuditRow, ...]
    older_than: int | None
    newer_than: int | None


def audit_page(
    db: Session,
    principal: Principal,
    wanted: AuditFilter,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = 50,
) -> AuditPage:
    """The newest lines, or those before or after the line with that id. One query. Raises NotPermitted."""
    require(principal, Permission.AUDIT_READ)
    query = _query(wanted)
    if after is not None:
        query = query.where(AuditEntry.id > after).order_by(AuditEntry.id)
    else:
        query = query.order_by(AuditEntry.id.desc())
        query = query if before is None else query.where(AuditEntry.id < before)
    rows = [_row(*found) for found in db.execute(query.limit(size + 1))]
    more, rows = len(rows) > size, rows[:size]
    if after is not None:
        rows.reverse()
    older, newer = (True, more) if after is not None else (more, before is not None)
    return AuditPage(tuple(rows), rows[-1].id if rows and older else None, rows[0].id if rows and newer else None)


def audit_lines(db: Session, principal: Principal, wanted: AuditFilter, most: int) -> Iterator[AuditRow]:
    """The newest lines, `most` at most, a few at a time. Raises NotPermitted."""
    require(principal, Permission.AUDIT_READ)
    found = db.execute(
        _query(wanted).order_by(AuditEntry.id.desc()).limit(most), execution_options={"yield_per": _FETCHED_AT_ONCE}
    )
    return (_row(*row) for row in found)


def history_size(db: Session) -> tuple[int, int]:
    """How many lines the history has, and how many of them are looks at records and lists. One query."""
    looks = func.count().filter(AuditEntry.action.in_(READS))
    lines, reads = db.execute(select(func.count(), looks).select_from(AuditEntry)).one()
    return lines, reads


def _query(wanted: AuditFilter) -> Select[AuditEntry, str, int | None, str, int | None]:
    actor, target = aliased(Account), aliased(Account)
    query = (
        select(AuditEntry, actor.name, actor.patient_id, target.name, target.patient_id)
        .outerjoin(actor, actor.id == AuditEntry.account_id)
        .outerjoin(target, (AuditEntry.object_type == "account") & (target.id == AuditEntry.object_id))
    )
    # Most lines are looks: the newest of them are found by going back, and never by an index that has all of them.
    unindexed = AuditEntry.action + ""
    if wanted.action in ("", LOOKS):
        query = query.where(unindexed.in_(READS) if wanted.action else unindexed.not_in(READS))
    elif wanted.action != ALL:
        column = unindexed if wanted.action in READS else AuditEntry.action
        query = query.where(column == wanted.action)
    if wanted.outcome:
        query = query.where(AuditEntry.outcome == wanted.outcome)
    if wanted.since is not None:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.at < wanted.until)
    if wanted.account == NOBODY:
        return query.where(AuditEntry.account_id.is_(None))
    if wanted.account == PATIENTS:
        return query.where(actor.patient_id.is_not(None))
    if wanted.account is not None:
        # Of a patient's account nobody here asks by its number.
        staff = exists().where(Account.id == wanted.account, Account.patient_id.is_(None))
        return query.where(AuditEntry.account_id == wanted.account, staff)
    return query


def _row(
    entry: AuditEntry, who: str | None, actors_patient: int | None, named: str | None, targets_patient: int | None
) -> AuditRow:
    by_patient = actors_patient is not None
    of_patient = targets_patient is not None or (entry.patient_id is not None and entry.object_type in NUMBERED)
    shows_number = entry.object_type in NUMBERED and not of_patient
    return AuditRow(
        id=entry.id,
        at=entry.at,
        who="" if by_patient else who or "",
        by_patient=by_patient,
        roles=entry.roles,
        action=entry.action,
        object_type=entry.object_type,
        object_id=entry.object_id if shows_number else None,
        object_name=(named or "") if shows_number else "",
        of_patient=of_patient,
        outcome=entry.outcome,
        address="" if by_patient or of_patient else entry.address,
        detail={} if by_patient or of_patient else entry.detail,
    )
