"""Free times near one that somebody else took: what to offer whoever came second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict
from planner.domain.errors import NotFound
from planner.domain.intervals import Interval, instant_of
from planner.domain.walltime import local_day, resolve_wall_leniently
from planner.scheduling.placements import Placement
from planner.store.occupying import Claim, claims_of
from planner.store.records import Closure, Hold, Occupancy, OpeningHours, Site

SEARCHED_DAYS = 14


def blocked_placements(placements: Iterable[Placement], conflicts: Sequence[Conflict]) -> tuple[Placement, ...]:
    """The placements that the conflicts of a refusal stand in the way of."""
    return tuple(
        placement
        for placement in placements
        if any(
            conflict.holdable_id == holdable_id
            and conflict.starts_at is not None
            and conflict.ends_at is not None
            and conflict.starts_at < instant_of(end)
            and instant_of(start) < conflict.ends_at
            for conflict in conflicts
            for holdable_id, start, end in placement.holds
        )
    )


def free_alternatives(db: Session, placement: Placement, now: datetime, *, most: int = 3) -> tuple[datetime, ...]:
    """The nearest starts (UTC) at which the same people and things are free, at most `most`, nearest first.

    Starts lie on the site's grid of sessions, the appointment inside its opening hours. Whether they suit the course
    is the planner's to say: this only tells who and what is free. Raises NotFound for an unknown site.
    """
    site = db.get(Site, placement.site_id)
    if site is None:
        raise NotFound
    wanted = Interval(instant_of(placement.start), instant_of(placement.end))
    claims = claims_of(placement.holds)
    days = _days_around(local_day(wanted.start, site.zone))
    busy = _busy(db, claims, days, site.zone, now)
    open_spans = _open_spans(db, site, days)
    starts = (
        start
        for span in open_spans
        for start in _grid(span, wanted.minutes, site.therapy_grid_minutes)
        if start >= now and _all_free(claims, start - wanted.start, busy)
    )
    return tuple(sorted(starts, key=lambda start: (abs(start - wanted.start), start))[:most])


def _days_around(day: date) -> list[date]:
    return [day + timedelta(days=n) for n in range(-SEARCHED_DAYS, SEARCHED_DAYS + 1)]


def _busy(
    db: Session, claims: Sequence[Claim], days: Sequence[date], zone: str, now: datetime
) -> dict[int, list[Interval]]:
    # A day to spare on both sides, for claims that start before the appointment or end after it.
    first = _at(days[0], 0, zone) - timedelta(days=1)
    last = _at(days[-1], 0, zone) + timedelta(days=2)
    rows = db.execute(
        select(Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at)
        .outerjoin(Hold, Hold.id == Occupancy.hold_id)
        .where(
            Occupancy.holdable_id.in_({claim.holdable_id for claim in claims}),
            Occupancy.starts_at < last,
            Occupancy.ends_at > first,
            Hold.id.is_(None) | (Hold.expires_at > now),
        )
    )
    busy: dict[int, list[Interval]] = {}
    for holdable_id, start, end in rows:
        busy.setdefault(holdable_id, []).append(Interval(start, end))
    return busy


def _open_spans(db: Session, site: Site, days: Iterable[date]) -> list[Interval]:
    hours = db.scalars(select(OpeningHours).where(OpeningHours.site_id == site.id)).all()
    closed = set(db.scalars(select(Closure.day).where(Closure.site_id == site.id)))
    return [
        Interval(_at(day, row.opens_minute, site.zone), _at(day, row.closes_minute, site.zone))
        for day in days
        for row in hours
        if row.weekday == day.weekday() and day not in closed
    ]


def _at(day: date, minute: int, zone: str) -> datetime:
    return resolve_wall_leniently(datetime.combine(day, time()) + timedelta(minutes=minute), zone)


def _grid(span: Interval, minutes: int, step: int) -> Iterator[datetime]:
    start = span.start
    while start + timedelta(minutes=minutes) <= span.end:
        yield start
        start += timedelta(minutes=step)


def _all_free(claims: Iterable[Claim], by: timedelta, busy: dict[int, list[Interval]]) -> bool:
    return not any(
        claim.span.shifted(by).overlaps(taken) for claim in claims for taken in busy.get(claim.holdable_id, ())
    )
