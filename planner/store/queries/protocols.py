"""Protocols as their pages show them: as they stand, their versions, changes not signed yet, and who goes by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, select
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound
from planner.store.queries.clinic import PROTOCOL_COLUMNS, is_newest
from planner.store.queries.courses import OPEN
from planner.store.records import Account, Course, PlanDraft, ProtocolDraft, ProtocolRecord, ProtocolVersion


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version: who signed it when (nobody yet: no `signed_at`), why, and how many open courses go by it."""

    id: int
    number: int
    signed_by: str
    signed_at: datetime | None
    note: str
    courses: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A protocol as it stands: its newest version, and the changes to it that nobody has signed.

    `draft_version` counts every change of the draft, 0 before the first; a draft equal to the newest version is none.
    """

    id: int
    slug: str
    name: str
    enabled: bool
    version_id: int
    number: int
    signed_by: str
    signed_at: datetime | None
    document: dict[str, Any]
    draft_version: int
    draft_base: int | None
    draft_document: dict[str, Any] | None
    draft_at: datetime | None
    draft_by: str
    has_previous: bool

    @property
    def has_draft(self) -> bool:
        """Whether there are changes that nobody has signed."""
        return self.draft_document is not None and self.draft_document != self.document

    @property
    def is_stale(self) -> bool:
        """Whether the changes began from a version that is not the newest any more."""
        return self.has_draft and self.draft_base != self.number

    @property
    def can_undo(self) -> bool:
        """Whether the last change of the draft can be undone."""
        return self.has_previous and self.draft_base == self.number

    @property
    def working(self) -> dict[str, Any]:
        """The document with its changes, signed or not."""
        if self.draft_document is None or not self.has_draft:
            return self.document
        return self.draft_document


@dataclass(frozen=True, slots=True)
class Touched:
    """Who goes by a protocol: open courses by version number, and plans being made."""

    courses: Mapping[int, int]
    plans: int

    @property
    def booked(self) -> int:
        """Open courses on any version."""
        return sum(self.courses.values())


def standings(db: Session, protocol_id: int | None = None) -> list[Standing]:
    """Every protocol as it stands, or one, in the order they were put in. One query."""
    query = (
        select(
            *PROTOCOL_COLUMNS,
            ProtocolVersion.document,
            func.coalesce(ProtocolDraft.version, 0),
            ProtocolDraft.base_number,
            ProtocolDraft.document,
            ProtocolDraft.updated_at,
            func.coalesce(Account.name, ""),
            func.coalesce(ProtocolDraft.previous.is_not(None), false()),
        )
        .join(ProtocolVersion, ProtocolVersion.protocol_id == ProtocolRecord.id)
        .outerjoin(ProtocolDraft, ProtocolDraft.protocol_id == ProtocolRecord.id)
        .outerjoin(Account, Account.id == ProtocolDraft.updated_by_id)
        .where(is_newest())
        .order_by(ProtocolRecord.id)
    )
    if protocol_id is not None:
        query = query.where(ProtocolRecord.id == protocol_id)
    return [Standing(*row) for row in db.execute(query)]


def standing(db: Session, protocol_id: int) -> Standing:
    """One protocol as it stands. One query. Raises NotFound."""
    found = standings(db, protocol_id)
    if not found:
        raise NotFound("There is no such protocol.")
    return found[0]


def versions(db: Session, protocol_id: int) -> list[VersionRow]:
    """Every version of a protocol, the newest first. One query."""
    query = (
        select(
            ProtocolVersion.id,
            ProtocolVersion.number,
            ProtocolVersion.signed_by,
            ProtocolVersion.signed_at,
            ProtocolVersion.note,
            func.count(Course.id),
        )
        .outerjoin(Course, (Course.protocol_version_id == ProtocolVersion.id) & Course.status.in_(OPEN))
        .where(ProtocolVersion.protocol_id == protocol_id)
        .group_by(ProtocolVersion.id)
        .order_by(ProtocolVersion.number.desc())
    )
    return [VersionRow(*row) for row in db.execute(query)]


def document_of(db: Session, protocol_id: int, number: int) -> dict[str, Any]:
    """What one version says, as stored. One query. Raises NotFound."""
    found = db.scalar(
        select(ProtocolVersion.document).where(
            ProtocolVersion.protocol_id == protocol_id, ProtocolVersion.number == number
        )
    )
    if found is None:
        raise NotFound("There is no such version.")
    return found


def touched(db: Session, protocol_id: int | None = None) -> dict[int, Touched]:
    """Who goes by each protocol, or by one, by its id. Two queries; counts only, whatever the reader may see."""
    booked = (
        select(ProtocolVersion.protocol_id, ProtocolVersion.number, func.count(Course.id))
        .join(Course, Course.protocol_version_id == ProtocolVersion.id)
        .where(Course.status.in_(OPEN))
        .group_by(ProtocolVersion.protocol_id, ProtocolVersion.number)
    )
    planned = (
        select(ProtocolVersion.protocol_id, func.count(PlanDraft.id))
        .join(PlanDraft, PlanDraft.answers["protocol_version_id"].as_integer() == ProtocolVersion.id)
        .where(PlanDraft.course_id.is_(None))
        .group_by(ProtocolVersion.protocol_id)
    )
    if protocol_id is not None:
        booked = booked.where(ProtocolVersion.protocol_id == protocol_id)
        planned = planned.where(ProtocolVersion.protocol_id == protocol_id)
    courses: dict[int, dict[int, int]] = {}
    for id_, number, count in db.execute(booked):
        courses.setdefault(id_, {})[number] = count
    plans = {id_: count for id_, count in db.execute(planned)}
    return {id_: Touched(courses.get(id_, {}), plans.get(id_, 0)) for id_ in {*courses, *plans}}
