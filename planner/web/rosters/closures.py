"""Closing a site for a day."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask import render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused
from planner.services.disruption_acts import CloseDay, CloseDays
from planner.services.disruption_effects import days_to_close
from planner.services.reading.rosters import own_site
from planner.store.queries.clinic import SiteRow
from planner.web.access import once, principal, repeatable, requires
from planner.web.db import db, own_reading
from planner.web.fields import put_beside, refuse
from planner.web.filters import day_words
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.forms import LONGEST_REASON, ClosureForm
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import week_url

TEMPLATE = "rosters/close.html"
MOST_DAYS = 31
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@blueprint.get("/rosters/closures/new")
@requires(Permission.ROSTERS_WRITE)
def new_closure() -> str:
    """Say which day, and why; the address may name both."""
    site, own = own_site(db(), principal(), chosen_site_id())
    form = ClosureForm()
    named, reason = request.args.get("day", ""), request.args.get("reason", "")
    if _DAY.fullmatch(named) and len(reason) <= LONGEST_REASON:
        form.day.data, form.reason.data = _day_in(named), reason
    return render_template(TEMPLATE, **_page(site, own, form))


def _day_in(word: str) -> date | None:
    try:
        return date.fromisoformat(word)
    except ValueError:
        return None


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
            return show_preview(reading, _asked(reading, site, form))
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
        return apply_asked(_asked(db(), site, form))
    except (FieldError, Refused) as error:
        return _refused(error, site, own, form)


def _refused(error: FieldError | Refused, site: SiteRow, own: tuple[SiteRow, ...], form: ClosureForm) -> Response:
    put_beside(form, error)
    return refuse(TEMPLATE, _page(site, own, form))


def _asked(session: Session, site: SiteRow, form: ClosureForm) -> Asked:
    """Raises FieldError (`last_day`) for a last day before the first or too long after it."""
    first: date = form.day.data
    last: date = form.last_day.data or first
    if last < first:
        raise FieldError("last_day", "The last day has to be on or after the first.")
    if (last - first).days >= MOST_DAYS:
        raise FieldError("last_day", f"Close at most {MOST_DAYS} days at once.")
    reason = form.reason.data or ""
    words = f"{day_words(first)} {first.year}"
    act: CloseDay | CloseDays = CloseDay(site.id, first, reason)
    if last > first:
        words = f"{day_words(first)} to {day_words(last)} {last.year}"
        days = days_to_close(session, site.id, first, last)
        if not days:
            raise FieldError("day", "The site is already closed on all of these days.")
        act = CloseDays(site.id, tuple((day, reason) for day in days))
    fields = {"site": str(site.id), "day": first.isoformat(), "last_day": last.isoformat(), "reason": reason}
    if last == first:
        del fields["last_day"]
    return Asked(
        act=act,
        heading=f"Close {site.name} {'from' if last > first else 'on'} {words}",
        verb="Close the days" if last > first else "Close the day",
        preview_url=url_for("rosters.preview_closure"),
        apply_url=url_for("rosters.close"),
        back_url=url_for("rosters.new_closure", site=site.id),
        done_url=week_url(site, first),
        fields=tuple(fields.items()),
    )


def _page(site: SiteRow, own: tuple[SiteRow, ...], form: ClosureForm) -> dict[str, Any]:
    return {
        "form": form,
        "site": site,
        "back_url": url_for("rosters.week", site=site.id),
        "other_sites": [(url_for("rosters.new_closure", site=s.id), s.name) for s in own if s.id != site.id],
    }
