"""Plans that somebody has begun, and the names that their pages need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, literal, select, union_all
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import NotFound
from planner.domain.protocols import Protocol
from planner.store.queries.courses import DraftRow, drafts
from planner.store.records import Chair, Hold, OpeningHours, Person, PlanDraft, ProtocolVersion, Room
from planner.store.sheets.requests import protocol_of_text


@dataclass(frozen=True, slots=True)
class Draft:
    """One unfinished plan: `step` (1 to 5) is where its maker stopped, `course_id` the course it became.

    `hold_id` and `hold_until` are the promise of its times, which may have run out.
    """

    id: int
    step: int
    answers: dict[str, Any]
    course_id: int | None
    updated_at: datetime
    version: int
    hold_id: int | None
    hold_until: datetime | None


@dataclass(frozen=True, slots=True)
class Names:
    """What to call people, chairs and rooms, by their ids."""

    people: Mapping[int, str] = field(default_factory=dict)
    chairs: Mapping[int, str] = field(default_factory=dict)
    rooms: Mapping[int, str] = field(default_factory=dict)


def open_drafts(db: Session, principal: Principal) -> list[DraftRow]:
    """The principal's own plans that are no courses yet, the latest first. Two queries.

    A draft goes on at `/courses/new/<id>/<step>`.
    """
    return drafts(db, principal)


def draft(db: Session, principal: Principal, draft_id: int) -> Draft:
    """One of the principal's own drafts, with its latest hold. One query. Raises NotFound, also for another's."""
    row = db.execute(
        select(
            PlanDraft.id,
            PlanDraft.step,
            PlanDraft.answers,
            PlanDraft.course_id,
            PlanDraft.updated_at,
            PlanDraft.version,
            Hold.id,
            Hold.expires_at,
        )
        .outerjoin(Hold, (Hold.draft_id == PlanDraft.id) & (Hold.account_id == PlanDraft.account_id))
        .where(PlanDraft.id == draft_id, PlanDraft.account_id == principal.account_id)
        .order_by(Hold.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound
    return Draft(*row)


def names(db: Session, site_id: int) -> Names:
    """Every member of staff, and the chairs and rooms of one site. One query."""
    query = union_all(
        select(literal("people"), Person.id, Person.name),
        select(literal("chairs"), Chair.id, Chair.name).where(Chair.site_id == site_id),
        select(literal("rooms"), Room.id, Room.name).where(Room.site_id == site_id),
    )
    found: dict[str, dict[int, str]] = {"people": {}, "chairs": {}, "rooms": {}}
    for kind, id_, name in db.execute(query):
        found[kind][id_] = name
    return Names(**found)


def open_weekdays(db: Session, site_id: int) -> list[int]:
    """The weekdays (0 = Monday) on which a site has opening hours. One query."""
    query = select(OpeningHours.weekday).where(OpeningHours.site_id == site_id).distinct()
    return sorted(db.scalars(query))


def protocols_of(db: Session, version_ids: Collection[int]) -> dict[int, Protocol]:
    """What stored versions say, by id. One query."""
    query = select(ProtocolVersion.id, cast(ProtocolVersion.document, Text)).where(ProtocolVersion.id.in_(version_ids))
    return {version_id: protocol_of_text(document) for version_id, document in db.execute(query)}
