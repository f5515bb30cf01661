"""Wall-clock time at a place, and the way to and from instants.

Shifts, opening hours and forms speak wall time; everything inside speaks aware UTC. On a clock-change day a wall
time may not exist or exist twice: nothing here guesses, the caller is told.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def day_and_year(day: date) -> str:
    """“Sun 7 Nov 2027”; the day of the month without a nought before it, as everywhere else."""
    return f"{day:%a} {day.day} {day:%b} {day.year}"


class UnknownZone(ValueError):
    """No such IANA time zone."""

    def __init__(self, zone: str) -> None:
        super().__init__(f"There is no time zone called “{zone[:60]}”. Use an IANA name such as America/Chicago.")


class NonexistentWallTime(ValueError):
    """The clocks skip this wall time; `next_valid` is the first one after the gap."""

    def __init__(self, wall: datetime, zone: str, next_valid: datetime) -> None:
        self.wall, self.zone, self.next_valid = wall, zone, next_valid
        super().__init__(
            f"{wall:%H:%M} does not exist on {day_and_year(wall)}: the clocks go forward. "
            f"The next time that day is {next_valid:%H:%M}."
        )


class AmbiguousWallTime(ValueError):
    """The clocks show this wall time twice; `candidates` holds both instants, earlier first."""

    def __init__(self, wall: datetime, zone: str, candidates: tuple[datetime, datetime]) -> None:
        self.wall, self.zone, self.candidates = wall, zone, candidates
        super().__init__(
            f"{wall:%H:%M} happens twice on {day_and_year(wall)}: the clocks go back. Choose the first or the second."
        )


@lru_cache(maxsize=512)
def zone_named(name: str) -> ZoneInfo:
    """The IANA zone called `name`. Raises UnknownZone; paths and empty names are refused too."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(name) from error


def resolve_wall(wall: datetime, zone: str, fold: int | None = None) -> datetime:
    """The instant (aware, UTC) at which clocks in `zone` show `wall` (naive).

    `fold` 0 or 1 chooses the first or second showing on a day when the clocks go back.
    Raises NonexistentWallTime, AmbiguousWallTime (only when `fold` is None), UnknownZone.
    """
    if wall.tzinfo is not None:
        raise ValueError("wall time is naive")
    place = zone_named(zone)
    earlier = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    later = wall.replace(tzinfo=place, fold=1).astimezone(UTC)
    if earlier == later:
        return earlier
    if earlier.astimezone(place).replace(tzinfo=None, fold=0) != wall:
        raise NonexistentWallTime(wall, zone, _after_gap(wall, later, zone))
    if fold is None:
        raise AmbiguousWallTime(wall, zone, (earlier, later))
    return later if fold else earlier


def _after_gap(wall: datetime, before: datetime, zone: str) -> datetime:
    """The first wall time after the gap that skips `wall`. In a gap, fold 1 is read with the offset after the change,
    which lands `before` it: from there clocks show earlier walls until the change."""
    while to_wall(before, zone) < wall:
        before += timedelta(minutes=1)
    return to_wall(before, zone)


def resolve_wall_leniently(wall: datetime, zone: str) -> datetime:
    """Like `resolve_wall` for recurring patterns (shifts, hours): a skipped time moves forward past the gap,
    a doubled time means its first showing."""
    return wall.replace(tzinfo=zone_named(zone), fold=0).astimezone(UTC)


def to_wall(instant: datetime, zone: str) -> datetime:
    """What clocks in `zone` show at `instant`, as a naive datetime."""
    return instant.astimezone(zone_named(zone)).replace(tzinfo=None, fold=0)


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day in `zone` at `instant`."""
    return instant.astimezone(zone_named(zone)).date()


def day_span(day: date, zone: str) -> tuple[datetime, datetime]:
    """First instant of `day` in `zone` and of the day after: 23 to 25 hours apart."""
    start = resolve_wall_leniently(datetime.combine(day, time()), zone)
    return start, resolve_wall_leniently(datetime.combine(day + timedelta(days=1), time()), zone)
