"""Calendar links and the counters that tell whether a calendar changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, UtcInstant, words


class FeedScope(StrEnum):
    """Whose appointments a calendar link shows."""

    PATIENT = "patient"
    THERAPIST = "therapist"
    CHAIR = "chair"
    ROOM = "room"
    SITE = "site"


class FeedDetail(StrEnum):
    """How much the entries of a calendar link say (feeds.md rule 21)."""

    DISCREET = "discreet"
    BUSY = "busy"
    CODE = "code"
    INITIALS = "initials"
    FULL = "full"


class Feed(Base):
    """One calendar link of one account for one device. Only the SHA-256 of its token is kept.

    `revision` and `revised_at` count changes of the link's own settings, which change every entry in it.
    """

    __tablename__ = "feed"
    __table_args__ = (Index("ix_feed_scope_subject_id", "scope", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    scope: Mapped[FeedScope] = mapped_column(words(FeedScope, "feed_scope"))
    subject_id: Mapped[int]
    detail: Mapped[FeedDetail] = mapped_column(words(FeedDetail, "feed_detail"), default=FeedDetail.DISCREET)
    words: Mapped[str] = mapped_column(String(40), default="")
    show_address: Mapped[bool] = mapped_column(default=False)
    hide_cancelled: Mapped[bool] = mapped_column(default=False)
    device: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    revision: Mapped[int] = mapped_column(default=0)
    revised_at: Mapped[datetime] = mapped_column(UtcInstant)
    consent_version: Mapped[str] = mapped_column(String(20), default="")
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
    expires_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    last_fetched_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    last_client: Mapped[str] = mapped_column(String(40), default="")
    last_etag: Mapped[str] = mapped_column(String(80), default="")
    revoked_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    revoked_reason: Mapped[str] = mapped_column(String(40), default="")


class CalendarVersion(Base):
    """A counter per subject that moves with every change to any of its appointments, deletion included."""

    __tablename__ = "calendar_version"

    scope: Mapped[FeedScope] = mapped_column(words(FeedScope, "calendar_scope"), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime] = mapped_column(UtcInstant)


class AddTicket(Base):
    """A one-use, short-lived code behind the QR picture that lets another phone make its own link."""

    __tablename__ = "add_ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    ticket_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcInstant)
    used_at: Mapped[datetime | None] = mapped_column(UtcInstant)


class CalendarTryKind(StrEnum):
    """What is counted to keep calendars from being fetched too often."""

    SOONER = "sooner"
    MISSED = "missed"


class CalendarTry(Base):
    """One fetch of a calendar too soon after the last one, or one of an address that is none (feeds.md rule 20).

    `who` is what the limit is for: the link's token hash when it came too soon, the network address when it missed.
    """

    __tablename__ = "calendar_try"
    __table_args__ = (Index("ix_calendar_try_kind_who_at", "kind", "who", "at"), Index("ix_calendar_try_at", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[CalendarTryKind] = mapped_column(words(CalendarTryKind, "calendar_try_kind"))
    who: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcInstant)
