"""Public holidays by country and region, from the `holidays` library; nothing else in the product knows it.

The library is loaded when first asked: it is large, and most requests need none of it. Its words are data of others:
a country or region it does not know is refused, and a year it knows nothing about has no holidays.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.walltime import day_and_year, day_span
from planner.services import auditing
from planner.services.disruption_acts import CloseDays
from planner.services.disruption_effects import own_site
from planner.services.disruptions import apply_disruption, preview_disruption
from planner.store.queries.cover import booked_by_day
from planner.store.records import ChangeSet, Site

#: Languages in which staff read, the first that a country's data have.
LANGUAGES = ("en_GB", "en_US", "en")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
UNKNOWN_COUNTRY = "Choose a country from the list."
UNKNOWN_REGION = "Choose a region of that country from the list, or none."


@dataclass(frozen=True, slots=True)
class Place:
    """A country or region as a choice."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Holiday:
    """One public holiday."""

    day: date
    name: str


@lru_cache(maxsize=1)
def countries() -> tuple[Place, ...]:
    """Every country with known holidays, by name. Codes are two capital letters (ISO 3166)."""
    known = set(_library().list_supported_countries(include_aliases=False))
    from holidays import registry

    found = {entry[1]: _WORD.sub(" ", entry[0]).replace(" And ", " and ") for entry in registry.COUNTRIES.values()}
    places = [Place(code, found.get(code, code)) for code in known if re.fullmatch(r"[A-Z]{2}", code)]
    return tuple(sorted(places, key=lambda place: place.name.casefold()))


def regions(country: str) -> tuple[Place, ...]:
    """The regions of a country whose holidays differ, by name; none for one that is not known."""
    if country not in {place.code for place in countries()}:
        return ()
    found = _library().list_supported_countries(include_aliases=False).get(country, [])
    names = getattr(_library(), country).get_subdivision_aliases()
    places = [Place(code, (names.get(code) or [code])[0]) for code in found]
    return tuple(sorted(places, key=lambda place: place.name.casefold()))


def holidays_of(country: str, region: str, year: int) -> tuple[Holiday, ...]:
    """The public holidays of a year in order of days. Raises FieldError at `country` or `region`."""
    check_place(country, region)
    languages = getattr(getattr(_library(), country), "supported_languages", ()) or ()
    language = next((word for word in LANGUAGES if word in languages), None)
    found = _library().country_holidays(country, subdiv=region or None, years=year, language=language)
    return tuple(Holiday(day, str(name)) for day, name in sorted(found.items()) if day.year == year)


def check_place(country: str, region: str) -> None:
    """Raise FieldError at `country` or `region` for one that is not known."""
    if country not in {place.code for place in countries()}:
        raise FieldError("country", UNKNOWN_COUNTRY)
    if region and region not in {place.code for place in regions(country)}:
        raise FieldError("region", UNKNOWN_REGION)


def choose_place(
    db: Session, principal: Principal, site_id: int, *, country: str, region: str, seen_version: int, now: datetime
) -> Site:
    """Whose public holidays a site keeps; no country means none, and a region of another country is dropped.

    Raises NotFound, FieldError (`country`, `region`), StaleVersion.
    """
    require(principal, Permission.ROSTERS_WRITE)
    site = own_site(db, principal, site_id)
    db.refresh(site, with_for_update={"key_share": True})
    if site.version != seen_version:
        raise StaleVersion(seen_version, site.version, "The site")
    if country != site.holiday_country and region and region == site.holiday_region:
        region = ""
    if country:
        check_place(country, region)
    else:
        region = ""
    if (site.holiday_country, site.holiday_region) == (country, region):
        return site
    site.holiday_country, site.holiday_region = country, region
    site.version += 1
    auditing.record(
        db, principal, action="site.holidays", object_type="site", object_id=site.id, now=now,
        detail={"country": country, "region": region},
    )  # fmt: skip
    db.flush()
    return site


def close_holidays(
    db: Session, principal: Principal, site_id: int, *, year: int, days: Collection[date], now: datetime
) -> ChangeSet:
    """Close these public holidays of a year as one act, each with the holiday's name; undone as one.

    Days on which somebody is booked are refused: they are closed one by one, with everything that follows. Raises
    NotFound, FieldError (`days`, and `day` for what can no longer be closed).
    """
    require(principal, Permission.ROSTERS_WRITE)
    site = own_site(db, principal, site_id)
    known = {holiday.day: holiday.name for holiday in holidays_of(site.holiday_country, site.holiday_region, year)}
    if not days or not set(days) <= set(known):
        raise FieldError("days", "Choose one or more of the days listed.")
    wanted = sorted(days)
    booked = booked_by_day(
        db, site.id, *(day_span(wanted[0], site.zone)[0], day_span(wanted[-1], site.zone)[1]), site.zone
    )
    busy = [day for day in wanted if booked.get(day)]
    if busy:
        told = f"Somebody is booked on {day_and_year(busy[0])} by now. Close that day by itself."
        raise FieldError("days", told)
    act = CloseDays(site.id, tuple((day, known[day]) for day in wanted))
    key = preview_disruption(db, principal, act, now=now).key
    return apply_disruption(db, principal, act, key=key, now=now)


def _library() -> Any:
    import holidays

    return holidays
