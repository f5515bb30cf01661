"""Forms about the clinic and its places, and the boxes for whole numbers and weekly hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from wtforms import IntegerField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from planner.domain.errors import FieldError
from planner.services.sites import GRIDS
from planner.web.courses.forms import WallTime
from planner.web.fields import Line, PlannerForm, Text, number_in
from planner.web.zones import ZoneField

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MIDNIGHT = 1440
#: How many spans of a day have boxes.
BOXES = 2
Hours = Mapping[int, tuple[tuple[int, int], ...]]
GRID_WORDS = {str(minutes): f"Every {minutes} minutes" if minutes < 60 else "Every hour" for minutes in GRIDS}


class Whole(IntegerField):
    """A whole number of at most four digits."""

    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        word = str(valuelist[0]).strip() if valuelist else ""
        if not word:
            return
        self.data = number_in(word, 4)
        if self.data is None:
            raise ValueError("Enter a whole number in digits, such as 15.")


def needed() -> list[Any]:
    """What a number that has to be given is checked for."""
    return [InputRequired("Enter a whole number, such as 15.")]


class ClinicForm(PlannerForm):
    """The clinic's settings."""

    name = Line("Name of the clinic", [InputRequired("Enter the clinic's name.")])
    neutral_name = Line("Name in calendars", [InputRequired("Enter a name that calendars may show.")], longest=60)
    feed_words = Line("Title of calendar entries", [InputRequired("Enter a word such as Appointment.")], longest=40)
    zone = ZoneField("Time zone", "Choose a time zone.")
    help_text = Text("Who to call")
    undo_minutes = Whole("Time to undo a change", needed())
    hold_minutes = Whole("Time a plan is kept free while it is read", needed())
    staff_idle_minutes = Whole("Sign staff out after", needed())
    patient_idle_minutes = Whole("Sign patients out after", needed())
    plan_ahead_months = Whole("Plan ahead at most", needed())
    portal_days_after_discharge = Whole("Discharged patients may read for", needed())


class SiteForm(PlannerForm):
    """What a site is."""

    name = Line("Name", [InputRequired("Enter the site's name.")])
    code = Line("Code", [InputRequired("Enter a short code, such as N.")], longest=12)
    alias = Line("Name in calendars", longest=60)
    address = Line("Address", longest=200)
    zone = ZoneField("Time zone", "Choose a time zone.")
    visit_grid = SelectField("Infusions start", choices=GRID_WORDS, default="15")
    therapy_grid = SelectField("Sessions start", choices=GRID_WORDS, default="15")


class PlaceForm(PlannerForm):
    """A chair or a room."""

    name = Line("Name", [InputRequired("Enter a name.")], longest=60)
    turnover = Whole("Empty after each session", [Optional()], default=0)


def spans_boxes() -> dict[str, Any]:
    """Two spans for each weekday as boxes: `from_0`, `to_0`, `again_0`, `until_0` for Monday and so on."""
    boxes: dict[str, Any] = {}
    for number, day in enumerate(WEEKDAYS):
        boxes[f"from_{number}"] = WallTime(f"{day} from", [Optional()])
        boxes[f"to_{number}"] = WallTime(f"{day} until", [Optional()])
        boxes[f"again_{number}"] = WallTime(f"{day} again from", [Optional()])
        boxes[f"until_{number}"] = WallTime(f"{day} again until", [Optional()])
    return boxes


HoursForm: Any = type("HoursForm", (PlannerForm,), {**spans_boxes(), "agreed": Line("Agreed", longest=64)})
NewSiteForm: Any = type("NewSiteForm", (SiteForm,), spans_boxes())


def typed_spans(form: Any, kept: Hours | None = None) -> dict[int, list[tuple[str, str]]]:
    """The spans as services take them; an end at 00:00 is the end of the day.

    A day has boxes for two spans; a third one that `kept` has stays unless the day's boxes are emptied. Raises
    FieldError at the box that is missing, before its start, or inside the span before.
    """
    found: dict[int, list[tuple[str, str]]] = {}
    for number, day in enumerate(WEEKDAYS):
        spans: list[tuple[str, str]] = []
        for first, last in (("from", "to"), ("again", "until")):
            span = _span(form, day, f"{first}_{number}", f"{last}_{number}")
            if span is not None:
                spans.append(span)
        if len(spans) == BOXES and spans[1][0] < spans[0][1]:
            raise FieldError(f"again_{number}", f"On {day} the second time has to begin after the first one ends.")
        if spans:
            beyond = (kept or {}).get(number, ())[BOXES:]
            found[number] = spans + [(clock_words(start), clock_words(end)) for start, end in beyond]
    return found


def beyond_boxes(kept: Hours) -> list[tuple[str, str]]:
    """The days that have more spans than boxes, and those spans in words."""
    return [
        (WEEKDAYS[number], ", ".join(f"{clock_words(a)} to {clock_words(b)}" for a, b in spans[BOXES:]))
        for number, spans in kept.items()
        if len(spans) > BOXES
    ]


def _span(form: Any, day: str, first: str, last: str) -> tuple[str, str] | None:
    start, end = form[first].data, form[last].data
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise FieldError(first if start is None else last, f"Enter both times for {day}, or leave both empty.")
    until = "24:00" if end == time(0) else f"{end:%H:%M}"
    if until <= f"{start:%H:%M}":
        raise FieldError(last, f"On {day} the end has to be after the start.")
    return f"{start:%H:%M}", until


def boxes_of(hours: Hours) -> dict[str, time | None]:
    """Weekly hours as what the boxes hold; see `beyond_boxes` for what has none."""
    values: dict[str, time | None] = {}
    for number in range(7):
        spans = [*hours.get(number, ()), (None, None), (None, None)]
        for (first, last), (start, end) in zip((("from", "to"), ("again", "until")), spans, strict=False):
            values[f"{first}_{number}"], values[f"{last}_{number}"] = _wall(start), _wall(end)
    return values


def _wall(minute: int | None) -> time | None:
    return None if minute is None else time(minute % MIDNIGHT // 60, minute % 60)


def day_rows(form: Any) -> list[tuple[str, list[Any]]]:
    """Each weekday with its four boxes."""
    return [
        (day, [form[f"{box}_{number}"] for box in ("from", "to", "again", "until")])
        for number, day in enumerate(WEEKDAYS)
    ]


def clock_words(minute: int) -> str:
    """540 as “09:00”; the end of the day as “24:00”."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def hours_words(hours: Hours) -> list[tuple[str, str]]:
    """Each weekday and when it is open."""
    return [
        (day, ", ".join(f"{clock_words(a)} to {clock_words(b)}" for a, b in hours.get(number, ())) or "closed")
        for number, day in enumerate(WEEKDAYS)
    ]


def choices_of(pairs: list[tuple[int, str]]) -> list[SelectChoice]:
    """Ids and names as choices of a list or of ticks."""
    return [SelectChoice(str(value), words) for value, words in pairs]
