"""Forms about patients."""

from __future__ import annotations

from datetime import time
from typing import Any

from wtforms import BooleanField, SelectField
from wtforms.validators import InputRequired, Optional

from planner.domain.statuses import Mode
from planner.web.courses.forms import Day, WallTime
from planner.web.fields import Line, PlannerForm, Ticks
from planner.web.places.forms import spans_boxes

LONGEST_CODE = 12
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MODES = {Mode.IN_PERSON.value: "In person", Mode.TELEHEALTH.value: "By video"}


class PatientForm(PlannerForm):
    """Who the patient is, who treats them, and when they can come. Wall times are the site's."""

    code = Line("Code", [InputRequired("Enter a code, such as P-120.")], longest=LONGEST_CODE)
    name = Line("Name", [InputRequired("Enter the patient's name.")])
    site = SelectField("Site", choices=[], validators=[InputRequired("Choose a site.")])
    therapist = SelectField("Therapist", choices=[], validators=[Optional()])
    escort = Line("Who takes them home")
    modes = Ticks("Ways of meeting", choices=MODES, default=list(MODES))
    preferred_from = WallTime("Likes to come from", [Optional()])
    preferred_to = WallTime("until", [Optional()])


def add_weekdays() -> type[PatientForm]:
    """The form with two boxes for each weekday."""
    boxes: dict[str, Any] = {}
    for number, day in enumerate(WEEKDAYS):
        boxes[f"from_{number}"] = WallTime(f"{day} from", [Optional()])
        boxes[f"to_{number}"] = WallTime(f"{day} until", [Optional()])
    return type("PatientForm", (PatientForm,), boxes)


NewPatientForm = add_weekdays()


def edit_form() -> type[PatientForm]:
    """The form of a patient who is known: consent too, and two spans for each weekday."""
    more: dict[str, Any] = {"messages": BooleanField("Has agreed to be sent messages"), **spans_boxes()}
    return type("EditPatientForm", (PatientForm,), more)


EditPatientForm: Any = edit_form()


class AwayForm(PlannerForm):
    """From when to when a patient cannot come."""

    from_day = Day("First day away", [InputRequired("Enter the first day.")])
    from_time = WallTime("From", [Optional()])
    to_day = Day("Last day away", [Optional()])
    to_time = WallTime("Until", [Optional()])


class DischargeForm(PlannerForm):
    """Whether the sign-in ends with the care."""

    end_sign_in = BooleanField("End their sign-in at once")


def words_of(at: time | None, otherwise: str) -> str:
    """A wall time as services take it: `09:30`."""
    return otherwise if at is None else f"{at:%H:%M}"
