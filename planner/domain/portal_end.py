"""How long a discharged patient may still read: whole days at their site, counted from the day of the discharge."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from planner.domain.walltime import day_span, local_day


def last_day_to_read(discharged_at: datetime, days: int, zone: str) -> date:
    """The last local day in `zone` (IANA) on which whoever was discharged at that instant (aware) may still read."""
    return local_day(discharged_at, zone) + timedelta(days=days)


def portal_ends_at(discharged_at: datetime | None, days: int, zone: str) -> datetime:
    """The instant (aware) from which a discharged patient signs in no more: the end of their last day.

    With 0 days that is the discharge itself. Of a discharge whose moment nobody knows it is long ago.
    """
    if discharged_at is None:
        return datetime.min.replace(tzinfo=UTC)
    if days <= 0:
        return discharged_at
    return day_span(last_day_to_read(discharged_at, days, zone), zone)[1]
