"""Several weeks of rosters at once: what the weekly patterns would put into weeks to come, and publishing that."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.services.reading.rosters import own_site
from planner.services.roster_weeks_ahead import (
    FEWEST_WEEKS,
    MOST_WEEKS,
    USUAL_WEEKS,
    WeekAhead,
    WeekState,
    publish_weeks_ahead,
    weeks_ahead,
)
from planner.store.queries.clinic import SiteRow
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, refuse
from planner.web.filters import short_day_words
from planner.web.rosters import blueprint
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import A_DAY, week_url, week_words

PAGE = "rosters/ahead.html"
LEFT_ALONE = {
    WeekState.PUBLISHED: "Published already, left alone",
    WeekState.DRAFTED: "Being drafted, left alone",
    WeekState.NOTHING: "The patterns put nobody here",
}


@blueprint.get("/rosters/ahead")
@requires(Permission.ROSTERS_WRITE)
def ahead() -> str:
    """The weeks to come, and what the patterns would put into those that are free."""
    site, own = own_site(db(), principal(), chosen_site_id())
    count = _count()
    page = _page(site, own, count if FEWEST_WEEKS <= count <= MOST_WEEKS else USUAL_WEEKS)
    return render_template(PAGE, **page)


@blueprint.post("/rosters/ahead/publish")
@requires(Permission.ROSTERS_WRITE)
@once
def publish_ahead() -> Response:
    """Publish every free week as it was shown."""
    site, own = own_site(db(), principal(), chosen_site_id())
    count = _count()
    try:
        mondays = publish_weeks_ahead(
            db(), principal(), site_id=site.id, count=count, key=request.form.get("seen", ""), now=now()
        )
    except StaleVersion as stale:
        return _again(site, own, count, stale.sentence, CONFLICT)
    except (FieldError, Refused) as error:
        return _again(site, own, count, error.sentence, UNPROCESSABLE)
    # The week's own line says that it was published, with how many others, and undoes it.
    return redirect(week_url(site, mondays[0]), SEE_OTHER)


def _again(site: SiteRow, own: tuple[SiteRow, ...], count: int, sentence: str, status: int) -> Response:
    db().expire_all()
    count = count if FEWEST_WEEKS <= count <= MOST_WEEKS else USUAL_WEEKS
    return refuse(PAGE, _page(site, own, count), status, faults=[(None, sentence)])


def _count() -> int:
    """The number of weeks asked for; what is no small number counts as none."""
    word = request.values.get("weeks", str(USUAL_WEEKS))
    return int(word) if word.isascii() and word.isdecimal() and len(word) <= 2 else 0


def _page(site: SiteRow, own: tuple[SiteRow, ...], count: int) -> dict[str, Any]:
    found = weeks_ahead(db(), principal(), site_id=site.id, count=count, now=now())
    tabs = [
        {"label": each.name, "url": url_for("rosters.ahead", site=each.id), "current": each.id == site.id}
        for each in own
        if len(own) > 1
    ]
    return {
        "site": site,
        "site_tabs": tabs,
        "count": count,
        "counts": range(FEWEST_WEEKS, MOST_WEEKS + 1),
        "rows": [_row(site, week) for week in found.weeks],
        "warned": [_warned(week) for week in found.free if week.warnings],
        "free": len(found.free),
        "has_patterns": found.has_patterns,
        "key": found.key,
    }


def _row(site: SiteRow, week: WeekAhead) -> dict[str, Any]:
    is_free = week.state is WeekState.FREE
    return {
        "name": _name(week),
        "days": f"{short_day_words(week.monday)} to {short_day_words(week.monday + 6 * A_DAY)}",
        "url": week_url(site, week.monday),
        "state": "Would be published" if is_free else LEFT_ALONE[week.state],
        "is_free": is_free,
        "shifts": len(week.shifts) if is_free else "",
        "warnings": len(week.warnings) if is_free else "",
        "target": _target(week) if week.warnings else "",
    }


def _warned(week: WeekAhead) -> dict[str, Any]:
    return {"id": _target(week), "name": _name(week), "sentences": [warning.sentence for warning in week.warnings]}


def _name(week: WeekAhead) -> str:
    return week_words(week.monday).capitalize()


def _target(week: WeekAhead) -> str:
    return f"warnings-{week.monday.isoformat()}"
