"""Who works when and where, and who is away."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, UtcInstant

_BREAK = (
    "(break_starts_minute is null and break_ends_minute is null) or (break_starts_minute > starts_minute "
    "and break_ends_minute > break_starts_minute and break_ends_minute < ends_minute)"
)


class Shift(Base):
    """A span of work as published. Kept as wall time in `zone` with the instants derived; no site means telehealth.

    `starts_minute`/`ends_minute` count from local midnight of `day`; an end beyond 1440 runs into the next day. In
    the break nobody is booked. Who is `on_call` can be reached but is not on the site and covers nothing there.
    `roster_site_id` is the site whose roster keeps the shift, for telehealth too.
    """

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("starts_minute >= 0 and ends_minute > starts_minute and ends_minute <= 2880", name="wall"),
        CheckConstraint(_BREAK, name="break"),
        Index("ix_shift_person_id_starts_at", "person_id", "starts_at"),
        Index("ix_shift_starts_at", "starts_at"),
        Index("ix_shift_roster_site_id_day", "roster_site_id", "day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    roster_site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day: Mapped[date]
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]
    break_starts_minute: Mapped[int | None]
    break_ends_minute: Mapped[int | None]
    on_call: Mapped[bool] = mapped_column(default=False, server_default=false())
    zone: Mapped[str] = mapped_column(String(64))
    starts_at: Mapped[datetime] = mapped_column(UtcInstant)
    ends_at: Mapped[datetime] = mapped_column(UtcInstant)
    break_starts_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    break_ends_at: Mapped[datetime | None] = mapped_column(UtcInstant)


class Absence(Base):
    """A span in which a member of staff is away, whatever their shifts say."""

    __tablename__ = "absence"
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="order"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    starts_at: Mapped[datetime] = mapped_column(UtcInstant)
    ends_at: Mapped[datetime] = mapped_column(UtcInstant)
    reason: Mapped[str] = mapped_column(String(120), default="")


class ShiftPattern(Base):
    """A shift that comes again every week, or every `every_weeks` weeks counted from the week of `from_day`.

    Wall minutes of a weekday (0 = Monday) at `site_id`, whose roster keeps it; `is_remote` is telehealth. It counts
    from `from_day` to `until_day`, both included, without end when that is empty.
    """

    __tablename__ = "shift_pattern"
    __table_args__ = (
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("starts_minute >= 0 and ends_minute > starts_minute and ends_minute <= 2880", name="wall"),
        CheckConstraint(_BREAK, name="break"),
        CheckConstraint("every_weeks between 1 and 8", name="every_weeks"),
        CheckConstraint("until_day is null or until_day >= from_day", name="order"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    is_remote: Mapped[bool] = mapped_column(default=False)
    weekday: Mapped[int]
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]
    break_starts_minute: Mapped[int | None]
    break_ends_minute: Mapped[int | None]
    on_call: Mapped[bool] = mapped_column(default=False)
    every_weeks: Mapped[int] = mapped_column(default=1)
    from_day: Mapped[date]
    until_day: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)


class PatternException(Base):
    """One day on which a pattern does not hold: other wall minutes, or none at all."""

    __tablename__ = "pattern_exception"
    __table_args__ = (
        UniqueConstraint("pattern_id", "day"),
        CheckConstraint(
            "(starts_minute is null and ends_minute is null) or (starts_minute >= 0 "
            "and ends_minute > starts_minute and ends_minute <= 2880)",
            name="wall",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    pattern_id: Mapped[int] = mapped_column(ForeignKey("shift_pattern.id"))
    day: Mapped[date]
    starts_minute: Mapped[int | None]
    ends_minute: Mapped[int | None]


class RosterDraft(Base):
    """A site's week being worked on; what is published does not change until it is published in turn.

    `base_number` is the published version it began from (0: none) and `base_digest` says what the roster was then.
    `monday` is a local day of the site. One draft a week: whoever edits counts `version` up.
    """

    __tablename__ = "roster_draft"
    __table_args__ = (UniqueConstraint("site_id", "monday"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    monday: Mapped[date]
    base_number: Mapped[int] = mapped_column(default=0)
    base_digest: Mapped[str] = mapped_column(String(64))
    updated_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    updated_at: Mapped[datetime] = mapped_column(UtcInstant)
    version: Mapped[int] = mapped_column(default=1)


class DraftShift(Base):
    """A shift of a draft, as wall minutes of a local day of the draft's site.

    A fold of 1 means the second showing of a start or end that clocks show twice that day.
    """

    __tablename__ = "draft_shift"
    __table_args__ = (
        CheckConstraint("starts_minute >= 0 and ends_minute > starts_minute and ends_minute <= 2880", name="wall"),
        CheckConstraint(_BREAK, name="break"),
        CheckConstraint("starts_fold in (0, 1) and ends_fold in (0, 1)", name="fold"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("roster_draft.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    is_remote: Mapped[bool] = mapped_column(default=False)
    day: Mapped[date]
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]
    break_starts_minute: Mapped[int | None]
    break_ends_minute: Mapped[int | None]
    on_call: Mapped[bool] = mapped_column(default=False)
    starts_fold: Mapped[int] = mapped_column(default=0)
    ends_fold: Mapped[int] = mapped_column(default=0)


class RosterPublication(Base):
    """One published version of a site's week: what it replaced and what it put there. Never changed afterwards.

    `before` and `after` are lists of shifts as written by `planner.services`; `is_withdrawal` is an unpublishing.
    """

    __tablename__ = "roster_publication"
    __table_args__ = (UniqueConstraint("site_id", "monday", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    monday: Mapped[date]
    number: Mapped[int]
    is_withdrawal: Mapped[bool] = mapped_column(default=False)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    change_set_id: Mapped[int | None] = mapped_column(ForeignKey("change_set.id"))
    at: Mapped[datetime] = mapped_column(UtcInstant)
    before: Mapped[list[Any]] = mapped_column(JSON)
    after: Mapped[list[Any]] = mapped_column(JSON)
