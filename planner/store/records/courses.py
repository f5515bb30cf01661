"""A course: one patient on one version of one protocol. A draft is a plan being made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import CourseStatus, course_may_become
from planner.store.base import Base, UtcInstant, words


class Course(Base):
    """One patient, one protocol version, one site. At most one course of a patient is open at a time."""

    __tablename__ = "course"
    __table_args__ = (
        Index(
            "uq_course_open_patient",
            "patient_id",
            unique=True,
            sqlite_where=text("status in ('draft', 'active', 'on-hold')"),
            postgresql_where=text("status in ('draft', 'active', 'on-hold')"),
        ),
        Index("ix_course_status", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    protocol_version_id: Mapped[int] = mapped_column(ForeignKey("protocol_version.id"), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    primary_therapist_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    status: Mapped[CourseStatus] = mapped_column(words(CourseStatus, "course_status"))
    wishes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    version: Mapped[int] = mapped_column(default=1)

    def become(self, status: CourseStatus) -> None:
        """Change status by the table of legal moves; raises Refused."""
        if not course_may_become(self.status, status):
            raise Refused([Conflict(Rule.STATUS, f"A course that is {self.status} cannot become {status}.")])
        self.status = status
        self.version += 1


class PlanDraft(Base):
    """The wizard's answers so far, kept so that nothing is lost. `step` is the next one to show (1 to 5)."""

    __tablename__ = "plan_draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    step: Mapped[int] = mapped_column(default=1)
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    updated_at: Mapped[datetime] = mapped_column(UtcInstant)
    version: Mapped[int] = mapped_column(default=1)
