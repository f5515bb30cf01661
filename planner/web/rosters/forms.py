"""Forms about closed days and absences."""

from __future__ import annotations

from wtforms import RadioField, SelectField
from wtforms.validators import InputRequired, Optional, ValidationError

from planner.web.courses.forms import FIRST_OR_SECOND, Day, WallTime
from planner.web.fields import Line, PlannerForm

LONGEST_REASON = 120


class ClosureForm(PlannerForm):
    """Which day a site is closed, or from which to which, and why."""

    day = Day("Day", [InputRequired("Enter the day to close.")])
    last_day = Day("Last day", [Optional()])
    reason = Line("Reason", longest=LONGEST_REASON)


class TimesForm(PlannerForm):
    """From when to when on the site's clock somebody is away. A time left empty means the whole of that day."""

    from_day = Day("First day away", [InputRequired("Enter the first day.")])
    from_time = WallTime("From", [Optional()])
    which_from = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])
    to_day = Day("Last day away", [Optional()])
    to_time = WallTime("Until", [Optional()])
    which_to = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])
    reason = Line("Reason", longest=LONGEST_REASON)


class AbsenceForm(TimesForm):
    """Who is away, and from when to when."""

    person = SelectField(
        "Who is away", choices=[], validate_choice=False, validators=[InputRequired("Choose who is away.")]
    )

    def validate_person(self, entry: SelectField) -> None:
        """Only somebody who is offered can be chosen."""
        if entry.data not in {choice.value for choice in entry.choices or ()}:
            raise ValidationError("Choose somebody from the list.")


class SickForm(PlannerForm):
    """Who is ill, and for how long: to the end of today, or of a later day."""

    person = SelectField(
        "Who is ill", choices=[], validate_choice=False, validators=[InputRequired("Choose who is ill.")]
    )
    last_day = Day("Last day away", [Optional()])

    def validate_person(self, entry: SelectField) -> None:
        """Only somebody who is offered can be chosen."""
        if entry.data not in {choice.value for choice in entry.choices or ()}:
            raise ValidationError("Choose somebody who works today.")


class HolidayPlaceForm(PlannerForm):
    """Whose public holidays a site keeps."""

    country = SelectField("Country", choices=[], validate_choice=False)
    region = SelectField("Region", choices=[], validate_choice=False)
