"""Forms about shifts: one of a draft, a weekly pattern, an exception of one."""

from __future__ import annotations

from datetime import time
from typing import Any

from wtforms import BooleanField, RadioField, SelectField
from wtforms.validators import InputRequired, Optional, ValidationError

from planner.domain.rosters import DAY_MINUTES
from planner.domain.shift_patterns import MinuteSpan
from planner.web.courses.forms import FIRST_OR_SECOND, Day, WallTime
from planner.web.fields import PlannerForm, Ticks

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERED_WEEKDAYS = {str(n): name for n, name in enumerate(WEEKDAYS)}
HOW_OFTEN = {"1": "Every week", **{str(n): f"Every {n} weeks" for n in range(2, 9)}}
HOW_TO_START = {
    "published": "What is published now",
    "patterns": "The weekly patterns",
    "week": "A copy of another week",
    "empty": "Nothing: an empty week",
}


class _OneOf(SelectField):
    """A list of which only what is offered can be chosen."""

    def __init__(self, label: str, asked: str, **options: Any) -> None:
        super().__init__(label, validators=[InputRequired(asked)], validate_choice=False, **{"choices": [], **options})
        self._asked = asked

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        if not validation_stopped and self.data not in {value for value, *_ in self.iter_choices()}:
            raise ValidationError(self._asked)


class SeveralOf(Ticks):
    """Boxes to tick, of which at least one is wanted and only what is offered can be chosen."""

    def __init__(self, label: str, asked: str, **options: Any) -> None:
        super().__init__(label, validate_choice=False, **{"choices": [], **options})
        self._asked = asked

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        if not self.data or not set(self.data) <= {value for value, *_ in self.iter_choices()}:
            raise ValidationError(self._asked)


class WorkingTime(PlannerForm):
    """From when to when, on the site's clock, with a break."""

    starts = WallTime("From", [InputRequired("Enter when the shift starts.")])
    ends = WallTime("Until", [InputRequired("Enter when the shift ends.")])
    next_day = BooleanField("Ends on the next day")
    break_starts = WallTime("Break from", [Optional()])
    break_ends = WallTime("Break until", [Optional()])
    telehealth = BooleanField("By telehealth")
    on_call = BooleanField("On call only")

    def validate(self, extra_validators: Any = None) -> bool:
        """Each box by itself, and that a break has two ends."""
        return super().validate(extra_validators) & _both_or_neither(
            self.break_starts, self.break_ends, "Enter both when the break starts and when it ends, or neither."
        )

    @property
    def minutes(self) -> MinuteSpan:
        """Minutes from midnight; midnight as an end is the end of the day."""
        return _minutes(self.starts.data, self.ends.data, self.next_day.data)

    @property
    def pause(self) -> MinuteSpan | None:
        """The break; what is earlier on the clock than the shift's start lies on the next day."""
        if self.break_starts.data is None or self.break_ends.data is None:
            return None
        start = _minute(self.starts.data)
        first, last = (
            minute + (DAY_MINUTES if self.next_day.data and minute < start else 0)
            for minute in (_minute(self.break_starts.data), _minute(self.break_ends.data))
        )
        return first, last


class _Shift(WorkingTime):
    person = _OneOf("Who", "Choose a person.")
    which_starts = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])
    which_ends = RadioField("Which of the two?", choices=FIRST_OR_SECOND, validators=[Optional()])


class ShiftForm(_Shift):
    """One shift of a draft."""

    day = _OneOf("Day", "Choose a day of this week.")


class NewShiftForm(_Shift):
    """The same shift on as many days of a draft as are ticked."""

    days = SeveralOf("Days", "Choose at least one day of this week.")


class _Pattern(WorkingTime):
    person = _OneOf("Who", "Choose a person.")
    every_weeks = _OneOf("How often", "Choose how often it comes again.", choices=HOW_OFTEN, default="1")
    from_day = Day("First day", [InputRequired("Enter the first day on which it may fall.")])
    until_day = Day("Last day", [Optional()])


class PatternForm(_Pattern):
    """A shift that comes again on one weekday."""

    weekday = _OneOf("Weekday", "Choose a day of the week.", choices=NUMBERED_WEEKDAYS)


class NewPatternForm(_Pattern):
    """A shift that comes again, on as many weekdays as are ticked."""

    weekdays = SeveralOf("Weekdays", "Choose at least one weekday.", choices=NUMBERED_WEEKDAYS)


class EndForm(PlannerForm):
    """The last day of a pattern."""

    until_day = Day("Last day", [InputRequired("Enter the last day.")])


class ExceptionForm(PlannerForm):
    """One day of a pattern: other times, or with both left empty no shift at all."""

    day = Day("Day", [InputRequired("Enter the day.")])
    starts = WallTime("From", [Optional()])
    ends = WallTime("Until", [Optional()])
    next_day = BooleanField("Ends on the next day")

    def validate(self, extra_validators: Any = None) -> bool:
        """Each box by itself, and both times or none."""
        return super().validate(extra_validators) & _both_or_neither(
            self.starts, self.ends, "Enter both times, or neither for no shift that day."
        )

    @property
    def minutes(self) -> MinuteSpan | None:
        """The other times, or None for no shift."""
        if self.starts.data is None or self.ends.data is None:
            return None
        return _minutes(self.starts.data, self.ends.data, self.next_day.data)


class StartForm(PlannerForm):
    """What a draft begins with."""

    source = RadioField("Start with", choices=HOW_TO_START, validators=[InputRequired("Choose what to start with.")])
    copy_of = Day("A day of the week to copy", [Optional()])


def _both_or_neither(first: WallTime, last: WallTime, sentence: str) -> bool:
    """Whether both boxes or none is filled in; else the empty one says so. A validator does not see an empty box."""
    if first.errors or last.errors or (first.data is None) == (last.data is None):
        return True
    empty = first if first.data is None else last
    empty.errors = [sentence]
    return False


def _minutes(starts: time, ends: time, next_day: bool) -> MinuteSpan:
    first, last = _minute(starts), _minute(ends)
    if next_day or last == 0:
        last += DAY_MINUTES
    return first, last


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def as_time(minute: int) -> time:
    """What clocks show at a minute from midnight, of whatever day."""
    minute %= DAY_MINUTES
    return time(minute // 60, minute % 60)
