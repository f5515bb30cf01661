"""Changing which parts a dosing visit has: added, changed, taken out, in another order, and which carries the dose.

A part says when it begins by what stands before it, so a change moves everything after it and leaves no gap. Times that
only follow are numbers of the document all the same, with a source that says so. What the patient is there for comes
first; turnover, once the patient has left, stays last.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, get_args

from planner.domain.protocol_editing import CLINIC, NOT_A_NUMBER, TypedNumber, changed_number, typed_number
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_numbers import Document
from planner.domain.protocols import Mark

FOLLOWS = "Follows from the parts before it"
"""The source of a start that nobody chose: it is the end of what stands before."""
CARRIES = "With the part that carries the dose"
LEAVES = "When the last part with the patient is over"

AFTER, WITH = "after", "with"
"""How a part begins: when all before it have ended, or so many minutes after the part before it began."""

NO_SOURCE = "Say where this number comes from."
NO_MARK = "Say whether this is clinic policy or from a drug label."


@dataclass(frozen=True, slots=True)
class TypedPart:
    """A part as typed. `begins` is AFTER or WITH; `minutes_in` counts for WITH only.

    `place` is the key of the part it comes after, empty for the first; `patient_gone` says that it begins once the
    patient has left. Both count for a part that is added.
    """

    name: str
    length: str
    source: str
    mark: str
    holds: tuple[str, ...]
    on_site: tuple[str, ...]
    begins: str = AFTER
    minutes_in: str = "0"
    place: str = ""
    patient_gone: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a visit by what stands before it.

    `inside` is how many minutes after the part before it this one begins; None when all before it have ended, `pause`
    minutes ago (above 0 only where the patient has left).
    """

    key: str
    block: Mapping[str, Any]
    length: int
    gone: bool
    inside: int | None
    pause: int


@dataclass(frozen=True, slots=True)
class Carried:
    """Where the dose lies: minutes after the start of one part, to minutes before the end of the same or another."""

    starts_in: str
    after_start: int
    ends_in: str
    before_end: int


@dataclass(frozen=True, slots=True)
class VisitParts:
    """A visit taken apart. `early` is by how many minutes the patient leaves before the last part with them is over."""

    parts: tuple[Part, ...]
    dose: Carried
    early: int

    def part(self, key: str) -> Part | None:
        """The part with this key."""
        return next((part for part in self.parts if part.key == key), None)


def parts_of(document: Mapping[str, Any]) -> VisitParts:
    """The visit of a document that parses, taken apart, in the order in which its parts begin."""
    visit = document["visit"]
    leaves = visit["discharge_min"]["value"]
    blocks = sorted(visit["blocks"], key=lambda block: block["starts_min"]["value"])
    parts: list[Part] = []
    over, before = 0, 0
    for block in blocks:
        starts, length = block["starts_min"]["value"], block["length_min"]["value"]
        inside = starts - before if parts and starts < over else None
        parts.append(Part(block["key"], block, length, starts >= leaves, inside, max(starts - over, 0)))
        over, before = max(over, starts + length), starts
    stay = max(_end(part.block) for part in parts if not part.gone)
    return VisitParts(tuple(parts), _carried(visit, [part for part in parts if not part.gone]), stay - leaves)


def with_part(document: Mapping[str, Any], typed: TypedPart, signed: Mapping[str, Any]) -> Document:
    """The document with one part more. Raises ProtocolInvalid at the fields of `TypedPart`."""
    known = parts_of(document)
    length = _length(typed)
    here = next((index for index, part in enumerate(known.parts) if part.key == typed.place), None)
    if typed.place and here is None:
        raise ProtocolInvalid([("place", "Choose a part that this visit has.")])
    if not typed.patient_gone and here is not None and known.parts[here].gone:
        raise ProtocolInvalid([("place", f"“{known.parts[here].block['name']}” begins once the patient has left.")])
    at = 0 if here is None else here + 1
    if typed.patient_gone:
        at = max(at, sum(not part.gone for part in known.parts))
    key = free_key(typed.name, [part.key for part in known.parts])
    number = {"value": length, "unit": "min", "mark": typed.mark, "source": typed.source.strip()}
    block = {"key": key, **_said(typed), "length_min": number}
    part = Part(key, block, length, typed.patient_gone, _inside(typed), 0)
    parts = (*known.parts[:at], part, *known.parts[at:])
    return _together(document, replace(known, parts=parts), signed)


def with_changed_part(
    document: Mapping[str, Any], key: str, typed: TypedPart, otherwise: str, signed: Mapping[str, Any]
) -> Document:
    """The document with a part as typed; `otherwise` is the source of a changed length that names no new source.

    Raises ProtocolInvalid at the fields of `TypedPart`.
    """
    known = parts_of(document)
    old = _known(known, key)
    length = _length(typed)
    said = TypedNumber(typed.length, typed.source, typed.mark)
    signed_length = (_block(signed, key) or {}).get("length_min")
    number = changed_number(old.block["length_min"], length, said, otherwise, signed_length)
    block = {"key": key, **_said(typed), "length_min": number, "starts_min": old.block["starts_min"]}
    pause = old.pause if typed.begins == AFTER else 0
    part = replace(old, block=block, length=length, inside=_inside(typed), pause=pause)
    parts = tuple(part if each.key == key else each for each in known.parts)
    return _together(document, replace(known, parts=parts), signed)


def without_part(document: Mapping[str, Any], key: str, signed: Mapping[str, Any]) -> Document:
    """The document without a part. Raises ProtocolInvalid when the dose lies in it."""
    known = parts_of(document)
    gone = _known(known, key)
    if key in (known.dose.starts_in, known.dose.ends_in):
        raise ProtocolInvalid(
            [("", f"“{gone.block['name']}” carries the dose. Let another part carry it first, then remove this one.")]
        )
    parts = tuple(part for part in known.parts if part.key != key)
    return _together(document, replace(known, parts=parts), signed)


def with_part_moved(document: Mapping[str, Any], key: str, steps: int, signed: Mapping[str, Any]) -> Document:
    """The document with a part one place earlier (-1) or later (1). Raises ProtocolInvalid when it cannot go there."""
    known = parts_of(document)
    part = _known(known, key)
    at = known.parts.index(part)
    to = at + steps
    if not 0 <= to < len(known.parts):
        where = "first" if steps < 0 else "last"
        raise ProtocolInvalid([("", f"“{part.block['name']}” is the {where} part already.")])
    other = known.parts[to]
    if other.gone != part.gone:
        last = part if part.gone else other
        raise ProtocolInvalid([("", f"“{last.block['name']}” begins once the patient has left, so it stays last.")])
    parts = list(known.parts)
    parts[at], parts[to] = other, part
    return _together(document, replace(known, parts=tuple(parts)), signed)


def with_dose_in(document: Mapping[str, Any], key: str, signed: Mapping[str, Any]) -> Document:
    """The document with the dose given from the start to the end of this part: its end is what a window counts from.

    Raises ProtocolInvalid for a part that begins once the patient has left.
    """
    known = parts_of(document)
    if _known(known, key).gone:
        raise ProtocolInvalid([("", "The dose cannot be given once the patient has left.")])
    return _together(document, replace(known, dose=Carried(key, 0, key, 0)), signed)


def with_part_back(document: Mapping[str, Any], key: str, signed: Mapping[str, Any]) -> Document:
    """The document with a part of the `signed` one in it again, after the parts that it came after there.

    Raises ProtocolInvalid when there is no such part or it is there already.
    """
    known, before = parts_of(document), parts_of(signed)
    part = before.part(key)
    if part is None or known.part(key) is not None:
        raise ProtocolInvalid([("", "This part is there already, or the signed version does not have it.")])
    earlier = {each.key for each in before.parts[: before.parts.index(part)]}
    at = max((index + 1 for index, each in enumerate(known.parts) if each.key in earlier), default=0)
    staying = sum(not each.gone for each in known.parts)
    at = max(at, staying) if part.gone else min(at, staying)
    parts = (*known.parts[:at], part, *known.parts[at:])
    return _together(document, replace(known, parts=parts), signed)


def free_key(name: str, taken: Sequence[str]) -> str:
    """A short name in the document's letters, made from a name, that nothing in `taken` has."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "part"
    return next(key for key in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if key not in taken)


# -- taking apart ------------------------------------------------------------------------------------------------------


def _end(block: Mapping[str, Any]) -> int:
    ends: int = block["starts_min"]["value"] + block["length_min"]["value"]
    return ends


def _carried(visit: Mapping[str, Any], present: Sequence[Part]) -> Carried:
    """The part in which the dose lies, the tightest if there are several; else one for its start and one for its end.

    A part that ends where the dose starts does not carry it, unless nothing else does.
    """
    starts, ends = visit["dose_starts_min"]["value"], visit["dose_ends_min"]["value"]
    spans = [(part.block["starts_min"]["value"], _end(part.block), part.key) for part in present]
    whole = [span for span in spans if span[0] <= starts and ends <= span[1]]
    if whole:
        first = last = min(whole, key=lambda span: (span[1] == starts, span[1] - span[0], span[0]))
    else:
        first = next(span for span in reversed(spans) if span[0] <= starts <= span[1])
        last = next(span for span in spans if span[0] <= ends <= span[1])
    return Carried(first[2], starts - first[0], last[2], last[1] - ends)


def _block(document: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    return next((block for block in document["visit"]["blocks"] if block["key"] == key), None)


def _known(parts: VisitParts, key: str) -> Part:
    part = parts.part(key)
    if part is None:
        raise ProtocolInvalid([("", "This part is not in the visit any more.")])
    return part


# -- what was typed ----------------------------------------------------------------------------------------------------


def _length(typed: TypedPart) -> int:
    """The length in minutes; raises ProtocolInvalid for every field that says nothing of use."""
    problems = []
    length = typed_number(typed.length)
    if not typed.name.strip():
        problems.append(("name", "Say what this part is called."))
    if length is None:
        problems.append(("length", NOT_A_NUMBER))
    elif length < 1 or length != int(length):
        problems.append(("length", "Enter whole minutes, at least 1."))
    if typed.begins == WITH and (number := typed_number(typed.minutes_in)) != int(number or 0):
        problems.append(("minutes_in", "Enter whole minutes, such as 0 or 10."))
    if not typed.source.strip():
        problems.append(("source", NO_SOURCE))
    if typed.mark not in get_args(Mark):
        problems.append(("mark", NO_MARK))
    if set(typed.holds) & set(typed.on_site):
        problems.append(("on_site", "What a part holds need not be named as on site too."))
    if problems or length is None:
        raise ProtocolInvalid(problems)
    return int(length)


def _inside(typed: TypedPart) -> int | None:
    return int(typed_number(typed.minutes_in) or 0) if typed.begins == WITH else None


def _said(typed: TypedPart) -> Document:
    return {"name": typed.name.strip(), "holds": sorted(typed.holds), "on_site": sorted(typed.on_site)}


# -- putting together --------------------------------------------------------------------------------------------------


def _together(document: Mapping[str, Any], visit: VisitParts, signed: Mapping[str, Any]) -> Document:
    """The document with these parts one after the other, and the dose and the patient's leaving where they belong."""
    parts = [part for part in visit.parts if not part.gone] + [part for part in visit.parts if part.gone]
    _refuse_dose_backwards(parts, visit.dose)
    starts = _starts([part for part in parts if not part.gone])
    ends = {part.key: starts[part.key] + part.length for part in parts if part.key in starts}
    dose_starts = min(starts[visit.dose.starts_in] + visit.dose.after_start, ends[visit.dose.starts_in])
    dose_ends = max(ends[visit.dose.ends_in] - visit.dose.before_end, starts[visit.dose.ends_in], dose_starts)
    leaves = max(max(ends.values()) - visit.early, dose_ends, max(starts.values()) + 1)
    starts = _starts(parts, leaves)
    copy: Document = deepcopy(dict(document))
    old = {block["key"]: block for block in document["visit"]["blocks"]}
    kept = {block["key"]: block for block in signed["visit"]["blocks"]}
    copy["visit"] = {
        "blocks": [
            _written(
                part,
                _follows(starts[part.key], FOLLOWS, _starts_of(old, part.key), _starts_of(kept, part.key)),
            )
            for part in parts
        ]
    }
    for name, value, source in (
        ("dose_starts_min", dose_starts, CARRIES),
        ("dose_ends_min", dose_ends, CARRIES),
        ("discharge_min", leaves, LEAVES),
    ):
        copy["visit"][name] = _follows(value, source, document["visit"][name], signed["visit"][name])
    return copy


def _refuse_dose_backwards(parts: Sequence[Part], dose: Carried) -> None:
    """A dose over several parts starts in the earlier one."""
    at = {part.key: index for index, part in enumerate(parts)}
    if at[dose.starts_in] > at[dose.ends_in]:
        names = {part.key: part.block["name"] for part in parts}
        sentence = f"The dose starts in “{names[dose.starts_in]}” and ends in “{names[dose.ends_in]}”, in this order."
        raise ProtocolInvalid([("", sentence)])


def _starts(parts: Sequence[Part], leaves: int = 0) -> dict[str, int]:
    """When each part begins, in minutes from check-in; what the patient has left for, not before `leaves`."""
    starts: dict[str, int] = {}
    over, before = 0, 0
    for part in parts:
        at = over + (part.pause if part.gone else 0)
        if part.inside is not None:
            at = min(before + part.inside, over)
        starts[part.key] = before = max(at, leaves) if part.gone else at
        over = max(over, before + part.length)
    return starts


def _starts_of(blocks: Mapping[str, Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    return blocks[key]["starts_min"] if key in blocks else None


def _follows(value: int, source: str, *before: Mapping[str, Any] | None) -> Document:
    """A number that follows from others: the one it was, source and all, where its value is the same."""
    for number in before:
        if number is not None and number["value"] == value:
            return dict(number)
    return {"value": value, "unit": "min", "mark": CLINIC, "source": source}


def _written(part: Part, starts: Document) -> Document:
    block = part.block
    return {
        "key": block["key"],
        "name": block["name"],
        "starts_min": starts,
        "length_min": dict(block["length_min"]),
        "holds": list(block["holds"]),
        "on_site": list(block["on_site"]),
    }
