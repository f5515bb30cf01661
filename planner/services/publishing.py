"""Calendar links: made, changed, ended, found again by their secret, and answered.

A link belongs to one account, one subject and one device. Its secret is shown once and kept only as SHA-256. A link
that has ended answers an empty calendar for 30 days, which takes the appointments off the devices, and is then gone
(feeds.md rules 17, 20).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, may, require
from planner.domain.errors import FieldError, NotFound, NotPermitted
from planner.feeds.clients import client_family
from planner.feeds.conditional import etag
from planner.feeds.entries import BUILDER_VERSION, next_change
from planner.feeds.neutral import check_neutral
from planner.feeds.span import window_day
from planner.services.calendars import LastGood, PlannedDates, calendar_bytes, empty_calendar, plan_bytes
from planner.services.feed_rights import PLACE_ROLES, PLACES, audit_feed, end_link, is_theirs
from planner.services.places import one_line
from planner.store.records import (
    CalendarVersion,
    Chair,
    Feed,
    FeedDetail,
    FeedScope,
    Patient,
    Person,
    Room,
    Site,
)

CONSENT_VERSION: Final = "2026-11"
CONSENT_TEXT: Final = (
    "Your dates will be copied to the calendar service you choose. It may be run by another company, which then "
    "holds a copy. Only the words shown above are sent. You can end the link at any time; a copy may stay on a "
    "device for a day."
)
EMPTY_FOR: Final = timedelta(days=30)
MOST_LINKS: Final = 20
#: A program that fetches every minute needs no line written every minute.
FETCH_NOTED_EVERY: Final = timedelta(minutes=1)


def create_feed(
    db: Session,
    principal: Principal,
    scope: FeedScope,
    subject_id: int,
    device: str,
    *,
    now: datetime,
    consent_version: str,
    detail: FeedDetail = FeedDetail.DISCREET,
    words: str = "",
    show_address: bool | None = None,
    hide_cancelled: bool | None = None,
    expires_at: datetime | None = None,
) -> tuple[Feed, str]:
    """A new link and its secret, which cannot be shown again.

    `show_address` is off for patients and on for staff, `hide_cancelled` on for places and off for people, unless
    said otherwise. Raises FieldError (`device`, `consent`, `detail`, `words`, `expires_at`), NotPermitted, NotFound.
    """
    require(principal, Permission.OWN_FEEDS)
    _check_subject(db, principal, scope, subject_id)
    if consent_version != CONSENT_VERSION:
        raise FieldError("consent", "Read what the calendar service will hold, and agree to it first.")
    if expires_at is not None and expires_at <= now:
        raise FieldError("expires_at", "Choose an end in the future.")
    device = one_line(device, "device", 60)
    _check_look(scope, detail, words)
    _refuse_too_many(db, principal)
    feed = Feed(
        account_id=principal.account_id,
        scope=scope,
        subject_id=subject_id,
        detail=detail,
        words=words.strip(),
        show_address=scope is not FeedScope.PATIENT if show_address is None else show_address,
        hide_cancelled=scope in PLACES if hide_cancelled is None else hide_cancelled,
        device=device,
        token_hash="",
        revision=0,
        revised_at=now.astimezone(UTC).replace(microsecond=0),
        consent_version=consent_version,
        created_at=now.astimezone(UTC).replace(microsecond=0),
        expires_at=expires_at,
    )
    return feed, _add(db, principal, feed, now)


def _add(db: Session, principal: Principal, feed: Feed, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    feed.token_hash = hash_of(token)
    db.add(feed)
    db.flush()
    audit_feed(db, principal, "feed.created", feed, now)
    return token


def rotate_feed(db: Session, principal: Principal, feed_id: int, now: datetime) -> tuple[Feed, str]:
    """The same calendar under a new secret; the old link ends. Raises NotFound for another's or an ended link."""
    old = _own_live(db, principal, feed_id)
    fresh = Feed(
        account_id=old.account_id,
        scope=old.scope,
        subject_id=old.subject_id,
        detail=old.detail,
        words=old.words,
        show_address=old.show_address,
        hide_cancelled=old.hide_cancelled,
        device=old.device,
        revision=old.revision,
        revised_at=old.revised_at,
        consent_version=old.consent_version,
        created_at=old.created_at,
        expires_at=old.expires_at,
    )
    end_link(db, principal, old, "rotated", now)
    return fresh, _add(db, principal, fresh, now)


def revoke_feed(db: Session, principal: Principal, feed_id: int, now: datetime, reason: str = "removed") -> Feed:
    """End a link at once: one's own, or as the manager of accounts anybody's. Raises NotFound."""
    feed = db.get(Feed, feed_id)
    if feed is None or feed.revoked_at is not None:
        raise NotFound("There is no such calendar link.")
    if feed.account_id != principal.account_id and not may(principal, Permission.ACCOUNTS_MANAGE):
        raise NotFound("There is no such calendar link.")
    end_link(db, principal, feed, reason, now)
    return feed


def revoke_all_feeds(db: Session, principal: Principal, now: datetime) -> int:
    """End all of one's own links; how many there were."""
    own = select(Feed).where(Feed.account_id == principal.account_id, Feed.revoked_at.is_(None))
    feeds = list(db.scalars(own.order_by(Feed.id)))
    for feed in feeds:
        end_link(db, principal, feed, "removed", now)
    return len(feeds)


def change_feed(
    db: Session,
    principal: Principal,
    feed_id: int,
    *,
    now: datetime,
    detail: FeedDetail | None = None,
    words: str | None = None,
    show_address: bool | None = None,
    hide_cancelled: bool | None = None,
) -> Feed:
    """Change what a link's entries say. It counts as a change of every entry in it (feeds.md rule 4).

    Raises FieldError (`detail`, `words`), NotFound.
    """
    feed = _own_live(db, principal, feed_id)
    wanted_detail = feed.detail if detail is None else detail
    wanted_words = feed.words if words is None else words.strip()
    _check_look(feed.scope, wanted_detail, wanted_words)
    before = (feed.detail, feed.words, feed.show_address, feed.hide_cancelled)
    feed.detail, feed.words = wanted_detail, wanted_words
    feed.show_address = feed.show_address if show_address is None else show_address
    feed.hide_cancelled = feed.hide_cancelled if hide_cancelled is None else hide_cancelled
    if before != (feed.detail, feed.words, feed.show_address, feed.hide_cancelled):
        _, changed_at = _version(db, feed)
        feed.revision += 1
        feed.revised_at = next_change(max(feed.revised_at, changed_at or feed.revised_at), now)
        db.flush()
        audit_feed(db, principal, "feed.changed", feed, now)
    return feed


# Answering calendar programs


class FeedLife(StrEnum):
    """LIVE: entries. ENDED: an empty calendar. GONE: not even that any more (410)."""

    LIVE = "live"
    ENDED = "ended"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of a feed before anything is built: enough to answer HEAD and 304."""

    life: FeedLife
    etag: str
    last_modified: datetime


def hash_of(token: str) -> str:
    """What is kept of a secret. A fast hash is right for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def find_feed(db: Session, token: str) -> Feed | None:
    """The link with this secret, ended ones included; None for a wrong one. One query."""
    return db.scalar(select(Feed).where(Feed.token_hash == hash_of(token)))


def feed_state(db: Session, feed: Feed, now: datetime) -> FeedState:
    """The feed's life, entity tag and time of last change. Three queries at most, whatever its size."""
    ended_at = _ended_at(db, feed, now)
    if ended_at is not None:
        life = FeedLife.GONE if now >= ended_at + EMPTY_FOR else FeedLife.ENDED
        return FeedState(life, f'W/"{BUILDER_VERSION}-{feed.revision}-ended"', ended_at.replace(microsecond=0))
    version, changed_at = _version(db, feed)
    day = window_day(now)
    midnight = datetime.combine(day, time(), UTC)
    return FeedState(
        FeedLife.LIVE,
        etag(BUILDER_VERSION, feed.revision, version, day),
        max(feed.revised_at, changed_at or feed.revised_at, midnight),
    )


def feed_bytes(db: Session, feed: Feed, now: datetime, last_good: LastGood, *, portal_url: str | None = None) -> bytes:
    """The calendar of a link that is not gone. Raises FeedUnavailable, which is answered 503, and NotFound."""
    state = feed_state(db, feed, now)
    if state.life is FeedLife.GONE:
        raise NotFound
    if state.life is FeedLife.ENDED:
        return empty_calendar(state.last_modified)
    return calendar_bytes(db, feed, now, state.last_modified, last_good, portal_url=portal_url)


def record_fetch(db: Session, feed: Feed, now: datetime, user_agent: str | None, etag: str) -> bool:
    """Note who looked when; False when the last note is fresh and says the same. The door commits on its own."""
    client = client_family(user_agent)
    fresh = feed.last_fetched_at is not None and now - feed.last_fetched_at < FETCH_NOTED_EVERY
    if fresh and (feed.last_client, feed.last_etag) == (client, etag):
        return False
    feed.last_fetched_at, feed.last_client, feed.last_etag = now, client, etag
    db.flush()
    return True


def _ended_at(db: Session, feed: Feed, now: datetime) -> datetime | None:
    """When the link ended: revoked, run out, or no longer theirs, which the next fetch notes down with its time."""
    if feed.revoked_at is not None:
        return feed.revoked_at
    if feed.expires_at is not None and feed.expires_at <= now:
        return feed.expires_at
    return None if is_theirs(db, feed) else datetime.combine(window_day(now), time(), UTC)


def _version(db: Session, feed: Feed) -> tuple[int, datetime | None]:
    row = db.execute(
        select(CalendarVersion.version, CalendarVersion.changed_at).where(
            CalendarVersion.scope == feed.scope, CalendarVersion.subject_id == feed.subject_id
        )
    ).one_or_none()
    return (row[0], row[1]) if row is not None else (0, None)


# Who may, and what a link may say


def _check_subject(db: Session, principal: Principal, scope: FeedScope, subject_id: int) -> None:
    """One's own dates; places only of one's own sites, and only as coordinator or nurse."""
    if scope is FeedScope.PATIENT:
        own = principal.is_any(Role.PATIENT) and principal.patient_id == subject_id
        patient = db.get(Patient, subject_id)
        if not own or patient is None:
            raise NotFound
        if not patient.active:
            raise FieldError("device", "Your time with us has ended, so there are no more dates for a calendar.")
    elif scope is FeedScope.THERAPIST:
        if principal.person_id != subject_id or db.get(Person, subject_id) is None:
            raise NotFound
    elif not principal.is_any(*PLACE_ROLES):
        raise NotPermitted("Calendars of chairs, rooms and sites are for coordinators and nurses.")
    elif db.scalar(_site_of(scope, subject_id)) not in principal.site_ids:
        raise NotFound


def _site_of(scope: FeedScope, subject_id: int) -> Select[int]:
    if scope is FeedScope.SITE:
        return select(Site.id).where(Site.id == subject_id)
    kind = Chair if scope is FeedScope.CHAIR else Room
    return select(kind.site_id).where(kind.id == subject_id)


def _check_look(scope: FeedScope, detail: FeedDetail, words: str) -> None:
    if detail is FeedDetail.FULL:
        raise FieldError(
            "detail",
            "Names can be shown only under a signed agreement with the calendar company; none is on record.",
        )
    if detail is FeedDetail.INITIALS:
        raise FieldError("detail", "Initials can be shown only after the clinic's manager has decided so.")
    if scope is FeedScope.PATIENT and detail is not FeedDetail.DISCREET:
        raise FieldError("detail", "Your calendar shows neutral words only.")
    if words.strip() and (fault := check_neutral(words)):
        raise FieldError("words", fault)


def _refuse_too_many(db: Session, principal: Principal) -> None:
    living = db.scalar(
        select(func.count(Feed.id)).where(Feed.account_id == principal.account_id, Feed.revoked_at.is_(None))
    )
    if (living or 0) >= MOST_LINKS:
        raise FieldError("device", f"There are {MOST_LINKS} links already. Remove one that is not used any more.")


def _own_live(db: Session, principal: Principal, feed_id: int) -> Feed:
    # Locked, because a change of the clinic's words counts a revision of every link, too.
    feed = db.get(Feed, feed_id, with_for_update={"key_share": True}, populate_existing=True)
    if feed is None or feed.account_id != principal.account_id or feed.revoked_at is not None:
        raise NotFound("There is no such calendar link.")
    return feed


__all__ = [
    "CONSENT_TEXT",
    "CONSENT_VERSION",
    "FeedLife",
    "FeedState",
    "LastGood",
    "PlannedDates",
    "change_feed",
    "create_feed",
    "feed_bytes",
    "feed_state",
    "find_feed",
    "plan_bytes",
    "record_fetch",
    "revoke_all_feeds",
    "revoke_feed",
    "rotate_feed",
]
