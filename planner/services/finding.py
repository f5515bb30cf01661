"""What an account opened lately, and the filters it keeps; its own and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, NotFound
from planner.services.places import one_line
from planner.store.queries.finding import MOST_SHOWN, visited_at
from planner.store.records import RecentVisit, SavedFilter

#: Opening the same thing again within this time is not noted again.
NOTED_EVERY: Final = timedelta(minutes=1)
LONGEST_NAME: Final = 60
MOST_FILTERS: Final = 20


def is_noted(db: Session, account_id: int, kind: str, object_id: int, now: datetime) -> bool:
    """Whether this visit is noted already; reads only."""
    at = visited_at(db, account_id, kind, object_id)
    return at is not None and now - at < NOTED_EVERY


def note_visit(db: Session, account_id: int, kind: str, object_id: int, now: datetime) -> None:
    """Note that the account opened this; of everything it opened the last twenty are kept."""
    mine = RecentVisit.account_id == account_id
    noted = db.execute(
        update(RecentVisit)
        .where(mine, RecentVisit.kind == kind, RecentVisit.object_id == object_id)
        .values(at=now)
        .returning(RecentVisit.at)
    ).one_or_none()
    if noted is not None:
        return
    try:
        with db.begin_nested():
            db.add(RecentVisit(account_id=account_id, kind=kind, object_id=object_id, at=now))
    except IntegrityError:
        return  # opened in two windows at once; the other one noted it
    oldest_kept = db.scalar(
        select(RecentVisit.at).where(mine).order_by(RecentVisit.at.desc()).offset(MOST_SHOWN - 1).limit(1)
    )
    if oldest_kept is not None:
        db.execute(delete(RecentVisit).where(mine, RecentVisit.at < oldest_kept))


def save_filter(
    db: Session, principal: Principal, *, page: str, name: str, choices: Mapping[str, str], now: datetime
) -> SavedFilter:
    """Keep a filter of a page under a name; the same name again replaces it. Raises FieldError at `name`."""
    name = one_line(name, "name", LONGEST_NAME)
    if not choices:
        raise FieldError("name", "Choose something to filter by first.")
    mine = (SavedFilter.account_id == principal.account_id, SavedFilter.page == page)
    kept = db.scalars(select(SavedFilter).where(*mine, SavedFilter.name == name)).one_or_none()
    if kept is not None:
        kept.choices = dict(choices)
    else:
        if (db.scalar(select(func.count()).select_from(SavedFilter).where(*mine)) or 0) >= MOST_FILTERS:
            raise FieldError("name", f"You keep {MOST_FILTERS} filters here already. Remove one first.")
        kept = SavedFilter(account_id=principal.account_id, page=page, name=name, choices=dict(choices), created_at=now)
        _add(db, kept)
    db.flush()
    return kept


def _add(db: Session, kept: SavedFilter) -> None:
    try:
        with db.begin_nested():
            db.add(kept)
    except IntegrityError:
        raise FieldError("name", "Another window of yours saves a filter with this name; look at it first.") from None


def remove_filter(db: Session, principal: Principal, filter_id: int) -> SavedFilter:
    """Forget one of one's own filters. Raises NotFound, also for somebody else's."""
    kept = db.scalars(
        select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.account_id == principal.account_id)
    ).one_or_none()
    if kept is None:
        raise NotFound()
    db.delete(kept)
    db.flush()
    return kept
