"""A site's closed days of one year, and opening one again."""

from __future__ import annotations

from datetime import date

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission, may
from planner.domain.errors import NotFound, Refused
from planner.domain.walltime import local_day
from planner.services.planning_horizon import last_planned_day
from planner.services.reading.rosters import own_site
from planner.services.roster_changes import reopen_day
from planner.store.queries.clinic import SiteRow
from planner.store.queries.cover import closures_of
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, number_in, refuse
from planner.web.filters import day_words
from planner.web.rosters import blueprint
from planner.web.rosters.notices import undo_notices
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import FIRST_DAY

DIGITS_OF_A_YEAR = 4


def chosen_year(today: date, last: date) -> int:
    """The year in the address or form, this year without one. Raises NotFound for one nobody plans."""
    word = request.values.get("year", "")
    if not word:
        return today.year
    year = number_in(word, DIGITS_OF_A_YEAR)
    if year is None or not FIRST_DAY.year <= year <= last.year:
        raise NotFound
    return year


def year_links(endpoint: str, site: SiteRow, year: int, last: date) -> dict[str, tuple[str, str] | None]:
    """The years before and after, as a pager takes them."""
    before, after = year - 1, year + 1

    def link(other: int) -> tuple[str, str]:
        return url_for(endpoint, site=site.id, year=other), str(other)

    return {
        "previous": link(before) if before >= FIRST_DAY.year else None,
        "next": link(after) if after <= last.year else None,
    }


@blueprint.get("/rosters/closures")
@requires(Permission.ROSTERS_READ)
def closures() -> str:
    """The closed days of a site in a year."""
    site, own = own_site(db(), principal(), chosen_site_id())
    today = local_day(now(), site.zone)
    last = last_planned_day(db(), today)
    year = chosen_year(today, last)
    rows = closures_of(db(), site.id, date(year, 1, 1), date(year, 12, 31))
    return render_template(
        "rosters/closures.html",
        site=site,
        year=year,
        pages=year_links("rosters.closures", site, year, last),
        other_sites=[(url_for("rosters.closures", site=s.id, year=year), s.name) for s in own if s.id != site.id],
        may_write=may(principal(), Permission.ROSTERS_WRITE),
        rows=[
            {"id": row.id, "day": day_words(row.day), "reason": row.reason, "may_open": row.day >= today}
            for row in rows
        ],
        notices=undo_notices(db(), principal(), site, now(), "closures"),
    )


@blueprint.post("/rosters/closures/<id:closure_id>/reopen")
@requires(Permission.ROSTERS_WRITE)
@once
def reopen(closure_id: int) -> Response:
    """Open a closed day again."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    back = url_for("rosters.closures", site=site.id)
    try:
        reopen_day(db(), principal(), closure_id, now=now())
    except Refused as error:
        return refuse("rosters/not_done.html", status=UNPROCESSABLE, back_url=back, faults=[(None, error.sentence)])
    return redirect(back, SEE_OTHER)
