"""Which parts and phases a protocol has: each change is computed from the draft that was seen and kept at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from planner.domain import protocol_phases as phases
from planner.domain import protocol_visits as visits
from planner.domain.access import Permission, Principal, require
from planner.domain.errors import StaleVersion
from planner.domain.protocol_numbers import Document
from planner.domain.protocol_phases import SECTIONS, TypedDoses, TypedSection
from planner.domain.protocol_visits import TypedPart
from planner.services.protocol_drafts import keep_draft
from planner.services.protocols import refuse_same_name
from planner.store.queries.protocols import Standing, standing
from planner.store.records import ProtocolDraft

Edit = Callable[[Standing], Document]

EARLIER, LATER, REMOVE, DOSE, BACK = "earlier", "later", "remove", "dose", "back"
"""What one button does to one part or phase. DOSE: it carries the dose; BACK: it is put back."""

LONGEST_PLACE = 4
"""Digits of a place in a list, far above any list's length."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody saw when they made a change: the draft's version, and the number of the version it began from."""

    draft: int
    base: int


def change_structure(
    db: Session, principal: Principal, protocol_id: int, edit: Edit, *, seen: Seen, now: datetime
) -> ProtocolDraft:
    """Keep what `edit` makes of the protocol as the draft.

    Raises NotPermitted, NotFound, StaleVersion before anything is computed from a draft that was not seen, and
    ProtocolInvalid.
    """
    require(principal, Permission.PROTOCOLS_WRITE)
    stands = standing(db, protocol_id)
    if seen.base != stands.number:
        raise StaleVersion(seen.base, stands.number, "This protocol")
    if seen.draft != stands.draft_version:
        raise StaleVersion(seen.draft, stands.draft_version, "This draft")
    document = edit(stands)
    return keep_draft(db, principal, protocol_id, document, seen_version=seen.draft, base=seen.base, now=now)


def adding_part(typed: TypedPart) -> Edit:
    """One part more."""
    return lambda stands: visits.with_part(stands.working, typed, stands.document)


def changing_part(key: str, typed: TypedPart, otherwise: str) -> Edit:
    """A part as typed; `otherwise` is the source of a changed length that names no new source."""
    return lambda stands: visits.with_changed_part(stands.working, key, typed, otherwise, stands.document)


def acting_on_part(act: str, key: str) -> Edit | None:
    """What one button does to one part; None for a word that is no such button's."""
    found: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Document]] = {
        EARLIER: lambda working, signed: visits.with_part_moved(working, key, -1, signed),
        LATER: lambda working, signed: visits.with_part_moved(working, key, 1, signed),
        REMOVE: lambda working, signed: visits.without_part(working, key, signed),
        DOSE: lambda working, signed: visits.with_dose_in(working, key, signed),
        BACK: lambda working, signed: visits.with_part_back(working, key, signed),
    }
    edit = found.get(act)
    return None if edit is None else lambda stands: edit(stands.working, stands.document)


def adding_doses(typed: TypedDoses) -> Edit:
    """One run of doses more."""
    return lambda stands: phases.with_doses(stands.working, typed, stands.document)


def changing_doses(number: int, typed: TypedDoses) -> Edit:
    """A run of doses as typed."""
    return lambda stands: phases.with_changed_doses(stands.working, number, typed, stands.document)


def setting_section(name: str, typed: TypedSection) -> Edit:
    """Preparation, the consolidation session or boosters as typed."""
    return lambda stands: phases.with_section(stands.working, name, typed, stands.document)


def saying(db: Session, texts: Mapping[str, str]) -> Edit:
    """What the protocol is called and says of itself: `name`, `summary`, `evidence_note`.

    The change raises FieldError at `name` when another protocol has it.
    """

    def edit(stands: Standing) -> Document:
        refuse_same_name(db, texts["name"], besides=stands.id)
        return dict(stands.working) | dict(texts)

    return edit


def acting_on_phase(act: str, what: str) -> Edit | None:
    """What one button does to a run of doses, told by its place, or to a section; None for any other word."""
    if what in SECTIONS:
        return _acting_on_section(act, what)
    if not (what.isascii() and what.isdigit() and len(what) < LONGEST_PLACE):
        return None
    number = int(what)
    found: Mapping[str, Edit] = {
        EARLIER: lambda stands: phases.with_doses_moved(stands.working, number, -1),
        LATER: lambda stands: phases.with_doses_moved(stands.working, number, 1),
        REMOVE: lambda stands: phases.without_doses(stands.working, number),
        BACK: lambda stands: phases.with_doses_back(stands.working, number, stands.document),
    }
    return found.get(act)


def _acting_on_section(act: str, name: str) -> Edit | None:
    found: Mapping[str, Edit] = {
        REMOVE: lambda stands: phases.without_section(stands.working, name),
        BACK: lambda stands: phases.with_section_back(stands.working, name, stands.document),
    }
    return found.get(act)
