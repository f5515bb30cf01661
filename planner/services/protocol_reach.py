"""What a protocol's integration policy means with the clinic's rosters: for the weeks ahead, site by site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, may, require
from planner.domain.intervals import minute_of
from planner.domain.protocols import IntegrationMode, Protocol
from planner.domain.walltime import local_day, resolve_wall_leniently
from planner.domain.windows import Window
from planner.scheduling.coverage import Coverage, FreeStarts, WeekdayCoverage
from planner.scheduling.links import anchor_minutes
from planner.store.queries.clinic import SiteRow, sites
from planner.store.sheets import load_clinic

WEEKS = 8
SAMPLE_WEEKDAY, SAMPLE_CHECK_IN = 1, time(10)
"""The dose that pages draw as an example: on a Tuesday morning, so that its window lies on working days."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One protocol at one site: coverage by weekday of the dose, and what is free after the sample dose."""

    weekdays: tuple[WeekdayCoverage, ...]
    sample: FreeStarts


@dataclass(frozen=True, slots=True)
class SiteReach:
    """One site, with one answer for each protocol that was asked about."""

    site: SiteRow
    reaches: tuple[Reach, ...]


def reach_of(db: Session, principal: Principal, protocols: Sequence[Protocol], now: datetime) -> tuple[SiteReach, ...]:
    """Coverage of these protocols at the principal's sites, or at all of them for who changes them for the clinic.

    One query, and ten for each site. Raises NotPermitted.
    """
    require(principal, Permission.PROTOCOLS_READ)
    own = None if may(principal, Permission.PROTOCOLS_WRITE) else principal.site_ids
    return tuple(_at_site(db, site, protocols, now) for site in sites(db, own))


def sample_check_in(zone: str, now: datetime) -> datetime:
    """When the sample dose would check in: the next Tuesday after today, at ten."""
    today = local_day(now, zone)
    ahead = (SAMPLE_WEEKDAY - today.weekday() - 1) % 7 + 1
    return resolve_wall_leniently(datetime.combine(today + timedelta(days=ahead), SAMPLE_CHECK_IN), zone)


def sample_window(protocol: Protocol, zone: str, now: datetime) -> Window | None:
    """The window after the sample dose; None for a protocol that draws none."""
    rule = protocol.integration.window
    if rule is None:
        return None
    return Window(sample_check_in(zone, now) + timedelta(minutes=anchor_minutes(protocol)), rule)


def _at_site(db: Session, site: SiteRow, protocols: Sequence[Protocol], now: datetime) -> SiteReach:
    first, last = weeks_from(now, site.zone)
    clinic = load_clinic(db, site.id, first, last + _longest(protocols), now)
    check_in = minute_of(sample_check_in(site.zone, now))
    reaches = []
    for protocol in protocols:
        coverage = Coverage(clinic, protocol)
        reaches.append(Reach(coverage.by_weekday(first, last), coverage.free_starts(check_in)))
    return SiteReach(site, tuple(reaches))


def _longest(protocols: Sequence[Protocol]) -> timedelta:
    """How long after a dose its session may start at the latest, in whole days with one to spare for the visit."""
    days = [2]
    for protocol in protocols:
        plan = protocol.integration
        if plan.window is not None:
            days.append(int(plan.window.closes_h // 24) + 2)
        elif plan.mode is IntegrationMode.WEEKLY:
            days.append(plan.closes_days + 2)
    return timedelta(days=max(days))


def weeks_from(now: datetime, zone: str) -> tuple[date, date]:
    """The first and last day whose doses are counted, local to `zone`."""
    first = local_day(now, zone) + timedelta(days=1)
    return first, first + timedelta(days=7 * WEEKS - 1)
