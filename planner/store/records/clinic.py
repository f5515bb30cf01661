"""The clinic, its sites, and everything there that can be held for a time."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, words


class Clinic(Base):
    """The one clinic of this database and the settings that hold everywhere.

    `neutral_name` is what calendars and messages may show; `undo_minutes` is the grace time of an applied change;
    the idle limits are minutes without a request before a sign-in ends. `plan_ahead_months` is how far ahead rosters
    are kept: nothing later is a day anybody meant, but a slip of the keyboard. With `staff_second_factor` no member of
    staff signs in with a password alone. `portal_days_after_discharge` is how many whole days a discharged patient may
    still sign in and read.
    """

    __tablename__ = "clinic"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("portal_days_after_discharge between 0 and 365", name="portal_days"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    neutral_name: Mapped[str] = mapped_column(String(60))
    zone: Mapped[str] = mapped_column(String(64))
    help_text: Mapped[str] = mapped_column(Text, default="")
    feed_words: Mapped[str] = mapped_column(String(40), default="Appointment")
    undo_minutes: Mapped[int] = mapped_column(default=3)
    hold_minutes: Mapped[int] = mapped_column(default=20)
    staff_idle_minutes: Mapped[int] = mapped_column(default=15)
    patient_idle_minutes: Mapped[int] = mapped_column(default=30)
    plan_ahead_months: Mapped[int] = mapped_column(default=36, server_default="36")
    staff_second_factor: Mapped[bool] = mapped_column(default=False, server_default=false())
    portal_days_after_discharge: Mapped[int] = mapped_column(default=90, server_default="90")
    is_demo: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)


class Site(Base):
    """A place with chairs and rooms. Wall times at a site are in its `zone` (IANA).

    Starts lie on a grid counted in minutes from local midnight: `visit_grid_minutes` for infusions,
    `therapy_grid_minutes` for sessions. `holiday_country` (ISO 3166) and `holiday_region` say whose public holidays
    are offered as closed days.
    """

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    alias: Mapped[str] = mapped_column(String(60), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    zone: Mapped[str] = mapped_column(String(64))
    visit_grid_minutes: Mapped[int] = mapped_column(default=15)
    therapy_grid_minutes: Mapped[int] = mapped_column(default=15)
    holiday_country: Mapped[str] = mapped_column(String(2), default="", server_default="")
    holiday_region: Mapped[str] = mapped_column(String(10), default="", server_default="")
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)


class OpeningHours(Base):
    """A span of one weekday (0 = Monday) in which a site is open, in minutes from local midnight."""

    __tablename__ = "opening_hours"
    __table_args__ = (
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("opens_minute >= 0 and closes_minute <= 1440 and closes_minute > opens_minute", name="order"),
        UniqueConstraint("site_id", "weekday", "opens_minute"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    weekday: Mapped[int]
    opens_minute: Mapped[int]
    closes_minute: Mapped[int]


class Closure(Base):
    """A calendar day on which a site is closed all day."""

    __tablename__ = "closure"
    __table_args__ = (UniqueConstraint("site_id", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day: Mapped[date]
    reason: Mapped[str] = mapped_column(String(120), default="")


class HoldableKind(StrEnum):
    """What can be held: nobody and nothing else can be double-booked."""

    PATIENT = "patient"
    PERSON = "person"
    LANE = "lane"
    CHAIR = "chair"
    ROOM = "room"


class Holdable(Base):
    """One person or thing that is held by at most one appointment at a time.

    `turnover_minutes` is added after each appointment that holds it.
    """

    __tablename__ = "holdable"
    __table_args__ = (CheckConstraint("turnover_minutes between 0 and 240", name="turnover"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[HoldableKind] = mapped_column(words(HoldableKind, "holdable_kind"))
    turnover_minutes: Mapped[int] = mapped_column(default=0)


class Chair(Base):
    """A treatment chair. Its turnover comes from the protocol's visit blocks."""

    __tablename__ = "chair"
    __table_args__ = (UniqueConstraint("site_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    holdable_id: Mapped[int] = mapped_column(ForeignKey("holdable.id"), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class Room(Base):
    """A therapy room."""

    __tablename__ = "room"
    __table_args__ = (UniqueConstraint("site_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    holdable_id: Mapped[int] = mapped_column(ForeignKey("holdable.id"), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class SiteTravel(Base):
    """How many minutes the way between two sites takes, either way; `site_id` is the lower id."""

    __tablename__ = "site_travel"
    __table_args__ = (
        CheckConstraint("site_id < other_site_id", name="order"),
        CheckConstraint("minutes between 0 and 600", name="minutes"),
    )

    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), primary_key=True)
    other_site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), primary_key=True)
    minutes: Mapped[int]
