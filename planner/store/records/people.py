"""Staff and patients as people who can be held; their sign-ins are accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from planner.domain.access import Role
from planner.store.base import Base, UtcInstant, words


class Person(Base):
    """A member of staff. What they may do on the roster is in `PersonRole`; a nurse has lanes.

    `most_sessions_a_day` is how many sessions they hold on one local day at most, empty for no limit:
    nothing is planned above it, and a roster warns of what is booked above a lowered one.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    holdable_id: Mapped[int] = mapped_column(ForeignKey("holdable.id"), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    initials: Mapped[str] = mapped_column(String(6))
    most_sessions_a_day: Mapped[int | None]
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class PersonRole(Base):
    """One clinical role of a member of staff."""

    __tablename__ = "person_role"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(words(Role, "person_role_word"), primary_key=True)


class PersonSite(Base):
    """A site where a member of staff works."""

    __tablename__ = "person_site"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), primary_key=True)


class Credential(Base):
    """A licence or certificate of a member of staff, and the last local day on which it holds (empty: no end)."""

    __tablename__ = "credential"
    __table_args__ = (UniqueConstraint("person_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(80))
    expires_on: Mapped[date | None]


class NurseLane(Base):
    """One of the patients a nurse may watch at once; a nurse who may watch two has two lanes."""

    __tablename__ = "nurse_lane"
    __table_args__ = (UniqueConstraint("person_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    number: Mapped[int]
    holdable_id: Mapped[int] = mapped_column(ForeignKey("holdable.id"), unique=True)


class Patient(Base):
    """A person in treatment. `code` is what staff screens and staff calendars show.

    `preferred_from_minute`/`preferred_to_minute` bound the check-in times they like (minutes from local midnight);
    `modes` lists the words of `Mode` they accept for sessions. `messages_agreed_at` is when they agreed to be sent
    messages; empty means that they are sent none. `discharged_at` is set while their care is
    over, that is while they are not `active`.
    """

    __tablename__ = "patient"
    __table_args__ = (
        CheckConstraint(
            "preferred_from_minute >= 0 and preferred_to_minute <= 1440 "
            "and preferred_from_minute < preferred_to_minute",
            name="preferred",
        ),
        CheckConstraint("discharged_at is null or not active", name="discharged"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    holdable_id: Mapped[int] = mapped_column(ForeignKey("holdable.id"), unique=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    primary_therapist_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    escort: Mapped[str] = mapped_column(String(120), default="")
    modes: Mapped[list[str]] = mapped_column(JSON, default=lambda: ["in-person", "telehealth"])
    messages_agreed_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    preferred_from_minute: Mapped[int] = mapped_column(default=0)
    preferred_to_minute: Mapped[int] = mapped_column(default=1440)
    active: Mapped[bool] = mapped_column(default=True)
    discharged_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
    version: Mapped[int] = mapped_column(default=1)


class PatientAvailability(Base):
    """A span of one weekday (0 = Monday) in which a patient can come, in wall minutes at their site.

    A patient without any row can come at any time.
    """

    __tablename__ = "patient_availability"
    __table_args__ = (
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("from_minute >= 0 and to_minute <= 1440 and to_minute > from_minute", name="order"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    weekday: Mapped[int]
    from_minute: Mapped[int]
    to_minute: Mapped[int]


class PatientAbsence(Base):
    """A span in which a patient cannot come."""

    __tablename__ = "patient_absence"
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="order"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    starts_at: Mapped[datetime] = mapped_column(UtcInstant)
    ends_at: Mapped[datetime] = mapped_column(UtcInstant)


def accepted_modes(patient: Patient) -> frozenset[Any]:
    """The session modes a patient accepts, as words."""
    return frozenset(patient.modes)
