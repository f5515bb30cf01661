"""Jinja filters that put instants into the words people read.

Every filter takes an aware instant and the IANA zone to show it in, and returns English text. Staff read a
24-hour clock and short day names; patients read the day's full name first and a 12-hour clock. Names of days
and months are written here, not taken from the machine's locale, so a page reads the same on every server.

A wall time that happens twice (the hour a clock goes back) carries the zone's short name: "01:30 GMT".
Every filter raises `ValueError` for a naive instant or an unknown zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
SHORT_NAME = 3


def to_zone(instant: datetime, zone: str) -> datetime:
    """The instant on the clock of `zone`; `ValueError` for a naive instant or an unknown zone."""
    if instant.tzinfo is None:
        raise ValueError("A time shown on a page must carry its zone.")
    try:
        return instant.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"There is no time zone called {zone!r}.") from error


def day_words(day: date) -> str:
    """'Wednesday 25 November', for a calendar day that is already local."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def short_day_words(day: date) -> str:
    """'Wed 25 Nov', for a calendar day that is already local."""
    return f"{DAYS[day.weekday()][:SHORT_NAME]} {day.day} {MONTHS[day.month - 1][:SHORT_NAME]}"


def staff_day(instant: datetime, zone: str) -> str:
    """'Tue 24 Nov'."""
    return short_day_words(to_zone(instant, zone))


def staff_date(instant: datetime, zone: str) -> str:
    """'Tue 24 Nov 2026', where the year may be in doubt."""
    wall = to_zone(instant, zone)
    return f"{short_day_words(wall)} {wall.year}"


def staff_time(instant: datetime, zone: str) -> str:
    """'14:00'; '01:30 GMT' when the clock shows that time twice."""
    wall = to_zone(instant, zone)
    return f"{wall:%H:%M}{_which_of_two(wall)}"


def staff_span(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """'Wed 25 Nov 14:00 to 15:00'; the day is said again when the end falls on another one."""
    begin = f"{staff_day(starts_at, zone)} {staff_time(starts_at, zone)}"
    if to_zone(starts_at, zone).date() == to_zone(ends_at, zone).date():
        return f"{begin} to {staff_time(ends_at, zone)}"
    return f"{begin} to {staff_day(ends_at, zone)} {staff_time(ends_at, zone)}"


def weekday_time(instant: datetime, zone: str) -> str:
    """'Wed 05:10', for a second mention within one week."""
    wall = to_zone(instant, zone)
    return f"{DAYS[wall.weekday()][:SHORT_NAME]} {staff_time(instant, zone)}"


def patient_day(instant: datetime, zone: str) -> str:
    """'Wednesday 25 November'."""
    return day_words(to_zone(instant, zone))


def patient_time(instant: datetime, zone: str) -> str:
    """'2:00pm'; midnight is '12:00am' and noon '12:00pm'."""
    wall = to_zone(instant, zone)
    half = "am" if wall.hour < 12 else "pm"
    return f"{wall.hour % 12 or 12}:{wall.minute:02d}{half}{_which_of_two(wall)}"


def patient_span(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """'2:00pm to 3:00pm (1 hour)'; the length is elapsed time, so it is right on clock-change nights."""
    length = duration_words(_elapsed(starts_at, ends_at))
    return f"{patient_time(starts_at, zone)} to {patient_time(ends_at, zone)} ({length})"


def patient_when(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """'Wednesday 25 November, 2:00pm to 3:00pm (1 hour)'."""
    return f"{patient_day(starts_at, zone)}, {patient_span(starts_at, ends_at, zone)}"


def duration_words(length: timedelta) -> str:
    """'50 minutes', '1 hour', '1 hour 30 minutes'; seconds are dropped, as times are stored to the minute."""
    hours, minutes = divmod(int(length.total_seconds() // 60), 60)
    parts = [_counted(number, noun) for number, noun in ((hours, "hour"), (minutes, "minute")) if number]
    return " ".join(parts) or "0 minutes"


def hours_after(instant: datetime, anchor: datetime) -> str:
    """'27 h after': elapsed hours since `anchor` (the end of a dose), rounded half up; or '3 h before'."""
    minutes = int(_elapsed(anchor, instant).total_seconds() // 60)
    word = "after" if minutes >= 0 else "before"
    return f"{(abs(minutes) + 30) // 60} h {word}"


def zone_words(zone: str) -> str:
    """'London time' for 'Europe/London', to name a site's clock when the reader's differs."""
    city = zone.rsplit("/", maxsplit=1)[-1].replace("_", " ")
    return "universal time (UTC)" if city == "UTC" else f"{city} time"


def iso_instant(instant: datetime, zone: str) -> str:
    """'2026-11-25T14:00+00:00', for the `datetime` attribute of `<time>`."""
    return to_zone(instant, zone).isoformat(timespec="minutes")


def by_day(items: Iterable[Any], zone: str) -> list[tuple[date, list[Any]]]:
    """Group things with a `starts_at` by their local day, days and times ascending."""
    groups: dict[date, list[Any]] = {}
    for item in sorted(items, key=lambda item: item.starts_at):
        groups.setdefault(to_zone(item.starts_at, zone).date(), []).append(item)
    return list(groups.items())


@dataclass(frozen=True, slots=True)
class Week:
    """The days of one week that have something, as `by_day` groups them; `nearest` to what was asked about."""

    days: list[tuple[date, list[Any]]]
    nearest: bool

    @property
    def first(self) -> date:
        """Its first day that has something."""
        return self.days[0][0]

    @property
    def last(self) -> date:
        """Its last day that has something."""
        return self.days[-1][0]

    @property
    def count(self) -> int:
        """How many things there are in it."""
        return sum(len(items) for _, items in self.days)


def by_week(items: Iterable[Any], zone: str, near: datetime | None = None) -> list[Week]:
    """Group things with a `starts_at` by their local week, Monday to Sunday, and day, all ascending.

    One week is the nearest: that of the day closest to `near` (aware), without it the first.
    """
    days = by_day(items, zone)
    if not days:
        return []
    wanted = days[0][0] if near is None else to_zone(near, zone).date()
    nearest = min((day for day, _ in days), key=lambda day: abs(day - wanted))
    weeks: dict[date, list[tuple[date, list[Any]]]] = {}
    for day, found in days:
        weeks.setdefault(_monday(day), []).append((day, found))
    return [Week(found, monday == _monday(nearest)) for monday, found in weeks.items()]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _elapsed(begin: datetime, end: datetime) -> timedelta:
    """Real time between two instants, whatever clocks they are written on."""
    return to_zone(end, "UTC").astimezone(UTC) - to_zone(begin, "UTC").astimezone(UTC)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _which_of_two(wall: datetime) -> str:
    first, second = wall.replace(fold=0), wall.replace(fold=1)
    return f" {wall.tzname()}" if first.utcoffset() != second.utcoffset() else ""


FILTERS = {
    "by_day": by_day,
    "by_week": by_week,
    "day_words": day_words,
    "duration_words": duration_words,
    "hours_after": hours_after,
    "iso_instant": iso_instant,
    "patient_day": patient_day,
    "patient_span": patient_span,
    "patient_time": patient_time,
    "patient_when": patient_when,
    "short_day_words": short_day_words,
    "staff_date": staff_date,
    "staff_day": staff_day,
    "staff_span": staff_span,
    "staff_time": staff_time,
    "weekday_time": weekday_time,
    "zone_words": zone_words,
}


def register_filters(app: Flask) -> None:
    """Make every filter of this module known to the app's templates under its own name."""
    app.jinja_env.filters.update(FILTERS)
