"""The one-use code behind a QR picture: it lets another phone make a link of its own, without a sign-in.

A ticket opens nothing but the making of one calendar link for the account that showed it. Only its SHA-256 is kept.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import NotFound
from planner.services.auditing import record
from planner.services.publishing import hash_of
from planner.services.signing_in import signed_in_as
from planner.store.records import Account, AddTicket

LASTS: Final = timedelta(minutes=15)
_BYTES: Final = 32


def make_ticket(db: Session, principal: Principal, now: datetime) -> str:
    """A new ticket, good for 15 minutes and one link. It cannot be shown again; those that ran out are forgotten."""
    require(principal, Permission.OWN_FEEDS)
    db.execute(delete(AddTicket).where(AddTicket.expires_at <= now))
    ticket = secrets.token_urlsafe(_BYTES)
    db.add(AddTicket(account_id=principal.account_id, ticket_hash=hash_of(ticket), expires_at=now + LASTS))
    db.flush()
    return ticket


def holder_of(db: Session, ticket: str, now: datetime, address: str) -> Principal:
    """Who showed this ticket, while it is good. Raises NotFound for one that is unknown, used or too old."""
    account = db.scalar(
        select(Account)
        .join(AddTicket, AddTicket.account_id == Account.id)
        .where(
            AddTicket.ticket_hash == hash_of(ticket),
            AddTicket.expires_at > now,
            AddTicket.used_at.is_(None),
            Account.active,
        )
    )
    if account is None:
        raise NotFound
    return signed_in_as(db, account).principal(address)


def use_ticket(db: Session, ticket: str, now: datetime, address: str) -> Principal:
    """Spend a ticket: of two phones that try at once, one gets it. Raises NotFound as `holder_of` does."""
    principal = holder_of(db, ticket, now, address)
    spent = db.execute(
        update(AddTicket)
        .where(AddTicket.ticket_hash == hash_of(ticket), AddTicket.used_at.is_(None))
        .values(used_at=now)
        .returning(AddTicket.id)
    ).scalar_one_or_none()
    if spent is None:
        raise NotFound
    record(db, principal, action="feed.ticket_used", object_type="add_ticket", object_id=spent, now=now)
    return principal
