"""Whatever protocol can be parsed comes back from its document unchanged, through JSON and all."""

from __future__ import annotations

import json
from itertools import cycle
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_parsing import parse_protocol, to_document
from planner.domain.protocols import Holding

Document = dict[str, Any]

line = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=12).filter(str.strip)
HOLDINGS = [holding.value for holding in Holding]
PEOPLE = ["nurse", "prescriber", "therapist"]


@st.composite
def origins(draw: st.DrawFn) -> Document:
    origin = {"mark": draw(st.sampled_from(["clinic policy", "label"])), "source": draw(line)}
    return origin | ({"strength": draw(line)} if draw(st.booleans()) else {})


class Numbers:
    """Writes numbers with drawn provenance, in turn: a few origins per document keep the drawing quick."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._origins = cycle(draw(st.lists(origins(), min_size=1, max_size=3)))

    def __call__(self, value: float, unit: str) -> Document:
        return {"value": value, "unit": unit, **next(self._origins)}

    def ascending(self, lowest: int, highest: int, *names: str) -> Document:
        values = sorted(self._draw(st.lists(st.integers(lowest, highest), min_size=4, max_size=4)))
        return {name: self(value, "d") for name, value in zip(names, values[: len(names)], strict=True)}


def a_visit(draw: st.DrawFn, number: Numbers) -> Document:
    lengths = draw(st.lists(st.integers(1, 90), min_size=1, max_size=5))
    blocks = []
    for index, length in enumerate(lengths):
        holds = draw(st.sets(st.sampled_from(HOLDINGS)))
        on_site = draw(st.sets(st.sampled_from(PEOPLE))) - holds
        blocks.append(
            {
                "key": f"block-{index}",
                "name": draw(line),
                "starts_min": number(sum(lengths[:index]), "min"),
                "length_min": number(length, "min"),
                "holds": sorted(holds),
                "on_site": sorted(on_site),
            }
        )
    starts, ends, leaves = sorted(draw(st.tuples(*[st.integers(1, sum(lengths))] * 3)))
    return {
        "blocks": blocks,
        "dose_starts_min": number(starts, "min"),
        "dose_ends_min": number(ends, "min"),
        "discharge_min": number(leaves, "min"),
    }


def a_session_phase(draw: st.DrawFn, number: Numbers, key: str) -> Document | None:
    if draw(st.booleans()):
        return None
    needed = draw(st.integers(1, 5))
    return {
        "key": key,
        "sessions": number(needed, "sessions"),
        "recommended": number(needed + draw(st.integers(0, 3)), "sessions"),
        "minutes": number(draw(st.integers(1, 240)), "min"),
        **number.ascending(0, 60, "min_days", "target_days", "max_days"),
        "required": draw(st.booleans()),
    }


def a_dose_phase(draw: st.DrawFn, number: Numbers, key: str, booking: str) -> Document:
    closest = 40 if key == "maintenance" else 7
    return {
        "key": key,
        "name": draw(line),
        "doses": number(draw(st.integers(1, 3 if key == "maintenance" else 6)), "doses"),
        "spacing": number.ascending(closest, closest + 33, "min_days", "target_days", "warn_days", "max_days"),
        "per_week": number(1, "per week"),
        "booking": booking,
    }


def a_window(draw: st.DrawFn, number: Numbers) -> Document:
    # Quarters of an hour are exact in binary, and up to two days always leave room before a dose a week later.
    quarters = sorted(draw(st.lists(st.integers(1, 192), min_size=5, max_size=5)))
    names = ("opens_h", "peak_start_h", "peak_end_h", "closes_h")
    edges = draw(st.lists(st.integers(quarters[0], 400), min_size=2, max_size=6, unique=True))
    knots = [
        {
            "hours": number(quarter / 4, "h"),
            "preference": number(draw(st.integers(0, 1000)) / 1000, "preference"),
        }
        for quarter in sorted(edges)
    ]
    return {
        "id": draw(st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True)),
        "containment": draw(st.sampled_from(["start_only", "full"])),
        "anchor": draw(st.sampled_from(["dose_end", "check_out"])),
        "source": draw(line),
        "strength": draw(line),
        **{name: number(quarter / 4, "h") for name, quarter in zip(names, quarters, strict=False)},
        "tail_end_h": number(100, "h"),
        "ideal_offset_h": number(draw(st.integers(0, 336 * 4)) / 4, "h"),
        "min_gap_before_next_dose_h": number(draw(st.integers(0, 48)) / 4, "h"),
        "knots": knots,
    }


def an_integration(draw: st.DrawFn, number: Numbers) -> Document:
    mode = draw(st.sampled_from(["windowed", "weekly", "rolling", "none"]))
    if mode == "none":
        return {"mode": mode}
    plan = {
        "mode": mode,
        "minutes": number(draw(st.integers(1, 240)), "min"),
        "every": number(1, "doses per session"),
        "settings": sorted(draw(st.sets(st.sampled_from(["in_person", "telehealth"]), min_size=1))),
    }
    if mode == "weekly":
        plan["closes_days"] = number(draw(st.integers(1, 31)), "d")
    if mode == "windowed":
        plan["window"] = a_window(draw, number)
    return plan


@st.composite
def documents(draw: st.DrawFn) -> Document:
    number = Numbers(draw)
    later = [key for key in ("consolidation", "maintenance") if draw(st.booleans())]
    firm = draw(st.integers(0, len(later)))
    phases = [a_dose_phase(draw, number, "induction", "firm")]
    for index, key in enumerate(later):
        phases.append(a_dose_phase(draw, number, key, "firm" if index < firm else "proposed"))
    slowest = sum(phase["spacing"]["min_days"]["value"] * phase["doses"]["value"] for phase in phases)
    boosters = number.ascending(40, 700, "min_days", "after_days", "max_days")
    return {
        "slug": draw(st.from_regex(r"[a-z0-9]{1,8}([-_][a-z0-9]{1,8}){0,3}", fullmatch=True)),
        "name": draw(line),
        "modality": draw(st.from_regex(r"[a-z]{1,8}(_[a-z]{1,8})?", fullmatch=True)),
        "summary": draw(line) + "\n" + draw(line),
        "enabled_by_default": draw(st.booleans()),
        "evidence_note": draw(line),
        "visit": a_visit(draw, number),
        "preparation": a_session_phase(draw, number, "preparation"),
        "dose_phases": phases,
        "consolidation": a_session_phase(draw, number, "consolidation"),
        "integration": an_integration(draw, number),
        "span": {"target_days": number(slowest, "d"), "review_days": number(slowest + 7, "d")},
        "boosters": draw(st.sampled_from([None, {**boosters, "proposed": number(1, "boosters")}])),
    }


@settings(max_examples=60)
@given(document=documents())
def test_a_protocol_survives_writing_and_reading(document: Document) -> None:
    protocol = parse_protocol(document)
    written = to_document(protocol)
    assert written == document
    assert parse_protocol(json.loads(json.dumps(written))) == protocol
    assert parse_protocol(json.loads(json.dumps(written, ensure_ascii=False))) == protocol


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def leaves(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document, groups included."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    return [path, *(found for key, inner in items for found in leaves(inner, (*path, key)))]


@settings(max_examples=60)
@given(data=st.data(), document=documents(), junk=anything)
def test_junk_anywhere_is_a_clear_refusal_or_a_protocol_never_a_crash(
    data: st.DataObject, document: Document, junk: Any
) -> None:
    *parents, last = data.draw(st.sampled_from(leaves(document)[1:]))
    place: Any = document
    for step in parents:
        place = place[step]
    place[last] = junk
    try:
        protocol = parse_protocol(document)
    except ProtocolInvalid as refusal:
        assert refusal.problems
        assert all(sentence for _, sentence in refusal.problems)
    else:
        assert parse_protocol(to_document(protocol)) == protocol
