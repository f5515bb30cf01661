"""Changing which phases a protocol has: runs of doses, the sessions around them, and boosters.

A run of doses has no name of its own in a document that would tell it from another of its kind, so it is named by its
place. Nothing here checks the outcome; `planner.domain.protocol_parsing` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, get_args

from planner.domain.protocol_editing import CLINIC, NOT_A_NUMBER, typed_number
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_numbers import Document
from planner.domain.protocol_visits import NO_MARK, NO_SOURCE
from planner.domain.protocol_writing import UNITS
from planner.domain.protocols import Booking, DosePhaseKey, Mark

KINDS: tuple[DosePhaseKey, ...] = get_args(DosePhaseKey)
SPACING = ("min_days", "target_days", "warn_days", "max_days")
DOSES = ("doses", *SPACING, "per_week")
SPAN = ("target_days", "review_days")
SESSIONS = ("sessions", "recommended", "minutes", "min_days", "target_days", "max_days")
LEAD = "min_lead_h"
"""Hours from the end of preparation to the first check-in; may be left out."""
BOOSTERS = ("after_days", "min_days", "max_days", "proposed")
SECTIONS = ("preparation", "consolidation", "boosters")
"""Parts of a protocol that it may have or not, besides its runs of doses."""


@dataclass(frozen=True, slots=True)
class TypedDoses:
    """A run of doses as typed: `numbers` by the names in DOSES, `span` of the whole course by those in SPAN.

    `source` and `mark` stand beside every number that is new or changed.
    """

    kind: str
    name: str
    booking: str
    numbers: Mapping[str, str]
    span: Mapping[str, str]
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class TypedSection:
    """Preparation, the consolidation session or boosters as typed. `required` counts for sessions only."""

    numbers: Mapping[str, str]
    required: bool
    source: str
    mark: str


def with_doses(document: Mapping[str, Any], typed: TypedDoses, signed: Mapping[str, Any]) -> Document:
    """The document with one run of doses more, after those of its kind.

    Raises ProtocolInvalid at the fields of `TypedDoses`, and at `span_` and the name for those of the whole course.
    """
    change = _Change(typed.source, typed.mark)
    phase = _doses(change, {}, typed)
    copy: Document = deepcopy(dict(document))
    copy["span"] = _span(change, copy["span"], typed, signed)
    change.refuse()
    phases = copy["dose_phases"]
    at = max(
        (i + 1 for i, each in enumerate(phases) if KINDS.index(each["key"]) <= KINDS.index(phase["key"])), default=0
    )
    phases.insert(at, phase)
    return copy


def with_changed_doses(
    document: Mapping[str, Any], number: int, typed: TypedDoses, signed: Mapping[str, Any]
) -> Document:
    """The document with its run of doses number `number` (0 is the first) as typed; its kind stays. Raises as above."""
    copy: Document = deepcopy(dict(document))
    old = _phase(copy, number)
    change = _Change(typed.source, typed.mark)
    before = next((i for i, now in matched(signed["dose_phases"], copy["dose_phases"]) if now == number), None)
    kept = {} if before is None else signed["dose_phases"][before]
    copy["dose_phases"][number] = _doses(change, old, typed, kept)
    copy["span"] = _span(change, copy["span"], typed, signed)
    change.refuse()
    return copy


def without_doses(document: Mapping[str, Any], number: int) -> Document:
    """The document without one run of doses. Raises ProtocolInvalid when it has no such run."""
    copy: Document = deepcopy(dict(document))
    _phase(copy, number)
    del copy["dose_phases"][number]
    return copy


def with_doses_moved(document: Mapping[str, Any], number: int, steps: int) -> Document:
    """The document with a run of doses one place earlier (-1) or later (1), among those of its kind.

    Raises ProtocolInvalid when the neighbour is of another kind, or there is none.
    """
    copy: Document = deepcopy(dict(document))
    phases, to = copy["dose_phases"], number + steps
    phase = _phase(copy, number)
    if not 0 <= to < len(phases) or phases[to]["key"] != phase["key"]:
        sentence = f"“{phase['name']}” stays where it is: phases run induction, consolidation, maintenance."
        raise ProtocolInvalid([("", sentence)])
    phases[number], phases[to] = phases[to], phases[number]
    return copy


def with_doses_back(document: Mapping[str, Any], number: int, signed: Mapping[str, Any]) -> Document:
    """The document with run number `number` of the `signed` one in it again. Raises ProtocolInvalid if it is there."""
    if number not in removed(signed, document):
        raise ProtocolInvalid([("", "This phase is there already, or the signed version does not have it.")])
    copy: Document = deepcopy(dict(document))
    phase, phases = deepcopy(signed["dose_phases"][number]), copy["dose_phases"]
    earlier = [now for before, now in matched(signed["dose_phases"], phases) if before < number]
    at = max((now + 1 for now in earlier), default=0)
    phases.insert(at, phase)
    return copy


def with_section(document: Mapping[str, Any], name: str, typed: TypedSection, signed: Mapping[str, Any]) -> Document:
    """The document with preparation, consolidation session or boosters as typed. Raises ProtocolInvalid at fields."""
    copy: Document = deepcopy(dict(document))
    old, before = copy[name] or {}, signed[name] or {}
    change = _Change(typed.source, typed.mark)
    names: tuple[str, ...] = BOOSTERS if name == "boosters" else SESSIONS
    if name == "preparation" and typed.numbers.get(LEAD, "").strip():
        names = (*names, LEAD)
    numbers = {
        each: change.number(each, old.get(each), typed.numbers.get(each, ""), before.get(each)) for each in names
    }
    change.refuse()
    copy[name] = numbers if name == "boosters" else {"key": name, **numbers, "required": typed.required}
    return copy


def without_section(document: Mapping[str, Any], name: str) -> Document:
    """The document without its preparation, consolidation session or boosters."""
    return deepcopy(dict(document)) | {name: None}


def with_section_back(document: Mapping[str, Any], name: str, signed: Mapping[str, Any]) -> Document:
    """The document with that part as the `signed` one has it. Raises ProtocolInvalid when it has none, or is there."""
    if document[name] is not None or signed[name] is None:
        raise ProtocolInvalid([("", "This is there already, or the signed version does not have it.")])
    return deepcopy(dict(document)) | {name: deepcopy(signed[name])}


def matched(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    """Which runs of doses of two documents are the same one, by their places: of one kind and name, else in order."""
    pairs = list(_by(old, new, range(len(old)), range(len(new)), lambda phase: (phase["key"], phase["name"])))
    left_old = [index for index in range(len(old)) if index not in {pair[0] for pair in pairs}]
    left_new = [index for index in range(len(new)) if index not in {pair[1] for pair in pairs}]
    pairs += _by(old, new, left_old, left_new, lambda phase: phase["key"])
    return tuple(sorted(pairs))


def removed(signed: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[int, ...]:
    """The runs of doses that the `signed` document has and this one has not, by their places there."""
    here = {before for before, _ in matched(signed["dose_phases"], document["dose_phases"])}
    return tuple(index for index in range(len(signed["dose_phases"])) if index not in here)


def _by(
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    of_old: Sequence[int],
    of_new: Sequence[int],
    same: Any,
) -> Iterator[tuple[int, int]]:
    free = list(of_new)
    for before in of_old:
        now = next((index for index in free if same(new[index]) == same(old[before])), None)
        if now is not None:
            free.remove(now)
            yield before, now


def _phase(document: Mapping[str, Any], number: int) -> Document:
    phases: list[Document] = document["dose_phases"]
    if not 0 <= number < len(phases):
        raise ProtocolInvalid([("", "This phase is not in the protocol any more.")])
    return phases[number]


def _doses(
    change: _Change, old: Mapping[str, Any], typed: TypedDoses, kept: Mapping[str, Any] | None = None
) -> Document:
    kind = old.get("key", typed.kind)
    if not typed.name.strip():
        change.problems.append(("name", "Say what this phase is called."))
    if kind not in KINDS:
        change.problems.append(("kind", "Choose what kind of phase this is."))
    if typed.booking not in get_args(Booking):
        change.problems.append(("booking", "Choose whether its doses are booked firmly or only proposed."))
    before = {name: _at(old, name) for name in DOSES}
    signed = {name: _at(kept or {}, name) for name in DOSES}
    numbers = {name: change.number(name, before[name], typed.numbers.get(name, ""), signed[name]) for name in DOSES}
    return {
        "key": kind,
        "name": typed.name.strip(),
        "doses": numbers["doses"],
        "spacing": {name: numbers[name] for name in SPACING},
        "per_week": numbers["per_week"],
        "booking": typed.booking,
    }


def _at(phase: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    holder: Mapping[str, Any] = phase.get("spacing", {}) if name in SPACING else phase
    return holder.get(name)


def _span(change: _Change, old: Mapping[str, Any], typed: TypedDoses, signed: Mapping[str, Any]) -> Document:
    return {
        name: change.number(f"span_{name}", old[name], typed.span.get(name, ""), signed["span"][name], name)
        for name in SPAN
    }


class _Change:
    """Numbers as typed, all new and changed ones with one source and mark, and what is wrong with them."""

    def __init__(self, source: str, mark: str) -> None:
        self.problems: list[tuple[str, str]] = []
        self._source, self._mark = source.strip(), mark
        if not self._source:
            self.problems.append(("source", NO_SOURCE))
        if mark not in get_args(Mark):
            self.problems.append(("mark", NO_MARK))

    def number(
        self,
        field: str,
        old: Mapping[str, Any] | None,
        text: str,
        signed: Mapping[str, Any] | None,
        name: str = "",
    ) -> Document:
        """The number typed into `field`: the old or the signed one, source and all, where it is the same."""
        value = typed_number(text)
        if value is None:
            self.problems.append((field, NOT_A_NUMBER))
        for known in (old, signed):
            if known is not None and known["value"] == value:
                return dict(known)
        return {"value": value, "unit": UNITS[name or field], "mark": self._mark or CLINIC, "source": self._source}

    def refuse(self) -> None:
        """Raise ProtocolInvalid when anything is wrong."""
        if self.problems:
            raise ProtocolInvalid(self.problems)
