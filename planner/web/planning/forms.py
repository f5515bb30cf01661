"""The forms of the planning steps."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, DateField, RadioField, SelectField, TimeField
from wtforms.validators import InputRequired

from planner.web.courses.forms import fault_of_year
from planner.web.fields import Line, PlannerForm, Ticks, id_of

LONGEST_ESCORT = 120


class Day(DateField):
    """A day as browsers send it, or as people write it: 2026-11-24, 24.11.2026, 24/11/2026."""

    data: Any

    def __init__(self, label: str, validators: Any = None, **options: Any) -> None:
        super().__init__(label, validators, format=["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"], **options)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if not valuelist or not str(valuelist[0]).strip():
            return
        try:
            super().process_formdata([str(valuelist[0]).strip()])
        except ValueError as error:
            raise ValueError("Enter a day with its month and year, for example 24/11/2026.") from error
        if self.data is not None and (fault := fault_of_year(self.data.year)):
            self.data = None
            raise ValueError(fault)


class Hour(TimeField):
    """A wall time; empty is none."""

    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if not valuelist or not str(valuelist[0]).strip():
            return
        try:
            super().process_formdata([str(valuelist[0]).strip()])
        except ValueError as error:
            raise ValueError("Enter a time on the 24-hour clock, for example 09:30.") from error


class SubjectForm(PlannerForm):
    """Step 1: who, and by which protocol."""

    patient_id = SelectField("Patient", coerce=id_of, validate_choice=False)
    protocol_version_id = RadioField("Protocol", coerce=id_of, validate_choice=False)


class DaysForm(PlannerForm):
    """Step 2: when the patient can come."""

    earliest_day = Day("Earliest day for the first infusion", [InputRequired("Enter the earliest day.")])
    latest_first_day = Day("Latest day for the first infusion")
    weekdays = Ticks("Days of the week that suit", coerce=id_of)
    preferred_from = Hour("Preferred check-in from")
    preferred_to = Hour("Preferred check-in until")


class TeamForm(PlannerForm):
    """Step 3: with whom."""

    therapist_id = SelectField("Primary therapist", coerce=id_of)
    therapist_ids = Ticks("Who may hold sessions", coerce=id_of)
    modes = Ticks("How sessions may take place")
    escort = Line("Who takes the patient home", longest=LONGEST_ESCORT)


class AgreeForm(PlannerForm):
    """Step 5: the remarks have been read."""

    agree = BooleanField("I have read these remarks, and the plan stands as it is.")


class WhenForm(PlannerForm):
    """A day and a time to ask “Why not?” about."""

    day = Day("Day")
    time = Hour("Time")
