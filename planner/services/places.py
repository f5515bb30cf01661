"""Setting up the clinic's places: sites with their hours, chairs, rooms, closed days.

What people typed is checked here and refused with one sentence at the field that caused it. Whether a person may do
this is decided by the door.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from planner.domain.errors import FieldError
from planner.domain.plain_text import can_be_seen, hides
from planner.domain.walltime import UnknownZone, zone_named
from planner.store.records import Chair, Clinic, Closure, Holdable, HoldableKind, OpeningHours, Room, Site

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")

WallSpan = tuple[str, str]
"""Two wall times as `HH:MM`; an end at midnight is `24:00`."""


def set_up_clinic(
    db: Session, *, name: str, zone: str, neutral_name: str = "Appointments", is_demo: bool = False
) -> Clinic:
    """The one clinic of this database. `neutral_name` is what calendars and messages may show."""
    clinic = Clinic(
        id=1,
        name=one_line(name, "name", 120),
        neutral_name=one_line(neutral_name, "neutral_name", 60),
        zone=known_zone(zone),
        is_demo=is_demo,
    )
    if db.get(Clinic, 1) is not None:
        raise FieldError("name", "This database already has its clinic.")
    db.add(clinic)
    db.flush()
    return clinic


def add_site(
    db: Session,
    *,
    name: str,
    code: str,
    zone: str,
    hours: Mapping[int, Iterable[WallSpan]],
    visit_grid_minutes: int = 15,
    therapy_grid_minutes: int = 15,
    alias: str = "",
    address: str = "",
) -> Site:
    """A place that is open on each weekday of `hours` (0 = Monday) for its spans, in wall time of `zone` (IANA).

    Raises FieldError at `name`, `code`, `zone`, `hours` or the grid that cannot be used.
    """
    for field, grid in (
        ("visit_grid_minutes", visit_grid_minutes),
        ("therapy_grid_minutes", therapy_grid_minutes),
    ):
        if not 1 <= grid <= 240 or 1440 % grid:
            raise FieldError(field, "Starts can be every 5, 10, 15, 20, 30 or 60 minutes, as it divides the day.")
    site = Site(
        name=one_line(name, "name", 120),
        code=one_line(code, "code", 12),
        alias=one_line(alias, "alias", 60, optional=True),
        address=one_line(address, "address", 200, optional=True),
        zone=known_zone(zone),
        visit_grid_minutes=visit_grid_minutes,
        therapy_grid_minutes=therapy_grid_minutes,
    )
    refuse_taken(db, Site.name, site.name, "name", "There is already a site with this name.")
    refuse_taken(db, Site.code, site.code, "code", "There is already a site with this code.")
    spans = [(weekday, span) for weekday, given in hours.items() for span in hours_of_day(weekday, given)]
    db.add(site)
    db.flush()
    db.add_all(
        OpeningHours(site_id=site.id, weekday=weekday, opens_minute=opens, closes_minute=closes)
        for weekday, (opens, closes) in spans
    )
    db.flush()
    return site


def hours_of_day(weekday: int, given: Iterable[WallSpan]) -> list[tuple[int, int]]:
    """The opening spans of a weekday as minutes from midnight, in order. Raises FieldError at `hours`."""
    if weekday not in range(7):
        raise FieldError("hours", "A weekday is a number from 0 for Monday to 6 for Sunday.")
    spans = sorted(wall_minutes(span, "hours") for span in given)
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            raise FieldError("hours", "Opening hours of one day must not overlap.")
    return spans


def add_chair(db: Session, site: Site, name: str) -> Chair:
    """A treatment chair at a site. Raises FieldError at `name`."""
    name = free_name(db, Chair, site.id, name)
    chair = Chair(site_id=site.id, holdable_id=new_holdable(db, HoldableKind.CHAIR), name=name)
    db.add(chair)
    db.flush()
    return chair


def add_room(db: Session, site: Site, name: str, *, turnover_minutes: int = 0) -> Room:
    """A therapy room at a site, empty for `turnover_minutes` after each session. Raises FieldError at `name`."""
    name = free_name(db, Room, site.id, name)
    holdable_id = new_holdable(db, HoldableKind.ROOM, turnover_minutes)
    room = Room(site_id=site.id, holdable_id=holdable_id, name=name)
    db.add(room)
    db.flush()
    return room


def close_day(db: Session, site: Site, day: date, reason: str = "") -> Closure:
    """Close a site for a whole local day. What is booked there stays until somebody moves it.

    Raises FieldError at `day` when it is closed already.
    """
    reason = one_line(reason, "reason", 120, optional=True)
    if db.scalar(select(Closure.id).where(Closure.site_id == site.id, Closure.day == day)) is not None:
        raise FieldError("day", f"{site.name} is already closed on {day:%A} {day.day} {day:%B} {day.year}.")
    closure = Closure(site_id=site.id, day=day, reason=reason)
    db.add(closure)
    db.flush()
    return closure


def new_holdable(db: Session, kind: HoldableKind, turnover_minutes: int = 0) -> int:
    """Something new that can be held once at a time; its id. Raises FieldError at `turnover_minutes`."""
    if not 0 <= turnover_minutes <= 240:
        raise FieldError("turnover_minutes", "The time between appointments is 0 to 240 minutes.")
    holdable = Holdable(kind=kind, turnover_minutes=turnover_minutes)
    db.add(holdable)
    db.flush()
    return holdable.id


def known_zone(zone: str, field: str = "zone") -> str:
    """The IANA name of a zone that exists. Raises FieldError."""
    try:
        return zone_named(zone).key
    except UnknownZone as unknown:
        raise FieldError(field, str(unknown)) from unknown


def wall_minutes(span: WallSpan, field: str) -> tuple[int, int]:
    """A span of wall times as minutes from midnight. Raises FieldError when it ends before it starts."""
    start, end = (wall_minute(text, field) for text in span)
    if end <= start:
        raise FieldError(field, f"The end ({span[1]}) has to be after the start ({span[0]}).")
    return start, end


def wall_minute(text: str, field: str) -> int:
    """`HH:MM` as minutes from midnight; `24:00` is the end of the day. Raises FieldError."""
    found = _CLOCK.fullmatch(text.strip())
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
    if not 0 <= minute <= 1440:
        raise FieldError(field, "Write the time as hours and minutes, such as 09:30.")
    return minute


def one_line(text: str, field: str, most: int, *, optional: bool = False) -> str:
    """The text without space around it. Raises FieldError when it is empty, too long, or more than one line."""
    line = text.strip()
    if not line and not optional:
        raise FieldError(field, "Please fill this in.")
    if len(line) > most:
        raise FieldError(field, f"Use at most {most} characters; this has {len(line)}.")
    if any(map(hides, line)):
        raise FieldError(field, "Write this on one line, without line breaks or control characters.")
    if line and not can_be_seen(line):
        raise FieldError(field, "Write something that can be seen.")
    return line


def refuse_taken(
    db: Session,
    column: InstrumentedAttribute[Any],
    value: str,
    field: str,
    sentence: str,
    *,
    besides: int | None = None,
) -> None:
    """Raise FieldError at `field` when another record has this value already, whatever the size of its letters.

    `besides` is the id of the record that may have it.
    """
    same = or_(column == value, func.lower(column) == value.lower())
    others = select(column).where(same)
    if besides is not None:
        others = others.where(column.class_.id != besides)
    if db.scalar(others.limit(1)) is not None:
        raise FieldError(field, sentence)


def free_name(
    db: Session, kind: type[Chair] | type[Room], site_id: int, name: str, *, besides: int | None = None
) -> str:
    """A name that no other chair (or room) of the site has. Raises FieldError at `name`."""
    name = one_line(name, "name", 60)
    others = select(kind.id).where(kind.site_id == site_id, func.lower(kind.name) == name.lower())
    if besides is not None:
        others = others.where(kind.id != besides)
    if db.scalar(others.limit(1)) is not None:
        word = "chair" if kind is Chair else "room"
        raise FieldError("name", f"There is already a {word} with this name at the site.")
    return name
