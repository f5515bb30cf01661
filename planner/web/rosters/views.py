"""The roster's week, and undoing what was just done to it."""

from __future__ import annotations

from datetime import date

from flask import abort, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission, may
from planner.domain.errors import NotFound, NotPermitted, Refused
from planner.domain.walltime import day_and_year, local_day
from planner.services.planning_horizon import last_planned_day
from planner.services.reading.roster_versions import open_version, standing
from planner.services.reading.rosters import own_site, roster_week
from planner.services.undoing_groups import undo_change
from planner.store.queries.clinic import SiteRow
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, id_of, refuse
from planner.web.navigation import new_key
from planner.web.rosters import blueprint
from planner.web.rosters.notices import back_url, undo_notices
from planner.web.rosters.weeks import A_WEEK, FIRST_DAY, monday_of, version_notice, week_page, week_url

FORBIDDEN = 403


def chosen_site_id() -> int | None:
    """The site in the address or form; None when none is named. Raises NotFound for what is no id."""
    word = request.values.get("site", "")
    if not word:
        return None
    try:
        return id_of(word)
    except ValueError as error:
        raise NotFound from error


@blueprint.get("/rosters")
@requires(Permission.ROSTERS_READ)
def week() -> str:
    """Who works when at a site, in this week or the one asked for."""
    site, own = own_site(db(), principal(), chosen_site_id())
    return _shown(site, own, monday_of(request.args.get("week"), local_day(now(), site.zone)))


@blueprint.get("/rosters/<week:monday>")
@requires(Permission.ROSTERS_READ)
def week_of(monday: date) -> str:
    """Who works when at a site, in the week of the address."""
    site, own = own_site(db(), principal(), chosen_site_id())
    return _shown(site, own, monday)


def refuse_unknown_week(session: Session, site: SiteRow, monday: date) -> date:
    """Answer 400 for a week that is no week of anybody's roster; the last day of those that are."""
    last_day = last_planned_day(session, local_day(now(), site.zone))
    if not FIRST_DAY <= monday <= last_day:
        known = f"from {FIRST_DAY.year} on and up to {day_and_year(last_day)}"
        abort(400, f"There is no roster for that week. Choose a week {known}.")
    return last_day


def _shown(site: SiteRow, own: tuple[SiteRow, ...], monday: date) -> str:
    last_day = refuse_unknown_week(db(), site, monday)
    found = roster_week(db(), principal(), site, monday)
    may_write = may(principal(), Permission.ROSTERS_WRITE)
    return render_template(
        "rosters/week.html",
        page=week_page(found, monday, now(), last_day),
        site=site,
        site_tabs=_tabs(site, own, monday),
        monday=monday,
        may_write=may_write,
        may_draft=may_write and monday + A_WEEK > local_day(now(), site.zone),
        standing=standing(db(), site, monday),
        notices=_notices(site, monday),
    )


def _notices(site: SiteRow, monday: date) -> list[dict[str, str]]:
    """What was done last and can still be undone: to the site's roster, and to this week of it."""
    return [
        *undo_notices(db(), principal(), site, now()),
        *version_notice(open_version(db(), principal(), site.id, monday, now()), site, monday, new_key()),
    ]


def _tabs(site: SiteRow, own: tuple[SiteRow, ...], monday: date) -> list[dict[str, object]]:
    """The principal's sites, where there are several; each opens the same week."""
    if len(own) == 1:
        return []
    return [{"label": each.name, "url": week_url(each, monday), "current": each.id == site.id} for each in own]


@blueprint.post("/rosters/changes/<id:change_set_id>/undo")
@requires(Permission.ROSTERS_WRITE)
@once
def undo_disruption(change_set_id: int) -> Response:
    """Take back a closed day, an absence or a version of a week with everything it moved."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    monday = monday_of(request.args.get("week"), local_day(now(), site.zone))
    back = back_url(site, week_url(site, monday))
    try:
        undo_change(db(), principal(), change_set_id, now())
    except (Refused, NotPermitted) as error:
        return refuse(
            "rosters/not_undone.html",
            status=UNPROCESSABLE if isinstance(error, Refused) else FORBIDDEN,
            back_url=back,
            faults=[(None, error.sentence)],
        )
    flash("Undone. The roster and all appointments are as they were before.", "ok")
    return redirect(back, SEE_OTHER)
