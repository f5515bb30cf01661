"""Closing a site for a day."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused
from planner.services.disruptions import CloseDay
from planner.services.reading.rosters import own_site
from planner.store.queries.clinic import SiteRow
from planner.web.access import once, principal, repeatable, requires
from planner.web.db import db, own_reading
from planner.web.fields import put_beside, refuse
from planner.web.filters import day_words
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.forms import ClosureForm
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import week_url

TEMPLATE = "rosters/close.html"


@blueprint.get("/rosters/closures/new")
@requires(Permission.ROSTERS_WRITE)
def new_closure() -> str:
    """Say which day, and why."""
    site, own = own_site(db(), principal(), chosen_site_id())
    return render_template(TEMPLATE, **_page(site, own, ClosureForm()))


@blueprint.post("/rosters/closures/new")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_closure() -> Response | str:
    """What the closed day would change."""
    with own_reading() as reading:
        site, own = own_site(reading, principal(), chosen_site_id())
        form = ClosureForm()
        if not form.validate():
            return refuse(TEMPLATE, _page(site, own, form))
        try:
            return show_preview(reading, _asked(site, form))
        except (FieldError, Refused) as error:
            return _refused(error, site, own, form)


@blueprint.post("/rosters/closures")
@requires(Permission.ROSTERS_WRITE)
@once
def close() -> Response:
    """Close the day as previewed."""
    site, own = own_site(db(), principal(), chosen_site_id())
    form = ClosureForm()
    if not form.validate():
        return refuse(TEMPLATE, _page(site, own, form))
    try:
        return apply_asked(_asked(site, form))
    except (FieldError, Refused) as error:
        return _refused(error, site, own, form)


def _refused(error: FieldError | Refused, site: SiteRow, own: tuple[SiteRow, ...], form: ClosureForm) -> Response:
    put_beside(form, error)
    return refuse(TEMPLATE, _page(site, own, form))


def _asked(site: SiteRow, form: ClosureForm) -> Asked:
    day: date = form.day.data
    reason = form.reason.data or ""
    return Asked(
        act=CloseDay(site.id, day, reason),
        heading=f"Close {site.name} on {day_words(day)} {day.year}",
        verb="Close the day",
        preview_url=url_for("rosters.preview_closure"),
        apply_url=url_for("rosters.close"),
        back_url=url_for("rosters.new_closure", site=site.id),
        done_url=week_url(site, day),
        fields=(("site", str(site.id)), ("day", day.isoformat()), ("reason", reason)),
    )


def _page(site: SiteRow, own: tuple[SiteRow, ...], form: ClosureForm) -> dict[str, Any]:
    return {
        "form": form,
        "site": site,
        "back_url": url_for("rosters.week", site=site.id),
        "other_sites": [(url_for("rosters.new_closure", site=s.id), s.name) for s in own if s.id != site.id],
    }
