"""A site's weekly opening hours, and what a change of them leaves outside. Nothing booked is ever moved by it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import NotFound, PlannerError
from planner.services import auditing
from planner.services.current import take_to_change
from planner.services.places import WallSpan, hours_of_day
from planner.store.queries.places import Booked, Hours, booked_in_person, is_inside, weekly_hours
from planner.store.records import OpeningHours, Site


@dataclass(frozen=True, slots=True)
class LeftOutside:
    """Appointments that new hours would leave outside, and the key by which somebody agrees to exactly these."""

    booked: tuple[Booked, ...]
    key: str


class LeavesOutside(PlannerError):
    """The new hours would leave appointments outside, and nobody has agreed to that yet."""

    def __init__(self, left: LeftOutside) -> None:
        self.left = left
        count = "One booked appointment" if len(left.booked) == 1 else f"{len(left.booked)} booked appointments"
        super().__init__(
            f"{count} would lie outside these hours. Nothing is saved yet: say that they may stay, or move them first."
        )


def set_hours(
    db: Session,
    principal: Principal,
    site_id: int,
    weekly: Mapping[int, Iterable[WallSpan]],
    *,
    seen_version: int,
    agreed_key: str,
    now: datetime,
) -> LeftOutside:
    """Give a site other weekly hours; a weekday (0 = Monday) without a span is closed.

    What is booked stays where it is. Raises LeavesOutside unless `agreed_key` names exactly the appointments that
    fall outside by it, FieldError (`hours`), NotPermitted, NotFound, StaleVersion.
    """
    require(principal, Permission.CLINIC_WRITE)
    site = take_to_change(db, Site, site_id, seen_version, "This site")
    wanted: Hours = {day: tuple(spans) for day, given in weekly.items() if (spans := hours_of_day(day, given))}
    left = left_outside(db, site, wanted, now)
    if left.booked and left.key != agreed_key:
        raise LeavesOutside(left)
    db.execute(delete(OpeningHours).where(OpeningHours.site_id == site.id))
    db.add_all(
        OpeningHours(site_id=site.id, weekday=day, opens_minute=opens, closes_minute=closes)
        for day, spans in wanted.items()
        for opens, closes in spans
    )
    db.flush()
    auditing.record(
        db, principal, action="site.hours", object_type="site", object_id=site.id, now=now,
        detail={"left_outside": len(left.booked)},
    )  # fmt: skip
    return left


def left_outside(db: Session, site: Site, wanted: Hours, now: datetime) -> LeftOutside:
    """Which appointments to come are inside the hours as they are and would not be inside `wanted`. Two queries."""
    present = weekly_hours(db, site.id)
    booked = tuple(
        row
        for row in booked_in_person(db, site.id, now)
        if is_inside(row, present, site.zone) and not is_inside(row, wanted, site.zone)
    )
    told = repr([(row.id, row.starts_at, row.ends_at) for row in booked])
    return LeftOutside(booked, hashlib.sha256(told.encode()).hexdigest()[:32])


def now_outside(db: Session, site_id: int, now: datetime) -> tuple[Booked, ...]:
    """Appointments to come that lie outside the hours as they are. Three queries. Raises NotFound."""
    site = db.get(Site, site_id)
    if site is None:
        raise NotFound
    hours = weekly_hours(db, site_id)
    return tuple(row for row in booked_in_person(db, site_id, now) if not is_inside(row, hours, site.zone))
