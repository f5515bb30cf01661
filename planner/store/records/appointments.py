"""Appointments, what each holds, and what really happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.intervals import Interval
from planner.domain.statuses import SAID, AppointmentKind, AppointmentStatus, Mode, may_become
from planner.domain.walltime import to_wall
from planner.domain.zonedata import zone_data_version
from planner.store.base import Base, UtcInstant, words


class Appointment(Base):
    """One visit or session of one patient, whatever its kind.

    `starts_at`/`ends_at` are the patient's own span; what it holds beyond that is in `Occupancy`. `starts_wall` and
    `zone` are what was agreed; the instants follow from them and `tzdata_version`. `number` is the dose number of
    an infusion and the running number of other kinds. `serves_id` is the infusion whose window a session uses.
    `sequence` and `changed_at` move with every change that a calendar subscriber can see (RFC 5545 SEQUENCE and
    LAST-MODIFIED) and never go back; `version` moves with every change at all.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("sequence >= 0 and sequence < 2147483647", name="sequence"),
        Index("ix_appointment_site_id_starts_at", "site_id", "starts_at"),
        Index("ix_appointment_therapist_id_starts_at", "therapist_id", "starts_at"),
        Index("ix_appointment_patient_id_starts_at", "patient_id", "starts_at"),
        # The history names ids of rows that an undo removed: SQLite must never give such an id away again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(80), unique=True)
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    kind: Mapped[AppointmentKind] = mapped_column(words(AppointmentKind, "appointment_kind"))
    phase: Mapped[str] = mapped_column(String(20), default="")
    number: Mapped[int] = mapped_column(default=1)
    serves_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    mode: Mapped[Mode] = mapped_column(words(Mode, "appointment_mode"), default=Mode.IN_PERSON)
    therapist_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    nurse_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    chair_id: Mapped[int | None] = mapped_column(ForeignKey("chair.id"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"))
    starts_at: Mapped[datetime] = mapped_column(UtcInstant)
    ends_at: Mapped[datetime] = mapped_column(UtcInstant)
    starts_wall: Mapped[str] = mapped_column(String(16))
    zone: Mapped[str] = mapped_column(String(64))
    tzdata_version: Mapped[str] = mapped_column(String(16), default="")
    status: Mapped[AppointmentStatus] = mapped_column(words(AppointmentStatus, "appointment_status"))
    reason: Mapped[str] = mapped_column(String(200), default="")
    pinned: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    sequence: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime] = mapped_column(UtcInstant)
    created_at: Mapped[datetime] = mapped_column(UtcInstant)

    @property
    def span(self) -> Interval:
        """The patient's own time here."""
        return Interval(self.starts_at, self.ends_at)

    def touch(self, now: datetime, *, visible: bool) -> None:
        """Count a change; a `visible` one also moves what calendar clients compare (feeds.md rules 3 and 4)."""
        self.version = (self.version or 0) + 1
        if visible:
            self.sequence += 1
            now = now.astimezone(UTC).replace(microsecond=0)
            self.changed_at = max(now, self.changed_at + timedelta(seconds=1))

    def move_to(self, span: Interval, now: datetime) -> None:
        """Take another time. Wall time is told again from the appointment's own zone."""
        self.starts_at, self.ends_at = span.start, span.end
        self.starts_wall = to_wall(span.start, self.zone).isoformat(timespec="minutes")
        self.tzdata_version = zone_data_version()
        self.touch(now, visible=True)

    def follow_zone(self, span: Interval, tzdata_version: str, now: datetime) -> None:
        """Keep the agreed wall time, which is at other instants since the zone's rules changed."""
        self.starts_at, self.ends_at, self.tzdata_version = span.start, span.end, tzdata_version
        self.touch(now, visible=True)

    def become(self, status: AppointmentStatus, now: datetime, reason: str = "") -> None:
        """Change status by the table of legal moves; raises Refused."""
        if not may_become(self.status, status):
            sentence = f"This appointment {SAID[self.status]} and cannot be changed that way."
            raise Refused([Conflict(Rule.STATUS, sentence)])
        self.status = status
        self.reason = reason
        self.touch(now, visible=status in (AppointmentStatus.CANCELLED, AppointmentStatus.BOOKED))


class Hold(Base):
    """A promise of times until `expires_at`, while a person makes up their mind. It blocks like a booking."""

    __tablename__ = "hold"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    draft_id: Mapped[int | None] = mapped_column(ForeignKey("plan_draft.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcInstant, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcInstant)


class Occupancy(Base):
    """One person or thing held for one half-open span by one appointment or one hold, turnover included.

    The database refuses two rows of one holdable that overlap, unless an override names both appointments.
    """

    __tablename__ = "occupancy"
    __table_args__ = (
        CheckConstraint("(appointment_id is null) <> (hold_id is null)", name="one_owner"),
        Index("ix_occupancy_holdable_id_starts_at", "holdable_id", "starts_at"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    holdable_id: Mapped[int] = mapped_column(ForeignKey("holdable.id"))
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"), index=True)
    hold_id: Mapped[int | None] = mapped_column(ForeignKey("hold.id"), index=True)
    override_id: Mapped[int | None] = mapped_column(ForeignKey("rule_override.id"))
    starts_at: Mapped[datetime] = mapped_column(UtcInstant)
    ends_at: Mapped[datetime] = mapped_column(UtcInstant)


class OverrideRule(StrEnum):
    """What an override may set aside."""

    OVERLAP = "overlap"
    OFF_HOURS = "off-hours"
    OUTSIDE_WINDOW = "outside-window"
    SPACING = "spacing"
    NO_SESSION = "no-session"


class RuleOverride(Base):
    """A rule set aside for one appointment, by whom and why. An overlap names the other appointment too."""

    __tablename__ = "rule_override"
    __table_args__ = (
        CheckConstraint("length(reason) >= 3", name="reason"),
        CheckConstraint("(rule = 'overlap') = (other_appointment_id is not null)", name="overlap_names_other"),
        Index("ix_rule_override_pair", "appointment_id", "other_appointment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[OverrideRule] = mapped_column(words(OverrideRule, "override_rule"))
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    other_appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    reason: Mapped[str] = mapped_column(String(300))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcInstant)


class Encounter(Base):
    """What happened at an infusion: real start and end of the dose. The real end moves the window."""

    __tablename__ = "encounter"
    __table_args__ = (
        CheckConstraint("dose_ended_at is null or dose_ended_at > dose_started_at", name="order"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), unique=True)
    dose_started_at: Mapped[datetime] = mapped_column(UtcInstant)
    dose_ended_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    recorded_at: Mapped[datetime] = mapped_column(UtcInstant)
    version: Mapped[int] = mapped_column(default=1)
