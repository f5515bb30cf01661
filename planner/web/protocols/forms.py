"""The forms of the protocol pages."""

from __future__ import annotations

from wtforms import RadioField
from wtforms.fields.choices import SelectChoice

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


class CopyForm(PlannerForm):
    """What the copy is called."""

    name = Line("Name", longest=120)
    slug = Line("Short name", longest=60)
