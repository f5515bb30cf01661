"""The forms of the protocol pages."""

from __future__ import annotations

from wtforms import RadioField, SelectField
from wtforms.fields.choices import SelectChoice

from planner.domain.protocol_visits import AFTER, WITH
from planner.web.fields import Line, PlannerForm, Text, Ticks
from planner.web.protocols.words import MODES

HOURS_WORDS = {
    "opens_h": "Opens",
    "peak_start_h": "Preferred from",
    "peak_end_h": "Preferred to",
    "closes_h": "Closes",
    "tail_end_h": "Late until",
    "min_gap_before_next_dose_h": "End at least, before the next dose's check-in",
}
LONGEST_SOURCE = 300


def _choices(words: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]


class WindowForm(PlannerForm):
    """The integration policy. Numbers stay as typed, so that each fault is told beside what was typed."""

    mode = RadioField("How integration follows the doses", choices=_choices(MODES))
    minutes = Line("Length of a session", longest=20)
    every = Line("One session for every", longest=20)
    after_doses = Line("Or only after these doses", longest=120)
    settings = Ticks("Sessions may be", choices=_choices({"in_person": "In person", "telehealth": "By video"}))
    closes_days = Line("Weekly: within", longest=20)
    anchor = RadioField(
        "Counts from", choices=_choices({"dose_end": "The end of the dose", "check_out": "The end of check-out"})
    )
    opens_h = Line(HOURS_WORDS["opens_h"], longest=20)
    peak_start_h = Line(HOURS_WORDS["peak_start_h"], longest=20)
    peak_end_h = Line(HOURS_WORDS["peak_end_h"], longest=20)
    closes_h = Line(HOURS_WORDS["closes_h"], longest=20)
    tail_end_h = Line(HOURS_WORDS["tail_end_h"], longest=20)
    min_gap_before_next_dose_h = Line(HOURS_WORDS["min_gap_before_next_dose_h"], longest=20)
    containment = RadioField(
        "Must fit", choices=_choices({"start_only": "The start of the session", "full": "The whole session"})
    )
    source = Line("Where changed numbers come from", longest=LONGEST_SOURCE)
    rests_on = Text("What the window as a whole rests on")
    strength = Line("How strong that is", longest=LONGEST_SOURCE)


class SignForm(PlannerForm):
    """Why a version is signed."""

    note = Text("Why", longest=LONGEST_SOURCE)


HOLDS_WORDS = {
    "chair": "Chair",
    "room": "Recovery room",
    "nurse": "Nurse",
    "therapist": "Therapist",
    "prescriber": "Prescriber",
}
ON_SITE_WORDS = {"prescriber": "Prescriber on site", "nurse": "Nurse on site", "therapist": "Therapist on site"}
MARK_WORDS = {"clinic policy": "Clinic policy", "label": "Drug label"}
BEGINS_WORDS = {AFTER: "When everything before it has ended", WITH: "While the part before it runs"}


class PartForm(PlannerForm):
    """One part of the visit. The minutes stay as typed, so that a fault is told beside what was typed."""

    name = Line("What it is called")
    length = Line("Length", longest=20)
    place = SelectField("Where it comes", choices=[])
    begins = RadioField("It begins", choices=_choices(BEGINS_WORDS), default=AFTER)
    minutes_in = Line("So long after that one has begun", longest=20, default="0")
    holds = Ticks("Held for this visit alone", choices=_choices(HOLDS_WORDS))
    on_site = Ticks("On site, for several visits at once", choices=_choices(ON_SITE_WORDS))
    source = Line("Where the length comes from", longest=LONGEST_SOURCE)
    mark = RadioField("Whose number it is", choices=_choices(MARK_WORDS), default="clinic policy")


class TextsForm(PlannerForm):
    """What a protocol is called, and what it says of itself."""

    name = Line("Name", longest=120)
    summary = Text("Summary")
    evidence_note = Text("Evidence")


class CopyForm(PlannerForm):
    """What the copy is called."""

    name = Line("Name", longest=120)
    slug = Line("Short name", longest=60)
