"""Whether two accounts stand for two people, where one asks and another one agrees.

Somebody who may make accounts could make a second one and agree with themselves. So behind an account stands also who
made it, until it has been in use for a while with codes of its own; and whoever lately changed its rights, or made the
link by which its password was set while no code kept them out. Two accounts behind which the same account stands are
one person, as far as anybody can know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from planner.services.second_factor import last_proof
from planner.store.records import Account, AccountOrigin, AuditEntry, PasswordReset, SecondFactor

#: How long an account has to be in use before it no longer counts as that of who made it. Two weeks, because an
#: account made for one act would have to be kept, with codes of its own, in sight of all who look after accounts;
#: and because a clinic whose first admin invited everybody can still help itself in its third week.
IN_USE_FOR: Final = timedelta(days=14)
#: Stands behind every account of which nobody knows who made it.
ANYBODY: Final = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """When it was asked, and since when the lost factor may have been lost: the last time it was shown to be there."""

    asked_at: datetime
    lost_since: datetime

    @property
    def lately(self) -> datetime:
        """From here on nobody who agrees may have got anything from who asks."""
        return min(self.asked_at - IN_USE_FOR, self.lost_since)


def are_two_people(db: Session, one_id: int, other_id: int, whose_id: int, asked_at: datetime) -> bool:
    """Whether who asked at `asked_at` for the lost factor of `whose_id`, and who agrees, count as two."""
    moment = Moment(asked_at, last_proof(db, whose_id) or asked_at)
    one, other = _behind(db, one_id, moment), _behind(db, other_id, moment)
    return not one & other and ANYBODY not in one | other


def _behind(db: Session, account_id: int, moment: Moment) -> frozenset[int]:
    """The account, and every account that could act as it."""
    found: set[int] = set()
    open_ones = {account_id}
    while open_ones:
        current = open_ones.pop()
        found.add(current)
        if current != ANYBODY:
            open_ones |= (_makers(db, current, moment) | _holders(db, current, moment)) - found
    return frozenset(found)


def _makers(db: Session, account_id: int, moment: Moment) -> set[int]:
    """Who made the account, while it does not stand for itself; nobody for the command line and the set-up page."""
    if _stands_for_itself(db, account_id, moment):
        return set()
    origin = db.get(AccountOrigin, account_id)
    if origin is None:
        return {ANYBODY}
    return set() if origin.made_by_id is None else {origin.made_by_id}


def _stands_for_itself(db: Session, account_id: int, moment: Moment) -> bool:
    first = db.scalar(
        select(func.min(AuditEntry.at)).where(
            AuditEntry.object_type == "account",
            AuditEntry.object_id == account_id,
            AuditEntry.action == "account.signed_in",
        )
    )
    made_at = db.scalar(
        select(Account.created_at)
        .join(SecondFactor, SecondFactor.account_id == Account.id)
        .where(Account.id == account_id, SecondFactor.confirmed_at.is_not(None))
    )
    if first is None or made_at is None:
        return False
    return bool(first <= moment.asked_at - IN_USE_FOR and made_at <= moment.lost_since)


def _holders(db: Session, account_id: int, moment: Moment) -> set[int]:
    """Who lately gave the account rights, or could have set its password; the command line is nobody."""
    givers = db.scalars(
        select(AuditEntry.account_id).where(
            AuditEntry.object_type == "account",
            AuditEntry.object_id == account_id,
            AuditEntry.action == "account.rights_changed",
            AuditEntry.account_id.is_not(None),
            AuditEntry.account_id != account_id,
            AuditEntry.at > moment.lately,
        )
    )
    resetters = db.scalars(
        select(PasswordReset.started_by_id)
        .outerjoin(SecondFactor, SecondFactor.account_id == PasswordReset.account_id)
        .where(
            PasswordReset.account_id == account_id,
            PasswordReset.started_by_id.is_not(None),
            PasswordReset.used_at > moment.lately,
            or_(SecondFactor.confirmed_at.is_(None), SecondFactor.confirmed_at > PasswordReset.used_at),
        )
    )
    return {found for found in (*givers, *resetters) if found is not None}
