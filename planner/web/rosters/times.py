"""From when to when somebody is away: from a form to instants and to words, and back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from planner.domain.errors import FieldError
from planner.domain.walltime import AmbiguousWallTime, day_span, local_day, to_wall
from planner.web.fields import instant_of
from planner.web.filters import short_day_words, staff_span
from planner.web.rosters.forms import TimesForm


def span_of(form: TimesForm, zone: str) -> tuple[datetime, datetime]:
    """The aware instants a form means.

    Raises FieldError for a time that does not exist that day or exists twice, and for an end before the start.
    """
    first, last = form.from_day.data, form.to_day.data or form.from_day.data
    starts_at = _instant(first, form.from_time.data, form.which_from.data, zone, "from_time", at_end=False)
    ends_at = _instant(last, form.to_time.data, form.which_to.data, zone, "to_time", at_end=True)
    if ends_at <= starts_at:
        raise FieldError("to_time" if first == last else "to_day", "The absence has to end after it starts.")
    return starts_at, ends_at


def span_words(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """“Tue 2 Feb 2027”, “Tue 2 Feb to Thu 4 Feb 2027” for whole days, else with times."""
    first, last = local_day(starts_at, zone), local_day(ends_at - timedelta(seconds=1), zone)
    if (starts_at, ends_at) != (day_span(first, zone)[0], day_span(last, zone)[1]):
        return staff_span(starts_at, ends_at, zone)
    words = f"{short_day_words(last)} {last.year}"
    if first == last:
        return words
    year = "" if first.year == last.year else f" {first.year}"
    return f"{short_day_words(first)}{year} to {words}"


def fill(form: TimesForm, starts_at: datetime, ends_at: datetime, zone: str) -> None:
    """Show a span in a form: days alone for whole days."""
    form.from_day.data, form.from_time.data = _shown(starts_at, zone)
    last = local_day(ends_at - timedelta(seconds=1), zone)
    if ends_at == day_span(last, zone)[1]:
        form.to_day.data, form.to_time.data = last, None
    else:
        form.to_day.data, form.to_time.data = local_day(ends_at, zone), to_wall(ends_at, zone).time()
    form.which_from.data = _which(form.from_day.data, form.from_time.data, starts_at, zone)
    form.which_to.data = _which(form.to_day.data, form.to_time.data, ends_at, zone)


def is_doubled(day: date | None, at: time | None, zone: str) -> bool:
    """Whether the clocks show that time twice that day, so that the page has to ask which."""
    if day is None or at is None:
        return False
    try:
        instant_of(day, at, zone)
    except FieldError as error:
        return isinstance(error.__cause__, AmbiguousWallTime)
    return False


def doubled(form: TimesForm, zone: str) -> dict[str, bool]:
    """Which of the two times of a form the page has to ask about again."""
    last = form.to_day.data or form.from_day.data
    return {
        "twice_from": bool(form.which_from.data) or is_doubled(form.from_day.data, form.from_time.data, zone),
        "twice_to": bool(form.which_to.data) or is_doubled(last, form.to_time.data, zone),
    }


def _shown(instant: datetime, zone: str) -> tuple[date, time | None]:
    day = local_day(instant, zone)
    return day, None if instant == day_span(day, zone)[0] else to_wall(instant, zone).time()


def _which(day: date, at: time | None, instant: datetime, zone: str) -> str | None:
    if at is None or not is_doubled(day, at, zone):
        return None
    return next((fold for fold in ("0", "1") if instant_of(day, at, zone, int(fold)) == instant), None)


def _instant(day: date, at: time | None, which: str | None, zone: str, field: str, *, at_end: bool) -> datetime:
    """The instant of a day and wall time; without a time the whole day counts."""
    if at is None:
        return day_span(day, zone)[1 if at_end else 0]
    return instant_of(day, at, zone, int(which) if which else None, field=field)
