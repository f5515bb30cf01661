"""Looking for people and courses by what was typed, and what an account opened lately; only what it may see.

The database narrows down to what one may see, and names are compared here: neither engine's own comparison knows
accents, and SQLite's knows the size of English letters only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may
from planner.domain.folding import Wanted
from planner.domain.statuses import CourseStatus
from planner.store.queries.scopes import visible_courses, visible_patients
from planner.store.records import (
    Course,
    Patient,
    Person,
    ProtocolRecord,
    ProtocolVersion,
    RecentVisit,
    SavedFilter,
    Site,
)

MOST_SHOWN = 20
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Named:
    """Something with a number, a code (empty for none) and a name; a patient who is not `active` is discharged."""

    id: int
    code: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class FoundCourse:
    """One course of a patient who was found."""

    id: int
    patient_code: str
    patient_name: str
    protocol_name: str
    status: CourseStatus


@dataclass(frozen=True, slots=True)
class Best(Generic[Row]):
    """The best of what fits, and how much fits."""

    rows: tuple[Row, ...]
    count: int


def patients_like(db: Session, principal: Principal, wanted: Wanted) -> Best[Named]:
    """Patients of theirs whose code or name fits, the best first and the discharged last. One query."""
    if not may(principal, Permission.PATIENTS_READ):
        return Best((), 0)
    seen = visible_patients(principal)
    return _best(db.execute(seen.with_only_columns(Patient.id, Patient.code, Patient.name, Patient.active)), wanted)


def staff_like(db: Session, principal: Principal, wanted: Wanted) -> Best[Named]:
    """Active staff whose name fits. One query."""
    if not may(principal, Permission.PEOPLE_READ):
        return Best((), 0)
    found = db.execute(select(Person.id, Person.name).where(Person.active))
    return _best(((row[0], "", row[1]) for row in found), wanted)


def sites_like(db: Session, principal: Principal, wanted: Wanted) -> Best[Named]:
    """Active sites whose code or name fits. One query."""
    if not may(principal, Permission.CLINIC_READ):
        return Best((), 0)
    return _best(db.execute(select(Site.id, Site.code, Site.name).where(Site.active)), wanted)


def protocols_like(db: Session, principal: Principal, wanted: Wanted) -> Best[Named]:
    """Protocols whose name fits. One query."""
    if not may(principal, Permission.PROTOCOLS_READ):
        return Best((), 0)
    found = db.execute(select(ProtocolRecord.id, ProtocolRecord.name))
    return _best(((row[0], "", row[1]) for row in found), wanted)


def _best(rows: Iterable[Any], wanted: Wanted) -> Best[Named]:
    ranked = []
    for row_id, code, name, *active in rows:
        rank = wanted.rank(code, name)
        if rank is not None:
            ranked.append((rank > 0 and active == [False], rank, code, name, row_id, *active))
    ranked.sort()
    best = tuple(Named(row_id, code, name, *active) for _, _, code, name, row_id, *active in ranked[:MOST_SHOWN])
    return Best(best, len(ranked))


def courses_of(db: Session, principal: Principal, patient_ids: Sequence[int]) -> list[FoundCourse]:
    """The courses of these patients that are theirs to see, in the order of the patients. One query."""
    found = _courses(db, principal, Course.patient_id.in_(patient_ids))
    place = {patient_id: number for number, patient_id in enumerate(patient_ids)}
    return [course for _, course in sorted(found, key=lambda pair: (place[pair[0]], -pair[1].id))][:MOST_SHOWN]


def _courses(db: Session, principal: Principal, *conditions: object) -> list[tuple[int, FoundCourse]]:
    name = ProtocolVersion.document["name"].as_string()
    query = (
        visible_courses(principal)
        .join(Patient, Patient.id == Course.patient_id)
        .join(ProtocolVersion, ProtocolVersion.id == Course.protocol_version_id)
        .with_only_columns(Course.patient_id, Course.id, Patient.code, Patient.name, name, Course.status)
        .where(*conditions)  # type: ignore[arg-type]
    )
    return [(row[0], FoundCourse(*row[1:])) for row in db.execute(query)]


# What was opened lately


@dataclass(frozen=True, slots=True)
class Recent:
    """A patient, course or member of staff that was opened lately."""

    kind: str
    id: int
    code: str
    name: str
    at: datetime


def recent(db: Session, principal: Principal) -> list[Recent]:
    """What the account opened lately and may still see, the last first. At most four queries."""
    visits = db.execute(
        select(RecentVisit.kind, RecentVisit.object_id, RecentVisit.at)
        .where(RecentVisit.account_id == principal.account_id)
        .order_by(RecentVisit.at.desc(), RecentVisit.object_id)
        .limit(MOST_SHOWN)
    ).all()
    named = {
        "patient": _patients_named(db, principal, {row[1] for row in visits if row[0] == "patient"}),
        "course": _courses_named(db, principal, {row[1] for row in visits if row[0] == "course"}),
        "person": _staff_named(db, principal, {row[1] for row in visits if row[0] == "person"}),
    }
    found = []
    for kind, object_id, at in visits:
        row = named.get(kind, {}).get(object_id)
        if row is not None:
            found.append(Recent(kind, object_id, row.code, row.name, at))
    return found


def _patients_named(db: Session, principal: Principal, ids: Collection[int]) -> dict[int, Named]:
    if not ids:
        return {}
    seen = visible_patients(principal).where(Patient.id.in_(ids))
    rows = db.execute(seen.with_only_columns(Patient.id, Patient.code, Patient.name))
    return {row[0]: Named(*row) for row in rows}


def _courses_named(db: Session, principal: Principal, ids: Collection[int]) -> dict[int, Named]:
    if not ids:
        return {}
    rows = _courses(db, principal, Course.id.in_(ids))
    return {row.id: Named(row.id, row.patient_code, row.protocol_name) for _, row in rows}


def _staff_named(db: Session, principal: Principal, ids: Collection[int]) -> dict[int, Named]:
    if not ids or not may(principal, Permission.PEOPLE_READ):
        return {}
    rows = db.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {row[0]: Named(row[0], "", row[1]) for row in rows}


def visited_at(db: Session, account_id: int, kind: str, object_id: int) -> datetime | None:
    """When the account opened this last, as noted. One query."""
    return db.scalar(
        select(RecentVisit.at).where(
            RecentVisit.account_id == account_id, RecentVisit.kind == kind, RecentVisit.object_id == object_id
        )
    )


# Filters that an account keeps


@dataclass(frozen=True, slots=True)
class KeptFilter:
    """A filter of a list, under its name."""

    id: int
    name: str
    choices: dict[str, str]


def filters_of(db: Session, principal: Principal, page: str) -> list[KeptFilter]:
    """The account's own filters of a page, by name. One query."""
    rows = db.execute(
        select(SavedFilter.id, SavedFilter.name, SavedFilter.choices)
        .where(SavedFilter.account_id == principal.account_id, SavedFilter.page == page)
        .order_by(SavedFilter.name, SavedFilter.id)
    )
    return [KeptFilter(row[0], row[1], dict(row[2])) for row in rows]
