"""The clinic's places and protocols as pages list them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from planner.domain.errors import NotFound
from planner.domain.protocols import Protocol
from planner.store.records import Chair, Closure, ProtocolRecord, ProtocolVersion, Room, Site
from planner.store.sheets.requests import protocol_of_version


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site; wall times there are in `zone`, starts on grids in minutes from local midnight."""

    id: int
    name: str
    code: str
    alias: str
    address: str
    zone: str
    visit_grid_minutes: int
    therapy_grid_minutes: int


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One chair or room."""

    id: int
    site_id: int
    name: str


@dataclass(frozen=True, slots=True)
class ProtocolRow:
    """The newest version of one protocol."""

    protocol_id: int
    slug: str
    name: str
    enabled: bool
    version_id: int
    number: int
    signed_by: str
    signed_at: datetime | None


#: A site in the order of SiteRow.
SITE_COLUMNS: Final = (
    Site.id, Site.name, Site.code, Site.alias, Site.address, Site.zone, Site.visit_grid_minutes,
    Site.therapy_grid_minutes,
)  # fmt: skip
#: A protocol and one of its versions in the order of ProtocolRow.
PROTOCOL_COLUMNS: Final = (
    ProtocolRecord.id, ProtocolRecord.slug, ProtocolRecord.name, ProtocolRecord.enabled, ProtocolVersion.id,
    ProtocolVersion.number, ProtocolVersion.signed_by, ProtocolVersion.signed_at,
)  # fmt: skip


def sites(db: Session, site_ids: Collection[int] | None = None) -> list[SiteRow]:
    """Active sites by name: these, or all. One query."""
    query = select(*SITE_COLUMNS).where(Site.active).order_by(Site.name)
    if site_ids is not None:
        query = query.where(Site.id.in_(site_ids))
    return [SiteRow(*row) for row in db.execute(query)]


def site(db: Session, site_id: int) -> SiteRow:
    """One active site. Raises NotFound."""
    found = sites(db, [site_id])
    if not found:
        raise NotFound
    return found[0]


def chairs(db: Session, site_ids: Collection[int]) -> list[PlaceRow]:
    """The chairs of these sites, by name. One query."""
    return _places(db, Chair, site_ids)


def rooms(db: Session, site_ids: Collection[int]) -> list[PlaceRow]:
    """The rooms of these sites, by name. One query."""
    return _places(db, Room, site_ids)


def _places(db: Session, kind: type[Chair] | type[Room], site_ids: Collection[int]) -> list[PlaceRow]:
    query = (
        select(kind.id, kind.site_id, kind.name)
        .where(kind.site_id.in_(site_ids), kind.active)
        .order_by(kind.site_id, kind.name, kind.id)
    )
    return [PlaceRow(*row) for row in db.execute(query)]


def closures(db: Session, site_id: int, first_day: date, last_day: date) -> dict[date, str]:
    """Closed days of a site between two days, both included, with the reason. One query."""
    query = (
        select(Closure.day, Closure.reason)
        .where(Closure.site_id == site_id, Closure.day >= first_day, Closure.day <= last_day)
        .order_by(Closure.day)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def is_newest() -> ColumnElement[bool]:
    """That a version is the newest of its protocol."""
    any_of_it = aliased(ProtocolVersion)
    newest = select(func.max(any_of_it.number)).where(any_of_it.protocol_id == ProtocolVersion.protocol_id)
    return ProtocolVersion.number == newest.correlate(ProtocolVersion).scalar_subquery()


def protocols(db: Session, *, only_enabled: bool = False) -> list[ProtocolRow]:
    """Every protocol in its newest version, in the order they were put in. One query."""
    query = (
        select(*PROTOCOL_COLUMNS)
        .join(ProtocolVersion, ProtocolVersion.protocol_id == ProtocolRecord.id)
        .where(is_newest())
        .order_by(ProtocolRecord.id)
    )
    if only_enabled:
        query = query.where(ProtocolRecord.enabled)
    return [ProtocolRow(*row) for row in db.execute(query)]


def protocol(db: Session, version_id: int) -> Protocol:
    """What one stored version says. One query. Raises NotFound."""
    return protocol_of_version(db, version_id)
