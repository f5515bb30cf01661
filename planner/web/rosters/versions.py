"""The versions of a week: who published each and when, and what they changed."""

from __future__ import annotations

from datetime import date

from flask import render_template, request, url_for

from planner.domain.access import Permission
from planner.domain.errors import NotFound
from planner.services.reading.roster_versions import compared
from planner.services.reading.roster_versions import versions as versions_of
from planner.services.reading.rosters import own_site
from planner.web.access import principal, requires
from planner.web.db import db
from planner.web.fields import number_in
from planner.web.rosters import blueprint
from planner.web.rosters.draft_pages import line_rows
from planner.web.rosters.views import chosen_site_id, refuse_unknown_week
from planner.web.rosters.weeks import week_url, week_words


@blueprint.get("/rosters/<week:monday>/versions")
@requires(Permission.ROSTERS_WRITE)
def versions(monday: date) -> str:
    """All versions of a week."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    refuse_unknown_week(db(), site, monday)
    return render_template(
        "rosters/versions.html",
        site=site,
        monday=monday,
        week=week_words(monday),
        week_url=week_url(site, monday),
        rows=versions_of(db(), site, monday),
    )


@blueprint.get("/rosters/<week:monday>/versions/<id:number>")
@requires(Permission.ROSTERS_WRITE)
def version(monday: date, number: int) -> str:
    """What a version changed, against the one before it or an older one."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    refuse_unknown_week(db(), site, monday)
    word = request.args.get("against", "")
    against = number_in(word) if word else None
    if word and (against is None or against >= number):
        raise NotFound
    found = compared(db(), site, monday, number, against)
    return render_template(
        "rosters/version.html",
        site=site,
        monday=monday,
        week=week_words(monday),
        week_url=week_url(site, monday),
        versions_url=url_for("rosters.versions", monday=monday, site=site.id),
        found=found,
        lines=line_rows(found.lines),
        others=[
            (url_for("rosters.version", monday=monday, number=number, site=site.id, against=other), other)
            for other in range(number - 1, -1, -1)
            if other != found.with_number
        ],
    )
