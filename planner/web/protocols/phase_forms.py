"""The forms of phases: a run of doses, sessions around the doses, and boosters. Numbers stay as typed."""

from __future__ import annotations

from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice

from planner.web.fields import Line, PlannerForm
from planner.web.protocols.forms import LONGEST_SOURCE, MARK_WORDS

KIND_WORDS = {
    "induction": "Induction",
    "consolidation": "Consolidation or taper",
    "maintenance": "Maintenance",
}
BOOKING_WORDS = {"firm": "Firm: booked with the course", "proposed": "Proposed: not booked with the course"}
SECTION_WORDS = {
    "preparation": "Preparation sessions",
    "consolidation": "Consolidation sessions after the last dose",
    "boosters": "Boosters",
}


def _choices(words: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]


class SourcedForm(PlannerForm):
    """Where new and changed numbers come from, and whose they are."""

    source = Line("Where these numbers come from", longest=LONGEST_SOURCE)
    mark = RadioField("Whose numbers they are", choices=_choices(MARK_WORDS), default="clinic policy")


class DosesForm(SourcedForm):
    """A run of doses, with the days of the whole course that it has to fit."""

    kind = RadioField("What kind of phase", choices=_choices(KIND_WORDS), default="consolidation")
    name = Line("What it is called")
    booking = RadioField("Its doses are", choices=_choices(BOOKING_WORDS), default="proposed")
    doses = Line("Number of doses", longest=20)
    per_week = Line("Doses a week", longest=20)
    min_days = Line("Days between doses, at least", longest=20)
    target_days = Line("Aimed at", longest=20)
    warn_days = Line("Warned from", longest=20)
    max_days = Line("At most", longest=20)
    span_target_days = Line("Whole course: aimed at", longest=20)
    span_review_days = Line("Reviewed by a prescriber above", longest=20)


class SessionsForm(SourcedForm):
    """Sessions before the first dose or after the last."""

    sessions = Line("Sessions needed", longest=20)
    recommended = Line("Sessions recommended", longest=20)
    minutes = Line("Length of a session", longest=20)
    min_days = Line("At least", longest=20)
    target_days = Line("Aimed at", longest=20)
    max_days = Line("At most", longest=20)
    min_lead_h = Line("Ends at least, before the first check-in", longest=20)
    required = BooleanField("What follows waits for it")


class BoostersForm(SourcedForm):
    """Boosters after the last dose."""

    after_days = Line("Usually after", longest=20)
    min_days = Line("Not before", longest=20)
    max_days = Line("Not after", longest=20)
    proposed = Line("Boosters proposed", longest=20)
