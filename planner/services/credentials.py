"""Licences and certificates of staff, and the last day on which each holds."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound
from planner.services import auditing
from planner.services.current import take_to_change
from planner.services.places import one_line
from planner.services.staffing import demand_theirs
from planner.store.records import Credential, Person

LONGEST_NAME = 80


def add_credential(
    db: Session,
    principal: Principal,
    person_id: int,
    *,
    name: str,
    expires_on: date | None,
    seen_version: int,
    now: datetime,
) -> Credential:
    """Note a credential; `expires_on` is the last local day it holds, None for no end.

    Raises FieldError (`name`), NotPermitted, NotFound, StaleVersion.
    """
    person = _take(db, principal, person_id, seen_version)
    made = Credential(person_id=person.id, name=_free_name(db, person.id, name), expires_on=expires_on)
    db.add(made)
    db.flush()
    _audit(db, principal, "credential.add", made, now)
    return made


def change_credential(
    db: Session,
    principal: Principal,
    person_id: int,
    credential_id: int,
    *,
    name: str,
    expires_on: date | None,
    seen_version: int,
    now: datetime,
) -> Credential:
    """Correct or renew a credential. Raises as `add_credential`."""
    person = _take(db, principal, person_id, seen_version)
    found = _of(db, person, credential_id)
    found.name = _free_name(db, person.id, name, besides=found.id)
    found.expires_on = expires_on
    db.flush()
    _audit(db, principal, "credential.change", found, now)
    return found


def remove_credential(
    db: Session, principal: Principal, person_id: int, credential_id: int, *, seen_version: int, now: datetime
) -> None:
    """Strike a credential out. Raises NotPermitted, NotFound, StaleVersion."""
    person = _take(db, principal, person_id, seen_version)
    found = _of(db, person, credential_id)
    db.delete(found)
    db.flush()
    _audit(db, principal, "credential.remove", found, now)


def _take(db: Session, principal: Principal, person_id: int, seen_version: int) -> Person:
    require(principal, Permission.PEOPLE_WRITE)
    demand_theirs(db, principal, person_id)
    return take_to_change(db, Person, person_id, seen_version, "This person")


def _of(db: Session, person: Person, credential_id: int) -> Credential:
    found = db.get(Credential, credential_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def _free_name(db: Session, person_id: int, name: str, besides: int | None = None) -> str:
    name = one_line(name, "name", LONGEST_NAME)
    same = select(Credential.id).where(
        Credential.person_id == person_id, func.lower(Credential.name) == name.lower(), Credential.id != (besides or 0)
    )
    if db.scalar(same) is not None:
        raise FieldError("name", "This is already on the list. Change its last day there.")
    return name


def _audit(db: Session, principal: Principal, action: str, credential: Credential, now: datetime) -> None:
    auditing.record(
        db, principal, action=action, object_type="credential", object_id=credential.id, now=now,
        detail={"person": credential.person_id},
    )  # fmt: skip
