"""Public holidays by country and region, and closing the chosen ones as one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, NotPermitted, StaleVersion
from planner.domain.statuses import AppointmentKind
from planner.services.public_holidays import choose_place, close_holidays, countries, holidays_of, regions
from planner.services.reading.public_holidays import holiday_year
from planner.services.undoing_groups import undo_change
from planner.store.records import AuditEntry, Closure, Site
from tests.builders import NOW, appointment, at, chair, clinic, coordinator, patient, site

TODAY, LAST = date(2027, 1, 18), date(2030, 1, 18)
INDEPENDENCE, THANKSGIVING = date(2027, 7, 4), date(2027, 11, 25)


@dataclass(frozen=True)
class Place:
    db: Session
    site: Site
    us: Principal

    def states(self) -> dict[date, str]:
        found = holiday_year(self.db, self.us, self.site.id, 2027, today=TODAY, last=LAST)
        return {row.day: row.state for row in found.rows}

    def close(self, *days: date) -> int:
        return close_holidays(self.db, self.us, self.site.id, year=2027, days=days, now=NOW).id

    def choose(self, country: str, region: str = "", version: int | None = None) -> Site:
        seen = self.site.version if version is None else version
        return choose_place(self.db, self.us, self.site.id, country=country, region=region, seen_version=seen, now=NOW)


@pytest.fixture
def place(db: Session) -> Place:
    clinic(db)
    here = site(db)
    here.holiday_country = "US"
    db.flush()
    return Place(db, here, coordinator(db, here))


# What the library knows


def test_countries_and_their_regions_have_names() -> None:
    known = {place.code: place.name for place in countries()}
    assert (known["US"], known["GB"], known["BA"]) == ("United States", "United Kingdom", "Bosnia and Herzegovina")
    assert [place.name for place in regions("GB")] == ["England", "Northern Ireland", "Scotland", "Wales"]
    assert regions("XX") == ()
    assert regions("../etc") == ()


def test_a_regions_holidays_are_its_own_and_in_a_language_staff_read() -> None:
    scotland, england = ({h.day for h in holidays_of("GB", region, 2027)} for region in ("SCT", "ENG"))
    assert date(2027, 11, 30) in scotland - england
    assert "Ascension Day" in {holiday.name for holiday in holidays_of("DE", "BY", 2027)}
    days = [holiday.day for holiday in holidays_of("US", "", 2027)]
    assert days == sorted(days)
    assert {day.year for day in days} == {2027}


@pytest.mark.parametrize(
    ("country", "region", "field"),
    [("XX", "", "country"), ("", "", "country"), ("us", "", "country"), ("US", "SCT", "region"), ("US", "'", "region")],
)
def test_a_place_nobody_knows_is_refused_at_its_field(country: str, region: str, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        holidays_of(country, region, 2027)
    assert refused.value.field == field


def test_only_one_module_knows_the_library_and_loads_it_when_asked() -> None:
    root = Path(__file__).parents[2]
    users = [
        path.relative_to(root).as_posix()
        for path in (root / "planner").rglob("*.py")
        if any(line.strip().startswith(("import holidays", "from holidays")) for line in path.read_text().splitlines())
    ]
    assert users == ["planner/services/public_holidays.py"]
    check = "import sys, planner.app, planner.services.public_holidays; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=root, check=False).returncode == 0


# Whose holidays a site keeps


def test_a_country_and_a_region_are_chosen_and_the_region_goes_with_its_country(place: Place) -> None:
    place.choose("GB", "SCT")
    assert (place.site.holiday_country, place.site.holiday_region) == ("GB", "SCT")
    place.choose("US", "SCT")
    assert (place.site.holiday_country, place.site.holiday_region) == ("US", "")
    place.choose("", "CA")
    assert (place.site.holiday_country, place.site.holiday_region) == ("", "")
    entries = place.db.scalars(select(AuditEntry.detail).where(AuditEntry.action == "site.holidays")).all()
    assert [entry["country"] for entry in entries] == ["GB", "US", ""]


def test_an_unknown_country_or_a_site_changed_meanwhile_is_refused(place: Place) -> None:
    with pytest.raises(FieldError, match="Choose a country from the list"):
        place.choose("ZZ")
    with pytest.raises(FieldError, match="Choose a region"):
        place.choose("US", "Atlantis")
    with pytest.raises(StaleVersion):
        place.choose("GB", version=place.site.version + 1)
    with pytest.raises(NotFound):
        replace(place, us=coordinator(place.db, site(place.db))).choose("GB")
    with pytest.raises(NotPermitted):
        replace(place, us=replace(place.us, roles=frozenset({Role.NURSE}))).choose("GB")


# A year of them


def test_a_place_that_is_no_longer_known_has_no_holidays_and_breaks_nothing(place: Place) -> None:
    place.site.holiday_country = "QQ"
    place.db.flush()
    assert place.states() == {}


def test_each_day_is_open_busy_closed_or_out_of_reach(place: Place) -> None:
    place.db.add(Closure(site_id=place.site.id, day=THANKSGIVING, reason=""))
    somebody = patient(place.db, place.site)
    start = at("2027-12-25 10:00")
    appointment(place.db, somebody, start, kind=AppointmentKind.INFUSION, chair=chair(place.db, place.site))
    states = place.states()
    assert states[date(2027, 1, 1)] == "out", "it is over"
    assert (states[INDEPENDENCE], states[THANKSGIVING], states[date(2027, 12, 25)]) == ("open", "closed", "busy")


def test_chosen_days_are_closed_with_their_names_as_one_and_undone_as_one(place: Place) -> None:
    group = place.close(INDEPENDENCE, THANKSGIVING)
    rows = dict(place.db.execute(select(Closure.day, Closure.reason)).all())  # type: ignore[arg-type]
    assert set(rows) == {INDEPENDENCE, THANKSGIVING}
    assert "Independence Day" in rows[INDEPENDENCE]
    undo_change(place.db, place.us, group, NOW)
    assert place.db.scalars(select(Closure)).all() == []


def test_a_day_with_somebody_booked_is_never_closed_along_with_others(place: Place) -> None:
    somebody = patient(place.db, place.site)
    appointment(place.db, somebody, at(f"{THANKSGIVING} 10:00"))
    with pytest.raises(FieldError, match="Somebody is booked on Thu 25 Nov 2027 by now"):
        place.close(INDEPENDENCE, THANKSGIVING)
    assert place.db.scalars(select(Closure)).all() == []


@pytest.mark.parametrize("days", [(), (date(2027, 7, 5), date(2027, 3, 3)), (date.min,)])
def test_only_days_that_are_listed_are_closed(place: Place, days: tuple[date, ...]) -> None:
    with pytest.raises(FieldError) as refused:
        place.close(*days)
    assert refused.value.field == "days"


def test_days_that_are_closed_already_or_over_are_refused(place: Place) -> None:
    place.close(INDEPENDENCE)
    for day in (INDEPENDENCE, date(2027, 1, 1)):
        with pytest.raises(FieldError):
            place.close(day)
