"""A record taken to be changed: as it is now, and only by whoever saw it that way."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import NotFound, StaleVersion
from planner.store.records import Chair, Clinic, Patient, Person, Room, Site

Kept = TypeVar("Kept", Chair, Clinic, Patient, Person, Room, Site)


def take_to_change(db: Session, kind: type[Kept], record_id: int, seen_version: int, what: str) -> Kept:
    """The record, kept from other writers until this transaction ends, its version counted up.

    `what` begins the sentence of a StaleVersion: “This site”. Raises NotFound too.
    """
    found = db.scalar(
        select(kind)
        .where(kind.id == record_id)
        # Bookings that only name the record need not wait.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    if found.version != seen_version:
        raise StaleVersion(seen_version, found.version, what)
    found.version += 1
    return found
