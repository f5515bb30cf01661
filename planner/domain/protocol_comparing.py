"""Two documents of one protocol compared as people think of them: parts and phases that came, went or changed places.

What both have is compared number by number, each part with itself wherever it stands now. Starts that only follow from
the parts before them are told apart from numbers that somebody chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.domain.protocol_numbers import Difference, Document, differences, group_words, numbers_of
from planner.domain.protocol_phases import SECTIONS, matched
from planner.domain.protocol_visits import CARRIES, FOLLOWS, LEAVES, parts_of

ADDED, REMOVED, RENAMED, ORDER, DOSE = "Added", "Removed", "Renamed", "Other order", "Dose given elsewhere"

_FOLLOWING = (FOLLOWS, CARRIES, LEAVES)


@dataclass(frozen=True, slots=True)
class PartChange:
    """One part, phase or section that came, went or is called something else; or their order, or where the dose lies.

    `details` are the numbers of what came or went in words, those with one source together; `before` and `after` are
    told of the others.
    """

    how: str
    what: str
    before: str
    after: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two documents have differently. `following` are times that only follow from the rest."""

    parts: tuple[PartChange, ...]
    lines: tuple[Difference, ...]
    following: tuple[Difference, ...]

    def __bool__(self) -> bool:
        return bool(self.parts or self.lines or self.following)


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """How `new` differs from `old`; both parse."""
    changes = [*_of_blocks(old, new), *_of_phases(old, new), *_of_sections(old, new)]
    before, after = _alike(old, new)
    lines = [line for line in differences(before, after) if not _is_name(line.path)]
    following = tuple(line for line in lines if _only_follows(line))
    return Comparison(tuple(changes), tuple(line for line in lines if line not in following), following)


def _of_blocks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[PartChange]:
    before = {block["key"]: (i, block) for i, block in enumerate(old["visit"]["blocks"])}
    after = {block["key"]: (i, block) for i, block in enumerate(new["visit"]["blocks"])}
    for key, (index, block) in after.items():
        if key not in before:
            yield _came_or_went(ADDED, new, f"visit.blocks.{index}", _needs(block))
        elif block["name"] != before[key][1]["name"]:
            yield PartChange(RENAMED, "Part of the visit", before[key][1]["name"], block["name"])
    for key, (index, block) in before.items():
        if key not in after:
            yield _came_or_went(REMOVED, old, f"visit.blocks.{index}", _needs(block))
    orders = [
        [part.key for part in parts_of(each).parts if part.key in before and part.key in after] for each in (old, new)
    ]
    if orders[0] != orders[1]:
        was, now = (_listed(after[key][1]["name"] for key in order) for order in orders)
        yield PartChange(ORDER, "Parts of the visit", was, now)
    carried = [_carriers(each) for each in (old, new)]
    if carried[0].keys() != carried[1].keys():
        was, now = (_listed(each.values()) for each in carried)
        yield PartChange(DOSE, "The dose is given in", was, now)


def _of_phases(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[PartChange]:
    before, after = old["dose_phases"], new["dose_phases"]
    pairs = matched(before, after)
    for index in sorted(set(range(len(after))) - {now for _, now in pairs}):
        yield _came_or_went(ADDED, new, f"dose_phases.{index}", _kind(after[index]))
    for index in sorted(set(range(len(before))) - {was for was, _ in pairs}):
        yield _came_or_went(REMOVED, old, f"dose_phases.{index}", _kind(before[index]))
    for was, now in pairs:
        if before[was]["name"] != after[now]["name"]:
            yield PartChange(RENAMED, "Phase", before[was]["name"], after[now]["name"])
    if [now for _, now in pairs] != sorted(now for _, now in pairs):
        names = [after[now]["name"] for _, now in pairs]
        in_order = [after[now]["name"] for now in sorted(now for _, now in pairs)]
        yield PartChange(ORDER, "Phases", _listed(names), _listed(in_order))


def _of_sections(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[PartChange]:
    for name in SECTIONS:
        if old[name] is None and new[name] is not None:
            yield _came_or_went(ADDED, new, name)
        elif old[name] is not None and new[name] is None:
            yield _came_or_went(REMOVED, old, name)


def _came_or_went(how: str, document: Mapping[str, Any], path: str, note: str = "") -> PartChange:
    """A whole part, with its numbers and where they come from; those with one source are told in one line."""
    by_source: dict[str, list[str]] = {}
    for number in numbers_of(document):
        if number.path.startswith(f"{path}.") and number.source not in _FOLLOWING:
            by_source.setdefault(f"{number.source} ({number.mark})", []).append(f"{number.what} {number.words}")
    what = group_words(document, f"{path}.x")
    details = tuple(f"{', '.join(said)}: {source}" for source, said in by_source.items())
    details = (note, *details) if note else details
    return PartChange(how, what, "", "", details)


def _needs(block: Mapping[str, Any]) -> str:
    said = [*block["holds"], *(f"{who} on site" for who in block["on_site"])]
    return f"needs {', '.join(said)}" if said else "needs nothing"


def _kind(phase: Mapping[str, Any]) -> str:
    return f"{phase['key']}, {phase['booking']}"


def _carriers(document: Mapping[str, Any]) -> dict[str, str]:
    known = parts_of(document)
    return {
        part.key: part.block["name"] for part in known.parts if part.key in (known.dose.starts_in, known.dose.ends_in)
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _alike(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Document, Document]:
    """Both documents with only what both have, in the places it has in the new one."""
    before, after = dict(old), dict(new)
    blocks = {block["key"]: block for block in old["visit"]["blocks"]}
    both = [block for block in new["visit"]["blocks"] if block["key"] in blocks]
    after["visit"] = dict(new["visit"]) | {"blocks": both}
    before["visit"] = dict(old["visit"]) | {"blocks": [blocks[block["key"]] for block in both]}
    pairs = sorted(matched(old["dose_phases"], new["dose_phases"]), key=lambda pair: pair[1])
    before["dose_phases"] = _picked(old["dose_phases"], [was for was, _ in pairs])
    after["dose_phases"] = _picked(new["dose_phases"], [now for _, now in pairs])
    for name in SECTIONS:
        if old[name] is None or new[name] is None:
            before[name] = after[name] = None
    return before, after


def _picked(phases: Sequence[Any], places: Sequence[int]) -> list[Any]:
    return [phases[place] for place in places]


def _is_name(path: str) -> bool:
    return path.endswith(".name") and path.startswith(("visit.blocks.", "dose_phases."))


def _only_follows(line: Difference) -> bool:
    return line.path.startswith("visit.") and line.source_after.startswith(_FOLLOWING)
