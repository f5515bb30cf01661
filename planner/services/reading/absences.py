"""One absence, for the person who keeps the roster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.services.disruption_effects import mark_of, own_absence
from planner.store.records import Person, PersonSite


@dataclass(frozen=True, slots=True)
class AbsenceFacts:
    """An absence (aware instants); `mark` changes when anything of it does, `site_id` is one the reader keeps."""

    id: int
    person_id: int
    person_name: str
    site_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str
    mark: str


def one_absence(db: Session, principal: Principal, absence_id: int) -> AbsenceFacts:
    """An absence of somebody at one of the principal's sites. Raises NotFound."""
    row = own_absence(db, principal, absence_id)
    site_id = db.scalars(
        select(PersonSite.site_id)
        .where(PersonSite.person_id == row.person_id, PersonSite.site_id.in_(principal.site_ids))
        .order_by(PersonSite.site_id)
        .limit(1)
    ).one()
    name = db.scalars(select(Person.name).where(Person.id == row.person_id)).one()
    return AbsenceFacts(row.id, row.person_id, name, site_id, row.starts_at, row.ends_at, row.reason, mark_of(row))
