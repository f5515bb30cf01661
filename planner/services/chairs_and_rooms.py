"""Chairs and rooms of a site: added, renamed, taken out of use and put back."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Scope, require, scopes
from planner.domain.errors import FieldError, NotFound, NotPermitted
from planner.feeds.neutral import is_neutral
from planner.services import auditing
from planner.services.current import take_to_change
from planner.services.places import add_chair, add_room, free_name
from planner.store.records import Chair, Holdable, Room, Site

MOST_TURNOVER_MINUTES = 240
Place = Chair | Room
#: Either kind by the word of its addresses.
KINDS: Final[dict[str, type[Place]]] = {"chairs": Chair, "rooms": Room}


def add_place(
    db: Session,
    principal: Principal,
    kind: type[Place],
    site_id: int,
    name: str,
    *,
    turnover_minutes: int = 0,
    now: datetime,
) -> Place:
    """A new chair or room of a site; only rooms keep a turnover of their own, in minutes.

    Raises NotPermitted, NotFound, and FieldError at `name` or `turnover_minutes`.
    """
    require(principal, Permission.CLINIC_WRITE)
    site = db.get(Site, site_id)
    if site is None:
        raise NotFound
    _check_neutral(name)
    place: Place = (
        add_chair(db, site, name) if kind is Chair else add_room(db, site, name, turnover_minutes=turnover_minutes)
    )
    _audit(db, principal, "add", place, now)
    return place


def change_place(
    db: Session,
    principal: Principal,
    kind: type[Place],
    place_id: int,
    *,
    name: str,
    turnover_minutes: int = 0,
    seen_version: int,
    now: datetime,
) -> Place:
    """Rename a chair or room; a room's turnover holds for sessions booked from now on.

    Raises NotPermitted, NotFound, StaleVersion, and FieldError at `name` or `turnover_minutes`.
    """
    require(principal, Permission.CLINIC_WRITE)
    place = _take(db, kind, place_id, seen_version)
    place.name = free_name(db, kind, place.site_id, name, besides=place.id)
    _check_neutral(name)
    if isinstance(place, Room):
        if not 0 <= turnover_minutes <= MOST_TURNOVER_MINUTES:
            raise FieldError("turnover_minutes", "The time between appointments is 0 to 240 minutes.")
        db.get_one(Holdable, place.holdable_id).turnover_minutes = turnover_minutes
    db.flush()
    _audit(db, principal, "change", place, now)
    return place


def switch_place(
    db: Session,
    principal: Principal,
    kind: type[Place],
    place_id: int,
    *,
    in_use: bool,
    seen_version: int,
    now: datetime,
) -> Place:
    """Take a chair or room out of use, or put it back. What is booked there stays until somebody moves it.

    A coordinator does it at their own sites. Raises NotPermitted, NotFound, StaleVersion.
    """
    require(principal, Permission.PLACES_SWITCH)
    place = _take(db, kind, place_id, seen_version)
    if not may_switch(principal, place.site_id):
        raise NotPermitted("This belongs to a site that is not yours.")
    place.active = in_use
    db.flush()
    _audit(db, principal, "in_use" if in_use else "out_of_use", place, now)
    return place


def may_switch(principal: Principal, site_id: int) -> bool:
    """Whether the principal may take chairs and rooms of this site out of use."""
    held = scopes(principal, Permission.PLACES_SWITCH)
    return Scope.CLINIC in held or (Scope.SITE in held and site_id in principal.site_ids)


def _take(db: Session, kind: type[Place], place_id: int, seen_version: int) -> Place:
    if kind is Chair:
        return take_to_change(db, Chair, place_id, seen_version, "This chair")
    return take_to_change(db, Room, place_id, seen_version, "This room")


def _check_neutral(name: str) -> None:
    if not is_neutral(name):
        raise FieldError("name", "Calendars show this name. Choose one that does not tell what a visit is for.")


def _audit(db: Session, principal: Principal, verb: str, place: Place, now: datetime) -> None:
    word = "chair" if isinstance(place, Chair) else "room"
    auditing.record(
        db, principal, action=f"{word}.{verb}", object_type=word, object_id=place.id, now=now,
        detail={"site": place.site_id},
    )  # fmt: skip
