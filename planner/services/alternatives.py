"""Free times near one that somebody else took: what to offer whoever came second."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict
from planner.domain.errors import NotFound
from planner.domain.intervals import instant_of, minute_of
from planner.domain.walltime import local_day, resolve_wall_leniently
from planner.scheduling.placements import Placement
from planner.store.records import Closure, Hold, Occupancy, OpeningHours, Person, Site
from planner.store.sheets.day_sessions import load_sessions

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
    day = local_day(instant_of(placement.start), site.zone)
    taken = _taken_starts(placement, _busy(db, placement, day, site.zone, now))
    starts = (
        start
        for opens, closes in _open_spans(db, site, day)
        for start in range(opens, closes - (placement.end - placement.start) + 1, site.therapy_grid_minutes)
    )
    nearest = sorted(starts, key=lambda start: (abs(start - placement.start), start))
    full = _full_days(db, placement, day, site.zone, now)
    free = (
        start
        for start in nearest
        if instant_of(start) >= now
        and not _inside(start, taken)
        and not any(first <= start < end for first, end in full)
    )
    return tuple(instant_of(start) for start in islice(free, most))


def _full_days(db: Session, placement: Placement, day: date, zone: str, now: datetime) -> list[tuple[int, int]]:
    """The days (UTC minutes) on which the session's therapist has as many as are set for them."""
    most = db.scalar(select(Person.most_sessions_a_day).where(Person.id == placement.therapist_id))
    if placement.session is None or most is None:
        return []
    edges = [minute_of(_at(day, 0, zone, n)) for n in range(-SEARCHED_DAYS, SEARCHED_DAYS + 2)]
    person_id = placement.session[0]
    sessions = load_sessions(db, [person_id], (edges[0], edges[-1]), now).get(person_id, ())
    return [
        (first, end)
        for first, end in pairwise(edges)
        if bisect_left(sessions, end) - bisect_left(sessions, first) >= most
    ]


def _busy(db: Session, placement: Placement, day: date, zone: str, now: datetime) -> list[tuple[int, int, int]]:
    # A day to spare on both sides, for claims that start before the appointment or end after it.
    first, last = _at(day, 0, zone, -SEARCHED_DAYS - 1), _at(day, 0, zone, SEARCHED_DAYS + 2)
    rows = db.execute(
        select(Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at)
        .outerjoin(Hold, Hold.id == Occupancy.hold_id)
        .where(
            Occupancy.holdable_id.in_({holdable_id for holdable_id, _, _ in placement.holds}),
            Occupancy.starts_at < last,
            Occupancy.ends_at > first,
            Hold.id.is_(None) | (Hold.expires_at > now),
        )
    )
    return [(holdable_id, minute_of(start), minute_of(end)) for holdable_id, start, end in rows]


def _taken_starts(placement: Placement, busy: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Open spans (both ends excluded) of starts at which some claim would overlap what is held; ordered, merged."""
    spans = sorted(
        (start - to + placement.start, end - since + placement.start)
        for held_id, start, end in busy
        for holdable_id, since, to in placement.holds
        if held_id == holdable_id
    )
    merged: list[tuple[int, int]] = []
    for low, high in spans:
        if merged and low < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _inside(start: int, spans: Sequence[tuple[int, int]]) -> bool:
    place = bisect_left(spans, (start, start)) - 1
    return place >= 0 and spans[place][0] < start < spans[place][1]


def _open_spans(db: Session, site: Site, around: date) -> list[tuple[int, int]]:
    hours = db.scalars(select(OpeningHours).where(OpeningHours.site_id == site.id)).all()
    closed = set(db.scalars(select(Closure.day).where(Closure.site_id == site.id)))
    days = [around + timedelta(days=n) for n in range(-SEARCHED_DAYS, SEARCHED_DAYS + 1)]
    return [
        (minute_of(_at(day, row.opens_minute, site.zone)), minute_of(_at(day, row.closes_minute, site.zone)))
        for day in days
        for row in hours
        if row.weekday == day.weekday() and day not in closed
    ]


def _at(day: date, minute: int, zone: str, days: int = 0) -> datetime:
    return resolve_wall_leniently(datetime.combine(day, time()) + timedelta(days=days, minutes=minute), zone)
