"""How often a calendar may be fetched, and who looked last (feeds.md rules 18 and 20, security.md 8.5).

Both limits are counted in the database, so that all workers share them:

* A link may be fetched once a minute, and ten times more in ten minutes for a program that tries several ways at
  once. A fetch a minute or more after the last one noted is always let in and noted on the link itself, so programs
  that behave cost one short write a minute at most. Each fetch sooner than that leaves a row of its own, and ten rows
  are the end of it.
* Wrong addresses are counted by network address, twenty a minute. A right address is never kept out by them.

The rows lie in a table of their own and go after ten minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from planner.feeds.clients import client_family
from planner.services.auditing import record
from planner.services.feed_rights import notice_lost
from planner.services.publishing import record_fetch
from planner.store.records import CalendarTry, CalendarTryKind, Feed

EVERY: Final = timedelta(minutes=1)
EXTRA: Final = 10
EXTRA_WITHIN: Final = timedelta(minutes=10)
MISSES: Final = 20
MISSES_WITHIN: Final = timedelta(minutes=1)

_LONGEST_ADDRESS: Final = 64


def wait_before_fetch(db: Session, feed: Feed, now: datetime) -> timedelta | None:
    """How long this link has to wait before it is answered again; None when it is answered now. Reads only."""
    since = _since_last(feed, now)
    if since is None or since >= EVERY:
        return None
    extra = _count(db, CalendarTryKind.SOONER, feed.token_hash, now - EXTRA_WITHIN)
    return None if extra < EXTRA else EVERY - since


def note_fetch(db: Session, feed_id: int, now: datetime, user_agent: str | None, etag: str) -> None:
    """Note a fetch that was answered: on the link when a minute has passed, else as one of the extra ones.

    The first fetch and the first one by another kind of program get a line in the history. A link whose right is gone
    without anybody having ended it ends here. The door commits.
    """
    feed = db.get(Feed, feed_id)
    if feed is None:
        return
    notice_lost(db, feed, now)
    since, client = _since_last(feed, now), client_family(user_agent)
    if feed.last_client != client:
        record(
            db, None, action="feed.fetched", object_type="feed", object_id=feed.id, now=now,
            detail={"client": client, "first": feed.last_fetched_at is None},
        )  # fmt: skip
    if since is not None and since < EVERY:
        _add(db, CalendarTryKind.SOONER, feed.token_hash, now, EXTRA_WITHIN)
    record_fetch(db, feed, now, user_agent, etag)


def wait_after_misses(db: Session, address: str, now: datetime) -> timedelta | None:
    """How long a network address that guesses has to wait; None when it may go on. Reads only."""
    counted = _count(db, CalendarTryKind.MISSED, _guesser(address), now - MISSES_WITHIN)
    return MISSES_WITHIN if counted >= MISSES else None


def note_miss(db: Session, address: str, now: datetime) -> None:
    """Count one wrong address. The door commits."""
    _add(db, CalendarTryKind.MISSED, _guesser(address), now, MISSES_WITHIN)


def _guesser(address: str) -> str:
    return address[:_LONGEST_ADDRESS]


def _since_last(feed: Feed, now: datetime) -> timedelta | None:
    # A clock that was set back must not keep a program out.
    return None if feed.last_fetched_at is None or feed.last_fetched_at > now else now - feed.last_fetched_at


def _count(db: Session, kind: CalendarTryKind, who: str, since: datetime) -> int:
    counted = select(func.count()).where(CalendarTry.kind == kind, CalendarTry.who == who, CalendarTry.at > since)
    return db.scalar(counted) or 0


def _add(db: Session, kind: CalendarTryKind, who: str, now: datetime, kept: timedelta) -> None:
    db.execute(
        delete(CalendarTry).where(CalendarTry.kind == kind, CalendarTry.who == who, CalendarTry.at <= now - kept)
    )
    db.add(CalendarTry(kind=kind, who=who, at=now))
    db.flush()


def forget_old_tries(db: Session, now: datetime) -> None:
    """Sweep out what no limit counts any more."""
    db.execute(delete(CalendarTry).where(CalendarTry.at <= now - EXTRA_WITHIN))
