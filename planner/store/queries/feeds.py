"""Calendar links as their owners see them; never the token, which nobody has kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from planner.store.records import Account, Feed, FeedDetail, FeedScope


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One calendar link. `last_client` is the kind of program that fetched it last, empty when none has."""

    id: int
    account_id: int
    account_email: str
    scope: FeedScope
    subject_id: int
    detail: FeedDetail
    words: str
    show_address: bool
    hide_cancelled: bool
    device: str
    created_at: datetime
    expires_at: datetime | None
    last_fetched_at: datetime | None
    last_client: str
    revoked_at: datetime | None


_QUERY = select(
    Feed.id,
    Feed.account_id,
    Account.email,
    Feed.scope,
    Feed.subject_id,
    Feed.detail,
    Feed.words,
    Feed.show_address,
    Feed.hide_cancelled,
    Feed.device,
    Feed.created_at,
    Feed.expires_at,
    Feed.last_fetched_at,
    Feed.last_client,
    Feed.revoked_at,
).join(Account, Account.id == Feed.account_id)


def feeds_of(db: Session, account_id: int, *, revoked: bool = False) -> list[FeedRow]:
    """An account's calendar links, oldest first; with `revoked` the ended ones too. One query."""
    query = _QUERY.where(Feed.account_id == account_id)
    if not revoked:
        query = query.where(Feed.revoked_at.is_(None))
    return _rows(db, query)


def all_feeds(db: Session) -> list[FeedRow]:
    """Every calendar link of the clinic, oldest first. One query."""
    return _rows(db, _QUERY)


def _rows(db: Session, query: Select[*tuple[Any, ...]]) -> list[FeedRow]:
    found: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query.order_by(Feed.created_at, Feed.id))]
    return [FeedRow(*columns) for columns in found]
