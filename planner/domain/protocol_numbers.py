"""The numbers of a protocol document one by one, in words, and two documents compared line by line.

Everything here works on documents as stored (see `planner.domain.protocol_parsing`), so that a page can show and
change any number without knowing the protocol's shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

NO_VALUE = "–"
_KNOTS = "integration.window.knots."

_PARTS = {
    "visit": "Visit",
    "preparation": "Preparation",
    "consolidation": "Consolidation session",
    "integration": "Integration",
    "span": "Whole course",
    "boosters": "Boosters",
}
_FIELDS = {
    "starts_min": "starts, after check-in",
    "length_min": "length",
    "dose_starts_min": "dose starts, after check-in",
    "dose_ends_min": "dose ends, after check-in",
    "discharge_min": "earliest discharge, after check-in",
    "minutes": "length of a session",
    "min_days": "at least",
    "target_days": "aimed at",
    "warn_days": "warned from",
    "max_days": "at most",
    "review_days": "reviewed above",
    "after_days": "usually after",
    "closes_days": "within, after the dose",
    "doses": "number of doses",
    "sessions": "sessions needed",
    "recommended": "sessions recommended",
    "per_week": "doses a week",
    "every": "one session for every",
    "after_doses": "sessions follow the doses",
    "proposed": "boosters proposed",
    "opens_h": "opens",
    "peak_start_h": "preferred from",
    "peak_end_h": "preferred to",
    "closes_h": "closes",
    "tail_end_h": "late until",
    "ideal_offset_h": "nearest to, of times that rank equal",
    "min_gap_before_next_dose_h": "ends at least, before the next check-in",
    "slug": "short name",
    "name": "name",
    "modality": "modality",
    "summary": "summary",
    "enabled_by_default": "offered from the start",
    "evidence_note": "evidence",
    "mode": "mode",
    "settings": "ways of meeting",
    "id": "name of the policy",
    "containment": "must fit",
    "anchor": "counts from",
    "knots": "ranking of free times",
    "source": "what it rests on",
    "strength": "how strong that is",
    "key": "kind",
    "holds": "holds",
    "on_site": "on site",
    "required": "required",
    "booking": "booking",
}
_FIELDS_IN = {
    ("preparation", "min_days"): "at least, before the first dose",
    ("preparation", "target_days"): "aimed at, before the first dose",
    ("preparation", "max_days"): "at most, before the first dose",
    ("consolidation", "min_days"): "at least, after the last dose",
    ("consolidation", "target_days"): "aimed at, after the last dose",
    ("consolidation", "max_days"): "at most, after the last dose",
    ("span", "target_days"): "aimed at, from first to last dose",
    ("span", "review_days"): "reviewed by a prescriber above, from first to last dose",
    ("boosters", "after_days"): "usually after, from the last dose",
    ("boosters", "min_days"): "not before, from the last dose",
    ("boosters", "max_days"): "not after, from the last dose",
}
_UNITS = {"d": "days", "preference": ""}
_ONE = {"days": "day", "doses": "dose", "sessions": "session", "boosters": "booster", "doses per session": "dose"}
_CHOICES = {
    "dose_end": "the end of the dose",
    "check_out": "the end of check-out",
    "start_only": "the start",
    "full": "the whole session",
    "in_person": "in person",
    "telehealth": "by video",
}


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a document: where it stands, what it is, and where it comes from. `mark` says whose it is."""

    path: str
    group: str
    what: str
    value: float | list[int]
    unit: str
    mark: str
    source: str
    strength: str

    @property
    def words(self) -> str:
        """“12 h”, “2 days”, “6 doses”."""
        return number_words(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that two documents have differently; sources are empty where the field is no number."""

    path: str
    what: str
    before: str
    after: str
    source_before: str
    source_after: str


def number_words(value: float | list[int], unit: str) -> str:
    """A value with its unit as pages show it; several values one after the other."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    said = _UNITS.get(unit, unit)
    return f"{value:g} {_ONE.get(said, said) if value == 1 else said}".strip()


def unit_words(unit: str) -> str:
    """The unit alone."""
    return _UNITS.get(unit, unit)


def numbers_of(document: Mapping[str, Any]) -> tuple[Number, ...]:
    """Every number of a document, in its order."""
    return tuple(
        Number(
            path,
            group_words(document, path),
            field_words(document, path),
            leaf["value"],
            leaf["unit"],
            leaf["mark"],
            leaf["source"],
            leaf.get("strength") or "",
        )
        for path, leaf in _leaves(document)
        if is_number(leaf)
    )


def is_number(leaf: object) -> bool:
    """Whether this part of a document is one number with its source."""
    return isinstance(leaf, Mapping) and "value" in leaf and "unit" in leaf


def part_of(document: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path; None when there is nothing."""
    part: Any = document
    for step in path.split("."):
        if isinstance(part, Mapping):
            part = part.get(step)
        elif isinstance(part, list) and step.isdecimal() and int(step) < len(part):
            part = part[int(step)]
        else:
            return None
    return part


def with_numbers(document: Mapping[str, Any], changed: Mapping[str, Mapping[str, Any]]) -> Document:
    """A copy of the document with these numbers put in at their paths. Raises KeyError for a path that has none."""
    copy: Document = deepcopy(dict(document))
    for path, number in changed.items():
        if not is_number(part_of(copy, path)):
            raise KeyError(path)
        above, _, last = path.rpartition(".")
        part_of(copy, above)[last] = dict(number)
    return copy


def field_words(document: Mapping[str, Any], path: str) -> str:
    """What the field at a path is called, without what it belongs to."""
    first, last = path.partition(".")[0], path.rpartition(".")[2]
    if path.startswith(_KNOTS):
        hours = part_of(document, f"{path.rpartition('.')[0]}.hours")["value"]
        return f"preference at {hours:g} h" if last == "preference" else f"point at {hours:g} h"
    return _FIELDS_IN.get((first, last)) or _FIELDS.get(last, last.replace("_", " "))


def group_words(document: Mapping[str, Any], path: str) -> str:
    """What the field at a path belongs to: “Visit: Recovery”, “Induction”, “Window”; empty at the top."""
    steps = path.split(".")[:-1]
    if not steps:
        return ""
    if path.startswith(_KNOTS):
        return "Window, ranking of free times"
    if steps[:2] == ["integration", "window"]:
        return "Window"
    if steps[0] == "dose_phases":
        name = _name_at(document, ".".join(steps[:2])) or f"Phase {int(steps[1]) + 1}"
        return f"{name}, days between doses" if steps[-1] == "spacing" else name
    if steps[:2] == ["visit", "blocks"] and len(steps) > 2:
        return f"Visit: {_name_at(document, '.'.join(steps[:3])) or f'block {int(steps[2]) + 1}'}"
    return _PARTS.get(steps[0], steps[0].replace("_", " ").capitalize())


def words_of(document: Mapping[str, Any], path: str) -> str:
    """A field in full: “Window, opens”, “Visit: Recovery, length”."""
    group = group_words(document, path)
    field = field_words(document, path)
    return f"{group}, {field}" if group else field[:1].upper() + field[1:]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Every field that differs, its source included, in the order of the documents; a preference curve is one."""
    before, after = dict(_fields(old)), dict(_fields(new))
    paths = [path for path in after if path not in before or before[path] != after[path]]
    paths += [path for path in before if path not in after]
    return tuple(
        Difference(
            path,
            words_of(new if path in after else old, path),
            _said(before.get(path)),
            _said(after.get(path)),
            _source(before.get(path)),
            _source(after.get(path)),
        )
        for path in paths
    )


def _name_at(document: Mapping[str, Any], path: str) -> str:
    part = part_of(document, path)
    return str(part.get("name", "")) if isinstance(part, Mapping) else ""


def _leaves(part: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field with its path; a number with its source is one field, and so is a list of words."""
    if isinstance(part, Mapping) and not is_number(part):
        for key, value in part.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(part, list) and part and all(isinstance(item, Mapping) for item in part):
        for index, item in enumerate(part):
            yield from _leaves(item, f"{path}.{index}")
    else:
        yield path, part


def _fields(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every field as people compare them: the knots of a preference curve mean nothing one by one."""
    for path, leaf in _leaves(document):
        if path == f"{_KNOTS}0.hours":
            yield _KNOTS.rstrip("."), part_of(document, _KNOTS.rstrip("."))
        elif not path.startswith(_KNOTS):
            yield path, leaf


def _said(leaf: object) -> str:
    if isinstance(leaf, Mapping) and "preference" in leaf:
        return f"{_said(leaf['preference'])} at {_said(leaf['hours'])}"
    if isinstance(leaf, Mapping):
        return number_words(leaf["value"], leaf["unit"])
    if isinstance(leaf, bool):
        return "yes" if leaf else "no"
    if isinstance(leaf, list):
        return ", ".join(_said(item) for item in leaf) or NO_VALUE
    return _CHOICES.get(str(leaf), str(leaf)) if leaf is not None else NO_VALUE


def _source(leaf: object) -> str:
    if isinstance(leaf, list) and leaf and isinstance(leaf[0], Mapping):
        return "; ".join(dict.fromkeys(_source(item["preference"]) for item in leaf))
    if not isinstance(leaf, Mapping):
        return ""
    strength = f"; {leaf['strength']}" if leaf.get("strength") else ""
    return f"{leaf['source']} ({leaf['mark']}{strength})"
