"""The public holidays of a site's country and region in one year, to be closed together or one by one."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.walltime import local_day
from planner.services.planning_horizon import last_planned_day
from planner.services.public_holidays import choose_place, close_holidays, countries, regions
from planner.services.reading.public_holidays import HolidayYear, holiday_year
from planner.services.reading.rosters import own_site
from planner.store.queries.clinic import SiteRow
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.filters import day_words
from planner.web.rosters import blueprint
from planner.web.rosters.closed_days import chosen_year, year_links
from planner.web.rosters.forms import HolidayPlaceForm
from planner.web.rosters.notices import undo_notices
from planner.web.rosters.views import chosen_site_id

TEMPLATE = "rosters/holidays.html"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@blueprint.get("/rosters/holidays")
@requires(Permission.ROSTERS_WRITE)
def public_holidays() -> str:
    """The public holidays of a year, and what became of them."""
    return render_template(TEMPLATE, **_page())


@blueprint.post("/rosters/holidays/place")
@requires(Permission.ROSTERS_WRITE)
@once
def choose_holiday_place() -> Response:
    """Say whose public holidays a site keeps."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    form = HolidayPlaceForm()
    country, region = str(form.country.data or ""), str(form.region.data or "")
    try:
        choose_place(db(), principal(), site.id, country=country, region=region, seen_version=seen_version(), now=now())
    except FieldError as error:
        put_beside(form, error)
        return refuse(TEMPLATE, _page(form))
    except StaleVersion:
        db().expire_all()
        told = "Somebody changed this site in the meantime. Nothing was saved; this is how it is now."
        return refuse(TEMPLATE, {**_page(), "faults": [(None, told)]}, CONFLICT)
    return redirect(_here(site), SEE_OTHER)


@blueprint.post("/rosters/holidays/close")
@requires(Permission.ROSTERS_WRITE)
@once
def close_public_holidays() -> Response:
    """Close the chosen public holidays, all as one."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    today = local_day(now(), site.zone)
    year = chosen_year(today, last_planned_day(db(), today))
    try:
        close_holidays(db(), principal(), site.id, year=year, days=_chosen_days(), now=now())
    except FieldError as error:
        return refuse(TEMPLATE, {**_page(), "faults": [("days", error.sentence)]})
    return redirect(_here(site, year), SEE_OTHER)


def _here(site: SiteRow, year: int | None = None) -> str:
    return url_for("rosters.public_holidays", site=site.id, year=year or request.values.get("year") or None)


def _chosen_days() -> set[date]:
    """The ticked days; whatever is no day counts as none."""
    found: set[date] = set()
    for word in request.form.getlist("days"):
        try:
            found.add(date.fromisoformat(word) if _DAY.fullmatch(word) else date.min)
        except ValueError:
            found.add(date.min)
    return found


def _page(form: HolidayPlaceForm | None = None) -> dict[str, Any]:
    site, own = own_site(db(), principal(), chosen_site_id())
    today = local_day(now(), site.zone)
    last = last_planned_day(db(), today)
    year = chosen_year(today, last)
    found = holiday_year(db(), principal(), site.id, year, today=today, last=last)
    if form is None:
        form = HolidayPlaceForm(formdata=None)
        form.country.data, form.region.data = found.country, found.region
    _fill_choices(form, found)
    return {
        "site": site,
        "year": year,
        "found": found,
        "form": form,
        "pages": year_links("rosters.public_holidays", site, year, last),
        "other_sites": [
            (url_for("rosters.public_holidays", site=s.id, year=year), s.name) for s in own if s.id != site.id
        ],
        "rows": [
            {
                "value": row.day.isoformat(),
                "day": day_words(row.day),
                "name": row.name,
                "state": row.state,
                "booked": row.booked,
                "words": "Over" if row.day < today else "Further ahead than this clinic plans",
                "close_url": url_for(
                    "rosters.new_closure", site=site.id, day=row.day.isoformat(), reason=row.name[:120]
                ),
            }
            for row in found.rows
        ],
        "has_choices": any(row.state == "open" for row in found.rows),
        "notices": undo_notices(db(), principal(), site, now(), "holidays"),
    }


def _fill_choices(form: HolidayPlaceForm, found: HolidayYear) -> None:
    form.country.choices = [SelectChoice("", "No public holidays")] + [
        SelectChoice(place.code, place.name) for place in countries()
    ]
    form.region.choices = [SelectChoice("", "The whole country")] + [
        SelectChoice(place.code, place.name) for place in regions(found.country)
    ]
