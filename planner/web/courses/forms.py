"""Forms about courses and their appointments, and the boxes for a day and a wall time that staff type."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wtforms import DateField, RadioField, SelectField, StringField, TextAreaField, TimeField
from wtforms.validators import Optional

from planner.domain.statuses import CourseStatus
from planner.web.fields import Line, PlannerForm

LONGEST_REASON = 200
ANY = ""
EARLIEST_YEAR, LATEST_YEAR = 2000, 2200
FIRST_OR_SECOND = {"0": "The first, before the clocks go back", "1": "The second, after the clocks go back"}

STATUS_FILTER = {
    "open": "Running",
    "on-hold": "On hold",
    "completed": "Completed",
    "revoked": "Stopped",
    "all": "All",
}
STATUSES_SHOWN: dict[str, tuple[CourseStatus, ...]] = {
    "open": (CourseStatus.DRAFT, CourseStatus.ACTIVE, CourseStatus.ON_HOLD),
    "on-hold": (CourseStatus.ON_HOLD,),
    "completed": (CourseStatus.COMPLETED,),
    "revoked": (CourseStatus.REVOKED,),
    "all": tuple(CourseStatus),
}


def fault_of_year(year: int) -> str | None:
    """What is wrong with a year that no clinic means; None when it may be meant."""
    if year < EARLIEST_YEAR:
        return f"Enter a year from {EARLIEST_YEAR} on."
    return "That is too far ahead. Enter a nearer day." if year > LATEST_YEAR else None


class Day(DateField):
    """A calendar day as browsers post it; anything else gets a sentence that says what to type."""

    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a day that exists, such as 2026-11-26.") from None
        if self.data is not None and (fault := fault_of_year(self.data.year)):
            self.data = None
            raise ValueError(fault)


class WallTime(TimeField):
    """A time on the site's clock, 24 hours."""

    data: Any

    def __init__(self, label: str, validators: Any = None, **options: Any) -> None:
        super().__init__(label, validators, format=["%H:%M", "%H:%M:%S"], **options)

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a time from 00:00 to 23:59, such as 14:30.") from None
        if self.data is not None:
            self.data = self.data.replace(second=0)  # appointments are kept to the minute


class MoveForm(PlannerForm):
    """Where to move an appointment: an offered time (`start`, an instant), or a day and wall time of one's own."""

    start = StringField("Offered time")
    near = StringField("Nearest time")
    day = Day("New day", [Optional()])
    time = WallTime("Time", [Optional()])
    which = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])
    chair = SelectField("Chair", choices=[], validate_choice=True, validators=[Optional()])
    therapist = SelectField("Therapist", choices=[], validate_choice=True, validators=[Optional()])
    aside_reason = TextAreaField("Reason for doing it all the same")


class LoseForm(PlannerForm):
    """Why an appointment falls away, and what becomes of a lost dose."""

    outcome = RadioField(
        "What happened?",
        choices={"cancelled": "It is cancelled", "noshow": "The patient did not come"},
    )
    follow = RadioField(
        "What becomes of this infusion?",
        choices={
            "slide": "Give it later: the course gets one more date at its end",
            "repair": "Give it before the next infusion, if a day is free",
            "drop": "Leave it out",
        },
        default="slide",
    )
    reason = Line("Reason", longest=LONGEST_REASON)


class DoseForm(PlannerForm):
    """When a dose really began and ended, on the site's clock."""

    start_day = Day("Day it began")
    start_time = WallTime("Time it began")
    end_day = Day("Day it ended")
    end_time = WallTime("Time it ended")
    which_start = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])
    which_end = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])


def instant_in(value: str) -> datetime | None:
    """The instant of an offered time's value; None for anything else."""
    try:
        found = datetime.strptime(value, "%Y-%m-%dT%H:%M%z")
    except ValueError:
        return None
    return found if EARLIEST_YEAR <= found.year <= LATEST_YEAR else None
