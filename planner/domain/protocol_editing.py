"""Changing a protocol document by what somebody typed: any of its numbers, and its integration policy.

A number that is changed says where the new value comes from: the old source stood behind the old value only, so it is
never kept for a new one. Nothing here checks the outcome; `planner.domain.protocol_parsing` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_args

from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_numbers import Document, is_number, part_of, with_numbers
from planner.domain.protocols import IntegrationMode, Mark

CLINIC: Mark = "clinic policy"
LABEL: Mark = "label"
EDGES = ("opens_h", "peak_start_h", "peak_end_h", "closes_h", "tail_end_h")
"""The hours of a window, in order."""
HOURS = (*EDGES, "min_gap_before_next_dose_h")
LONGEST_DOSE = 3
"""Digits of a dose's number, above any course's."""
NOT_A_NUMBER = "Enter a number, such as 12 or 1.5."

_TYPED = re.compile(r"[0-9]{1,6}([.,][0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class TypedNumber:
    """One number as typed, with the source and the mark beside it."""

    value: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class TypedIntegration:
    """The integration policy as typed. `numbers` is by field name: the window's HOURS, minutes, every, closes_days, and
    after_doses, which names the doses that a session follows and stands for every where it is not empty.

    `rests_on` and `strength` say what stands behind the window as a whole, and how strong that is.
    """

    mode: str
    settings: tuple[str, ...]
    anchor: str
    containment: str
    rests_on: str
    strength: str
    numbers: Mapping[str, str]


def typed_number(text: str) -> float | None:
    """The number somebody typed, with a point or a comma; None when it is none."""
    text = text.strip()
    if not (text.isascii() and _TYPED.fullmatch(text)):
        return None
    value = float(text.replace(",", "."))
    return int(value) if value == int(value) else value


def with_typed_numbers(
    document: Mapping[str, Any], typed: Mapping[str, TypedNumber], otherwise: str, *, signed: Mapping[str, Any]
) -> Document:
    """The document with these numbers as typed; `otherwise` is the source of a changed one that names no new source.

    A number that comes back to its value in the `signed` document gets its source there back too. Raises
    ProtocolInvalid at the path of each number that is none or has no source.
    """
    problems: list[tuple[str, str]] = []
    changed: dict[str, dict[str, Any]] = {}
    for path, entry in typed.items():
        old, value = part_of(document, path), typed_number(entry.value)
        if not is_number(old):
            continue
        if value is None:
            problems.append((path, NOT_A_NUMBER))
        elif not entry.source.strip():
            problems.append((path, "Say where this number comes from."))
        elif entry.mark not in get_args(Mark):
            problems.append((path, "Say whether this is clinic policy or from a drug label."))
        else:
            changed[path] = changed_number(old, value, entry, otherwise, part_of(signed, path))
    if problems:
        raise ProtocolInvalid(problems)
    return with_numbers(document, changed)


def changed_number(
    old: Mapping[str, Any], value: float, typed: TypedNumber, otherwise: str, signed: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A number as typed over the `old` one. A new value under the old source came from `otherwise`, unless it is what
    the `signed` one says: then that comes back whole.
    """
    source = typed.source.strip()
    if value == old["value"]:
        kept = dict(old) | {"source": source, "mark": typed.mark}
        if source != old["source"]:
            kept.pop("strength", None)
        return kept
    if source == old["source"]:
        if is_number(signed) and signed is not None and signed["value"] == value:
            return dict(signed)
        return {"value": value, "unit": old["unit"], "mark": CLINIC, "source": otherwise}
    return {"value": value, "unit": old["unit"], "mark": typed.mark, "source": source}


def with_integration(
    document: Mapping[str, Any], typed: TypedIntegration, *, source: str, policy: str, pattern: Mapping[str, Any]
) -> Document:
    """The document with another integration policy, named `policy` if its window changed.

    `source` stands behind each changed number; `pattern` is the integration policy to begin from where the document
    has no such number yet. The preference curve moves with the hours it stands on. Raises ProtocolInvalid for what
    is no number, at its path.
    """
    copy: Document = deepcopy(dict(document))
    if typed.mode not in tuple(IntegrationMode):
        raise ProtocolInvalid([("integration.mode", "Choose how integration follows the doses.")])
    if typed.mode == IntegrationMode.NONE:
        copy["integration"] = {"mode": typed.mode}
        return copy
    old: Mapping[str, Any] = document["integration"]
    change = _Change(source, [])
    fresh: Document = {
        "mode": typed.mode,
        "minutes": change.number("integration.minutes", _known("minutes", old, pattern), typed.numbers["minutes"]),
        **_doses_followed(typed, change, old, pattern),
        "settings": sorted(typed.settings),
    }
    if typed.mode == IntegrationMode.WEEKLY:
        begin = (
            old.get("closes_days")
            or pattern.get("closes_days")
            or {"value": None, "unit": "d", "mark": CLINIC, "source": source}
        )
        fresh["closes_days"] = change.number("integration.closes_days", begin, typed.numbers["closes_days"])
    if typed.mode == IntegrationMode.WINDOWED:
        fresh["window"] = _window(old.get("window"), pattern["window"], typed, change, policy)
    if change.problems:
        raise ProtocolInvalid(change.problems)
    copy["integration"] = fresh
    return copy


def _doses_followed(
    typed: TypedIntegration, change: _Change, old: Mapping[str, Any], pattern: Mapping[str, Any]
) -> Document:
    """Which doses a session follows: those that are named, else every so many. Rolling sessions cannot name them."""
    named = typed.numbers.get("after_doses", "").strip()
    if not named or typed.mode == IntegrationMode.ROLLING:
        return {"every": change.number("integration.every", _known("every", old, pattern), typed.numbers["every"])}
    return {"after_doses": change.doses("integration.after_doses", old.get("after_doses"), named)}


def _known(name: str, old: Mapping[str, Any], pattern: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = old.get(name) or pattern[name]
    return found


@dataclass(frozen=True, slots=True)
class _Change:
    source: str
    problems: list[tuple[str, str]]

    def number(self, path: str, old: Mapping[str, Any], text: str) -> Document:
        """The number as typed: the old one when it is the same, else one of the clinic's own."""
        value = typed_number(text)
        if value is None:
            self.problems.append((path, NOT_A_NUMBER))
        if value is None or value == old["value"]:
            return dict(old)
        return {"value": value, "unit": old["unit"], "mark": CLINIC, "source": self.source}

    def doses(self, path: str, old: Mapping[str, Any] | None, text: str) -> Document:
        """The numbers of doses as typed, in order: the old ones when they are the same, else the clinic's own."""
        words = [word.strip() for word in text.split(",")]
        if not all(word.isascii() and word.isdigit() and len(word) <= LONGEST_DOSE for word in words):
            self.problems.append((path, "Enter the numbers of doses with commas, such as 1, 3, 5."))
            return {}
        value = sorted({int(word) for word in words})
        if old is not None and old["value"] == value:
            return dict(old)
        return {"value": value, "unit": "dose numbers", "mark": CLINIC, "source": self.source}


def _window(
    old: Mapping[str, Any] | None, pattern: Mapping[str, Any], typed: TypedIntegration, change: _Change, policy: str
) -> Document:
    before = old or pattern
    fresh: Document = deepcopy(dict(before))
    fresh |= {"anchor": typed.anchor, "containment": typed.containment}
    fresh |= {"source": typed.rests_on, "strength": typed.strength}
    for name in HOURS:
        fresh[name] = change.number(f"integration.window.{name}", before[name], typed.numbers[name])
    if not change.problems:
        fresh["knots"] = _moved_knots(before, fresh)
    if fresh != old:
        fresh["id"] = policy
    return fresh


def _moved_knots(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Document]:
    """The preference curve on the new hours: a knot on an edge goes with it, one between two keeps its place between.

    Where edges meet, the higher preference stays.
    """
    edges = [(before[name]["value"], after[name]) for name in EDGES]
    moved: dict[float, Document] = {}
    for knot in before["knots"]:
        for hours in _places(knot["hours"], edges):
            here = moved.get(hours["value"])
            if here is None or here["preference"]["value"] < knot["preference"]["value"]:
                moved[hours["value"]] = {"hours": hours, "preference": dict(knot["preference"])}
    return [moved[hours] for hours in sorted(moved)]


def _places(hours: Mapping[str, Any], edges: list[tuple[float, Mapping[str, Any]]]) -> list[Document]:
    """Where a knot goes: to each new edge that stood where it stood, or in proportion between two."""
    on_edges = [new["value"] for old, new in edges if old == hours["value"]]
    if on_edges:
        return [dict(hours) | {"value": value} for value in on_edges]
    for (low, new_low), (high, new_high) in pairwise(edges):
        if low < hours["value"] < high:
            share = (hours["value"] - low) / (high - low)
            minutes = round((new_low["value"] + share * (new_high["value"] - new_low["value"])) * 60)
            return [dict(hours) | {"value": minutes / 60}]
    return [dict(hours)]
