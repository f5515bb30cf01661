"""What a visit holds and for how long, before and after a change; and phases in one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.domain.protocol_comparing import compare
from planner.domain.protocol_numbers import NO_VALUE, number_words
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import Holding, IntegrationMode

HELD = {
    Holding.CHAIR: "Chair held",
    Holding.ROOM: "Recovery room held",
    Holding.NURSE: "Nurse held",
    Holding.THERAPIST: "Therapist held",
    Holding.PRESCRIBER: "Prescriber held",
}
ON_SITE = {
    Holding.PRESCRIBER: "Prescriber on site",
    Holding.NURSE: "Nurse on site",
    Holding.THERAPIST: "Therapist on site",
}
LEAVES, WHOLE = "Patient may leave, after check-in", "Whole visit"


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One thing a visit holds or needs there, and for how long: before and after."""

    what: str
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether it is held longer or shorter than before."""
        return self.before != self.after


def held_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[HeldLine]:
    """What the visits of two documents hold, and when the dose ends and the patient may leave."""
    old, new = parse_protocol(before).visit, parse_protocol(after).visit
    lines = [HeldLine(what, *(_held(visit.spans(kind)) for visit in (old, new))) for kind, what in HELD.items()]
    lines += [HeldLine(what, *(_held(v.on_site_spans(kind)) for v in (old, new))) for kind, what in ON_SITE.items()]
    kept = [line for line in lines if (line.before, line.after) != (NO_VALUE, NO_VALUE)]
    return [
        *kept,
        HeldLine("Dose ends, after check-in", f"{old.dose_ends_min} min", f"{new.dose_ends_min} min"),
        HeldLine(LEAVES, f"{old.discharge_min} min", f"{new.discharge_min} min"),
        HeldLine(WHOLE, f"{old.total_min} min", f"{new.total_min} min"),
    ]


def held_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """“Chair held 145 min, was 130.”, for everything that is held longer or shorter, and for the end of the dose."""
    changed = [line for line in held_lines(before, after) if line.changes and line.what not in (LEAVES, WHOLE)]
    if not changed:
        return "Nothing is held longer or shorter than before."
    return " ".join(
        f"{line.what} {_or_not(line.after)}, was {_or_not(line.before.removesuffix(' min'))}." for line in changed
    )


def _held(spans: tuple[tuple[int, int], ...]) -> str:
    return f"{sum(ends - starts for starts, ends in spans)} min" if spans else NO_VALUE


def _or_not(words: str) -> str:
    return "not at all" if words == NO_VALUE else words


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Two documents for a page: what differs, and for how much longer or shorter a visit holds what it needs."""
    held = held_words(before, after) if before["visit"] != after["visit"] else ""
    return {"compared": compare(before, after), "held": held}


def doses_words(phase: Mapping[str, Any]) -> str:
    """“6 doses, 2 a week, 2 to 7 days apart (aimed at 3, warned from 6)”."""
    gaps = {name: f"{phase['spacing'][name]['value']:g}" for name in phase["spacing"]}
    doses = number_words(phase["doses"]["value"], "doses")
    apart = f"{gaps['min_days']} to {gaps['max_days']} days apart"
    return (
        f"{doses}, {phase['per_week']['value']:g} a week, {apart} "
        f"(aimed at {gaps['target_days']}, warned from {gaps['warn_days']})"
    )


def section_words(name: str, section: Mapping[str, Any]) -> str:
    """What preparation, consolidation sessions or boosters ask for, in one line."""
    said = {key: f"{part['value']:g}" for key, part in section.items() if isinstance(part, Mapping)}
    if name == "boosters":
        days = f"{said['min_days']} to {said['max_days']} days after the last dose (usually {said['after_days']})"
        return f"{number_words(section['proposed']['value'], 'boosters')} proposed, {days}"
    where = "before the first dose" if name == "preparation" else "after the last dose"
    needed = number_words(section["sessions"]["value"], "sessions")
    lead = f", over at least {said['min_lead_h']} h before check-in" if "min_lead_h" in said else ""
    waits = "what follows waits for it" if section["required"] else "nothing waits for it"
    return (
        f"{needed} needed, {said['recommended']} recommended, {said['minutes']} min each, {said['min_days']} to "
        f"{said['max_days']} days {where} (aimed at {said['target_days']}){lead}; {waits}"
    )


def follows_words(document: Mapping[str, Any]) -> str:
    """Which doses an integration session follows."""
    plan = document["integration"]
    if plan["mode"] == IntegrationMode.NONE:
        return "No integration session follows a dose."
    if "after_doses" in plan:
        doses = plan["after_doses"]["value"]
        return f"An integration session follows {'dose' if len(doses) == 1 else 'doses'} {list_words(doses)}."
    every = plan["every"]["value"]
    return f"An integration session follows {'each dose' if every == 1 else f'every {every:g} doses'}."


def list_words(numbers: Sequence[int]) -> str:
    """“1, 3 and 5”."""
    *others, last = [str(number) for number in numbers]
    return f"{', '.join(others)} and {last}" if others else last
