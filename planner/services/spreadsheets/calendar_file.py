"""A calendar file as lines of appointments: whose each event is, of what kind, with whom and where.

The title has to name the patient by their code. The kind is a word of the title or of the categories, else what was
chosen for the whole file; the place is known by its name. What cannot be recognised is a bad line with its reason.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.walltime import to_wall
from planner.feeds.reading import CalendarEvent, CalendarUnreadable, read_calendar
from planner.services.spreadsheets.appointment_rows import KIND_WORDS, UNDERSTOOD
from planner.services.spreadsheets.ground import Ground, SiteInfo, told_time
from planner.services.spreadsheets.kinds import APPOINTMENTS
from planner.services.spreadsheets.lines import Faults
from planner.services.spreadsheets.reading import Sheet, SheetLine, Unreadable

_WORD: Final = re.compile(r"[^\s,;:()\[\]/|]+")
_LONGEST_REFERENCE: Final = 150
NO_SITE: Final = "Choose the site of the appointments in this calendar."


@dataclass(frozen=True, slots=True)
class Choosers:
    """What can be said for a whole calendar, as cells would say it: value and words of each choice."""

    sites: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    therapists: tuple[str, ...]
    rooms: tuple[tuple[str, str], ...]


def choosers(db: Session, principal: Principal, now: datetime) -> Choosers:
    """The sites of a person, and who and what is in use there. A constant number of queries."""
    ground = Ground(db, principal, now)
    therapists = [
        ground.person_labels[person.id]
        for person in ground.people.values()
        if person.active and Role.THERAPIST in person.roles and person.site_ids & ground.own_sites.keys()
    ]
    rooms = {
        room.name: f"{room.name}, {ground.sites[room.site_id].code}" for room in ground.rooms.values() if room.active
    }
    return Choosers(
        tuple((site.code, site.name) for site in ground.own_sites.values()),
        tuple(KIND_WORDS),
        tuple(sorted(therapists)),
        tuple(sorted(rooms.items())),
    )


def sheet_of_calendar(ground: Ground, content: bytes, choices: Mapping[str, Any], faults: Faults) -> Sheet:
    """The events as lines of appointments; those that cannot be one go to `faults`. Raises Unreadable."""
    site = _site(ground, str(choices.get("site", "")))
    try:
        events = read_calendar(content, site.zone)
    except CalendarUnreadable as unreadable:
        raise Unreadable(unreadable.sentence) from unreadable
    lines = []
    for event in events:
        cells = {} if event.fault else _cells(ground, event, site, choices, faults)
        if event.fault:
            faults.add(event.line, "", event.fault)
        elif cells:
            row = tuple(cells.get(column.key, "") for column in APPOINTMENTS.columns)
            lines.append(SheetLine(event.line, row))
    notes = (f"Read as a calendar with {len(events):,} events. Times without a zone are those of {site.name}.",)
    return Sheet(APPOINTMENTS.headers, tuple(lines), notes)


def _site(ground: Ground, code: str) -> SiteInfo:
    own = list(ground.own_sites.values())
    if not code and len(own) == 1:
        return own[0]
    site = ground.any_site(code) if code else None
    if site is None or site.id not in ground.own_sites:
        raise Unreadable(NO_SITE)
    return site


def _cells(
    ground: Ground, event: CalendarEvent, site: SiteInfo, choices: Mapping[str, Any], faults: Faults
) -> dict[str, str]:
    """The cells of one event by column key; empty when something could not be recognised."""
    codes = _codes(ground, event.title)
    kind = _kind(event) or str(choices.get("kind", ""))
    if len(codes) != 1:
        what = "names several patients" if codes else "names no patient of your sites by their code"
        faults.add(event.line, "patient", f"The title of this event {what}.")
    if not kind:
        faults.add(event.line, "kind", "Neither title nor categories of this event say of what kind it is.")
    if len(codes) != 1 or not kind:
        return {}
    day = to_wall(event.starts_at, site.zone).date()
    chair, room = _place(ground, event, site)
    return {
        "reference": _reference(event.uid),
        "patient": codes[0],
        "kind": kind,
        "site": site.code,
        "day": day.isoformat(),
        "start": told_time(event.starts_at, site.zone, day),
        "end": told_time(event.ends_at, site.zone, day),
        "status": "cancelled" if event.is_cancelled else "booked",
        "mode": str(choices.get("mode", "")),
        "therapist": str(choices.get("therapist", "")),
        "chair": chair,
        "room": room or ("" if chair else str(choices.get("room", ""))),
    }


def _codes(ground: Ground, title: str) -> list[str]:
    found = {patient.code for word in _WORD.findall(title) for patient in ground.patient_index.find(word)[:1]}
    return sorted(found)


def _kind(event: CalendarEvent) -> str:
    said = " ".join((*event.categories, event.title)).casefold()
    return next((word for word in UNDERSTOOD if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said)), "")


def _place(ground: Ground, event: CalendarEvent, site: SiteInfo) -> tuple[str, str]:
    """The chair and the room that the event's place names, if any."""
    chairs = ground.chair_index.find(event.place, site.id)
    rooms = ground.room_index.find(event.place, site.id)
    return (chairs[0].name if chairs else "", rooms[0].name if rooms and not chairs else "")


def _reference(uid: str) -> str:
    """The event's UID, on one line and short enough for a cell."""
    plain = " ".join(uid.split())
    return plain if len(plain) <= _LONGEST_REFERENCE else hashlib.sha256(plain.encode()).hexdigest()
