"""Members of staff as the settings show them, those who have left included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import NotFound
from planner.store.records import (
    Account,
    Credential,
    Holdable,
    NurseLane,
    Person,
    PersonRole,
    PersonSite,
    Site,
)


@dataclass(frozen=True, slots=True)
class StaffLine:
    """One person of the list."""

    id: int
    name: str
    initials: str
    active: bool
    roles: tuple[Role, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StaffRecord:
    """One person as they are kept. `lanes` is how many patients they watch at once as a nurse."""

    id: int
    name: str
    initials: str
    active: bool
    version: int
    turnover_minutes: int
    most_sessions_a_day: int | None
    lanes: int
    roles: tuple[Role, ...]
    sites: tuple[tuple[int, str], ...]
    has_account: bool


@dataclass(frozen=True, slots=True)
class CredentialLine:
    """One credential and whose it is; `expires_on` is the last local day it holds."""

    id: int
    person_id: int
    person_name: str
    name: str
    expires_on: date | None


def staff_lines(
    db: Session, *, wanted: str = "", site_id: int | None = None, role: Role | None = None, active: bool = True
) -> list[StaffLine]:
    """Staff by name; `wanted` is part of a name. Three queries."""
    query = select(Person.id, Person.name, Person.initials, Person.active).where(Person.active.is_(active))
    if wanted.strip():
        query = query.where(Person.name.icontains(wanted.strip(), autoescape=True))
    if site_id is not None:
        query = query.where(Person.id.in_(select(PersonSite.person_id).where(PersonSite.site_id == site_id)))
    if role is not None:
        query = query.where(Person.id.in_(select(PersonRole.person_id).where(PersonRole.role == role)))
    rows: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query.order_by(Person.name, Person.id))]
    ids = [row[0] for row in rows]
    roles, sites = _roles(db, ids), _sites(db, ids)
    whole = [(*row, tuple(roles[row[0]]), tuple(name for _, name in sites[row[0]])) for row in rows]
    return [StaffLine(*columns) for columns in whole]


def staff_record(db: Session, person_id: int) -> StaffRecord:
    """One person. Four queries. Raises NotFound."""
    lanes = select(func.count()).where(NurseLane.person_id == Person.id).correlate(Person).scalar_subquery()
    account = (
        select(func.count()).where(Account.person_id == Person.id, Account.active).correlate(Person).scalar_subquery()
    )
    row: Any = db.execute(
        select(
            Person.id,
            Person.name,
            Person.initials,
            Person.active,
            Person.version,
            Holdable.turnover_minutes,
            Person.most_sessions_a_day,
            lanes,
            account,
        )
        .join(Holdable, Holdable.id == Person.holdable_id)
        .where(Person.id == person_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    roles, sites = _roles(db, [person_id])[person_id], _sites(db, [person_id])[person_id]
    columns: tuple[Any, ...] = (*tuple(row)[:-1], tuple(roles), tuple(sites), row[-1] > 0)
    return StaffRecord(*columns)


def credentials_of(db: Session, person_id: int) -> list[CredentialLine]:
    """Somebody's credentials, the next to expire first. One query."""
    return _credentials(db, _credential_query().where(Credential.person_id == person_id))


def credential(db: Session, person_id: int, credential_id: int) -> CredentialLine:
    """One of somebody's credentials. Raises NotFound."""
    query = _credential_query().where(Credential.person_id == person_id, Credential.id == credential_id)
    found = _credentials(db, query)
    if not found:
        raise NotFound
    return found[0]


def expiring(db: Session, last_day: date, site_ids: Collection[int] | None) -> list[CredentialLine]:
    """Credentials of active staff that do not hold beyond `last_day`; of these sites, or of all. One query."""
    query = _credential_query().where(Person.active, Credential.expires_on <= last_day)
    if site_ids is not None:
        query = query.where(Person.id.in_(select(PersonSite.person_id).where(PersonSite.site_id.in_(site_ids))))
    return _credentials(db, query)


def _credential_query() -> Select[*tuple[Any, ...]]:
    return (
        select(Credential.id, Credential.person_id, Person.name, Credential.name, Credential.expires_on)
        .join(Person, Person.id == Credential.person_id)
        .order_by(Credential.expires_on.is_(None), Credential.expires_on, Person.name, Credential.name)
    )


def _credentials(db: Session, query: Select[*tuple[Any, ...]]) -> list[CredentialLine]:
    found: list[tuple[Any, ...]] = [tuple(row) for row in db.execute(query)]
    return [CredentialLine(*columns) for columns in found]


def _roles(db: Session, person_ids: list[int]) -> defaultdict[int, list[Role]]:
    found: defaultdict[int, list[Role]] = defaultdict(list)
    query = select(PersonRole.person_id, PersonRole.role).where(PersonRole.person_id.in_(person_ids))
    for person_id, role in db.execute(query.order_by(PersonRole.role)):
        found[person_id].append(role)
    return found


def _sites(db: Session, person_ids: list[int]) -> defaultdict[int, list[tuple[int, str]]]:
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    query = select(PersonSite.person_id, Site.id, Site.name).join(Site, Site.id == PersonSite.site_id)
    for person_id, site_id, name in db.execute(query.where(PersonSite.person_id.in_(person_ids)).order_by(Site.name)):
        found[person_id].append((site_id, name))
    return found
