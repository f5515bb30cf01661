"""Sites: opened, changed, closed down, and how far apart they are. Their hours are in `opening_hours`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound
from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.domain.walltime import day_and_year, to_wall
from planner.services import auditing
from planner.services.clinic_settings import neutral_line
from planner.services.current import take_to_change
from planner.services.first_run import join_new_site
from planner.services.places import WallSpan, add_site, known_zone, one_line, refuse_taken
from planner.store.records import Appointment, Course, Shift, Site, SiteTravel

GRIDS: Final = (5, 10, 15, 20, 30, 60)
MOST_TRAVEL_MINUTES: Final = 600
#: Proposed boosters count: they are times on this site's clock, too.
PLANNED: Final = (AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED)
OPEN_COURSE: Final = (CourseStatus.DRAFT, CourseStatus.ACTIVE, CourseStatus.ON_HOLD)


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What a site is. Grids count minutes from local midnight; `alias` is what calendars call the place."""

    name: str
    code: str
    alias: str
    address: str
    zone: str
    visit_grid_minutes: int
    therapy_grid_minutes: int


def open_site(
    db: Session, principal: Principal, facts: SiteFacts, *, hours: Mapping[int, Iterable[WallSpan]], now: datetime
) -> Site:
    """A new site, at which whoever adds it works unless they only administer.

    Raises NotPermitted, and FieldError at the fact that cannot be used.
    """
    require(principal, Permission.CLINIC_WRITE)
    _check_grids(facts)
    site = add_site(
        db,
        name=facts.name,
        code=facts.code,
        zone=facts.zone,
        hours=hours,
        visit_grid_minutes=facts.visit_grid_minutes,
        therapy_grid_minutes=facts.therapy_grid_minutes,
        alias=neutral_line(facts.alias, "alias", 60, optional=True),
        address=facts.address,
    )
    join_new_site(db, principal, site)
    _audit(db, principal, "site.add", site.id, now)
    return site


def change_site(
    db: Session, principal: Principal, site_id: int, facts: SiteFacts, *, seen_version: int, now: datetime
) -> Site:
    """Give a site other facts. Wall times that were agreed hang on its zone, so that stays while any are to come.

    Raises NotPermitted, NotFound, StaleVersion, and FieldError at the fact that cannot be used.
    """
    require(principal, Permission.CLINIC_WRITE)
    site = take_to_change(db, Site, site_id, seen_version, "This site")
    _check_grids(facts)
    name, code = one_line(facts.name, "name", 120), one_line(facts.code, "code", 12)
    refuse_taken(db, Site.name, name, "name", "There is already a site with this name.", besides=site.id)
    refuse_taken(db, Site.code, code, "code", "There is already a site with this code.", besides=site.id)
    zone = known_zone(facts.zone)
    if zone != site.zone:
        _refuse_new_zone(db, site, now)
    site.name, site.code, site.zone = name, code, zone
    site.alias = neutral_line(facts.alias, "alias", 60, optional=True)
    site.address = one_line(facts.address, "address", 200, optional=True)
    site.visit_grid_minutes, site.therapy_grid_minutes = facts.visit_grid_minutes, facts.therapy_grid_minutes
    db.flush()
    _audit(db, principal, "site.change", site.id, now)
    return site


def close_site(db: Session, principal: Principal, site_id: int, *, seen_version: int, now: datetime) -> Site:
    """Close a site down for good; nothing is planned there any more.

    Raises FieldError (`active`) while anything is booked there or a course of its patients runs, NotPermitted,
    NotFound, StaleVersion.
    """
    require(principal, Permission.CLINIC_WRITE)
    site = take_to_change(db, Site, site_id, seen_version, "This site")
    booked, last = booked_ahead(db, site.id, now)
    if booked and last is not None:
        raise FieldError(
            "active",
            f"{said(booked, 'appointment is', 'appointments are')} booked here until "
            f"{day_and_year(to_wall(last, site.zone))}. Move or cancel them first.",
        )
    running = db.scalar(
        select(func.count()).select_from(Course).where(Course.site_id == site.id, Course.status.in_(OPEN_COURSE))
    )
    if running:
        raise FieldError("active", f"{said(running, 'course runs', 'courses run')} here. End or move them first.")
    site.active = False
    db.flush()
    _audit(db, principal, "site.close", site.id, now)
    return site


def reopen_site(db: Session, principal: Principal, site_id: int, *, seen_version: int, now: datetime) -> Site:
    """Let a site that was closed down be planned for again. Raises NotPermitted, NotFound, StaleVersion."""
    require(principal, Permission.CLINIC_WRITE)
    site = take_to_change(db, Site, site_id, seen_version, "This site")
    site.active = True
    db.flush()
    _audit(db, principal, "site.reopen", site.id, now)
    return site


def set_travel(
    db: Session,
    principal: Principal,
    site_id: int,
    minutes: Mapping[int, int | None],
    *,
    seen_version: int,
    now: datetime,
) -> None:
    """How many minutes the way to each other site takes, by its id; None where nobody says.

    A way is one number for both of its ends, so that whoever looks at it from the other end saw an older state, too.
    Raises FieldError at `to_<id>`, NotPermitted, NotFound, StaleVersion.
    """
    require(principal, Permission.CLINIC_WRITE)
    site = take_to_change(db, Site, site_id, seen_version, "This site")
    known = set(db.scalars(select(Site.id).where(Site.id.in_(minutes), Site.id != site.id)))
    if minutes.keys() - known:
        raise NotFound
    for other_id, taken in minutes.items():
        if taken is not None and not 0 <= taken <= MOST_TRAVEL_MINUTES:
            raise FieldError(f"to_{other_id}", f"Enter a number of minutes from 0 to {MOST_TRAVEL_MINUTES}.")
    here = or_(SiteTravel.site_id == site.id, SiteTravel.other_site_id == site.id)
    before = {
        row.site_id + row.other_site_id - site.id: row.minutes for row in db.scalars(select(SiteTravel).where(here))
    }
    other_ends = [other_id for other_id, taken in minutes.items() if taken != before.get(other_id)]
    db.execute(update(Site).where(Site.id.in_(other_ends)).values(version=Site.version + 1))
    db.execute(delete(SiteTravel).where(here))
    db.add_all(
        SiteTravel(site_id=min(site.id, other_id), other_site_id=max(site.id, other_id), minutes=taken)
        for other_id, taken in minutes.items()
        if taken is not None
    )
    db.flush()
    _audit(db, principal, "site.travel", site.id, now)


def booked_ahead(db: Session, site_id: int, now: datetime) -> tuple[int, datetime | None]:
    """How many appointments at a site are not over, and when the last one ends. One query."""
    row = db.execute(
        select(func.count(), func.max(Appointment.ends_at)).where(
            Appointment.site_id == site_id, Appointment.status.in_(PLANNED), Appointment.ends_at > now
        )
    ).one()
    return row[0], row[1]


def said(number: int, one: str, many: str) -> str:
    """A number with its words: “One appointment is”, “3 appointments are”."""
    return f"One {one}" if number == 1 else f"{number} {many}"


def _refuse_new_zone(db: Session, site: Site, now: datetime) -> None:
    booked, last = booked_ahead(db, site.id, now)
    if booked and last is not None:
        raise FieldError(
            "zone",
            f"{said(booked, 'appointment is', 'appointments are')} agreed here in {site.zone} time until "
            f"{day_and_year(to_wall(last, site.zone))}. The zone can change when none is to come.",
        )
    shifts = db.scalar(
        select(func.count()).select_from(Shift).where(Shift.roster_site_id == site.id, Shift.ends_at > now)
    )
    if shifts:
        raise FieldError(
            "zone",
            f"{said(shifts, 'shift', 'shifts')} to come on this site's roster {'is' if shifts == 1 else 'are'} kept in "
            f"{site.zone} time. The zone can change when none is to come.",
        )


def _check_grids(facts: SiteFacts) -> None:
    for field in ("visit_grid_minutes", "therapy_grid_minutes"):
        if getattr(facts, field) not in GRIDS:
            raise FieldError(field, "Starts can be every 5, 10, 15, 20, 30 or 60 minutes.")


def _audit(db: Session, principal: Principal, action: str, site_id: int, now: datetime) -> None:
    auditing.record(db, principal, action=action, object_type="site", object_id=site_id, now=now)
