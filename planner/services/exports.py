"""Files that leave the planner: so many a day for each account, and each of them in the history under a number.

The number stands in the file's name and in the history, and so tells who took a file that turned up somewhere. It
stands nowhere in the file, because what goes out has to come in again byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import LimitReached
from planner.domain.walltime import day_and_year, day_span, local_day
from planner.services.auditing import record
from planner.store.records import AuditEntry, Clinic

#: How many files an account takes out on one day of the clinic. Enough to take out every kind of file twice; too few
#: for a stolen sign-in to copy the clinic again and again (security.md abuse case 28).
MOST_A_DAY: Final = 20
TAKEN: Final = "export.take"
#: Whoever has the machine has the database; what they take out there is written down and not counted.
TAKEN_BY_COMMAND: Final = "export.command_line"


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made, and how many lines or entries it holds."""

    content: bytes
    rows: int


def refuse_spent(db: Session, principal: Principal, now: datetime) -> None:
    """Raise LimitReached when the account has had its files of today. Two queries."""
    zone = db.scalar(select(Clinic.zone).where(Clinic.id == 1)) or "UTC"
    today = local_day(now, zone)
    begins, ends = day_span(today, zone)
    taken = db.scalar(
        select(func.count())
        .select_from(AuditEntry)
        .where(
            AuditEntry.object_type == "export",
            AuditEntry.action == TAKEN,
            AuditEntry.account_id == principal.account_id,
            AuditEntry.at >= begins,
        )
    )
    if taken is not None and taken >= MOST_A_DAY:
        raise LimitReached(
            f"You have taken out {MOST_A_DAY} files today, which is the most for one day. "
            f"You can take out more from {day_and_year(local_day(ends, zone))} on.",
            retry_after=ends - now,
        )


def note(db: Session, principal: Principal, kind: str, *, rows: int, now: datetime, action: str = TAKEN) -> int:
    """Write down that a file leaves, before it does; the number it has. Raises LimitReached.

    One at a time in the whole clinic: of two at once neither has the other's number, nor goes past the limit.
    """
    db.execute(select(Clinic.id).where(Clinic.id == 1).with_for_update())
    if action == TAKEN:
        refuse_spent(db, principal, now)
    last = db.scalar(select(func.max(AuditEntry.object_id)).where(AuditEntry.object_type == "export"))
    number = (last or 0) + 1
    record(
        db, principal, action=action, object_type="export", object_id=number, now=now,
        detail={"kind": kind, "rows": rows},
    )  # fmt: skip
    return number
