"""Conflicts: one rule, one name, one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Rule(StrEnum):
    """The rules that may refuse a time. Each can be named to a person and, in tests, taken away."""

    PAST = "PAST"
    CLOSED = "CLOSED"
    GRID = "GRID"
    CHAIR_BUSY = "CHAIR_BUSY"
    NURSE_BUSY = "NURSE_BUSY"
    NURSE_AWAY = "NURSE_AWAY"
    PRESCRIBER_AWAY = "PRESCRIBER_AWAY"
    THERAPIST_BUSY = "THERAPIST_BUSY"
    THERAPIST_AWAY = "THERAPIST_AWAY"
    DAY_FULL = "DAY_FULL"
    ROOM_BUSY = "ROOM_BUSY"
    PATIENT_BUSY = "PATIENT_BUSY"
    PATIENT_AWAY = "PATIENT_AWAY"
    SPACING = "SPACING"
    SPAN = "SPAN"
    PREP_MISSING = "PREP_MISSING"
    NO_WINDOW_SLOT = "NO_WINDOW_SLOT"
    CONSOLIDATION_MISSING = "CONSOLIDATION_MISSING"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    NEXT_DOSE = "NEXT_DOSE"
    REST_OF_COURSE = "REST_OF_COURSE"
    OVERLAP = "OVERLAP"
    PINNED = "PINNED"
    STATUS = "STATUS"


#: Rules that a person with the permission may override, with a reason (security.md matrix; clinical.md 1.4 LATE).
OVERRIDABLE = frozenset(
    {
        Rule.OVERLAP,
        Rule.CLOSED,
        Rule.OUTSIDE_WINDOW,
        Rule.NO_WINDOW_SLOT,
        Rule.SPACING,
        Rule.SPAN,
        Rule.PRESCRIBER_AWAY,
        Rule.NURSE_AWAY,
        Rule.THERAPIST_BUSY,
        Rule.THERAPIST_AWAY,
        Rule.DAY_FULL,
        Rule.PATIENT_AWAY,
        Rule.PREP_MISSING,
    }
)


#: Rules about who works when: set aside, they make an appointment off hours.
OFF_HOURS = frozenset({Rule.CLOSED, Rule.PRESCRIBER_AWAY, Rule.NURSE_AWAY, Rule.THERAPIST_AWAY, Rule.PATIENT_AWAY})

#: Rules that a person may ask to set aside for one appointment that they move, beside OUTSIDE_WINDOW, which never
#: refuses a move and is asked about in its preview.
ASKED_ASIDE = OFF_HOURS | {Rule.OVERLAP, Rule.DAY_FULL, Rule.SPACING, Rule.NO_WINDOW_SLOT}


@dataclass(frozen=True, slots=True)
class Conflict:
    """A rule that refuses, with a sentence that names what is in the way and, where there is one, a way out."""

    rule: Rule
    sentence: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    holdable_id: int | None = None
    appointment_id: int | None = None
