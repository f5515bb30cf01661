"""Today: each role's day, and any other day."""

from __future__ import annotations

from datetime import date, timedelta

from flask import abort, render_template, request

from planner.domain.access import Permission
from planner.domain.walltime import local_day
from planner.web.access import principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.today import blueprint
from planner.web.today.checklist import checklist
from planner.web.today.pages import home_zone, today_page

FURTHEST = timedelta(days=800)


@blueprint.get("/today")
@requires(
    Permission.TODAY_READ, reads="a day of the site, looked at all day long; what is opened from it is written down"
)
def today() -> str:
    """The day as this person needs it; `?day=` shows another one."""
    zone, sites = home_zone(db(), principal())
    present = local_day(now(), zone)
    day = _asked_day(present)
    page = today_page(db(), principal(), sites, zone, day, now())
    steps = checklist(db(), principal(), now()) if page.is_today else None
    return render_template("today/today.html", page=page, checklist=steps)


def _asked_day(present: date) -> date:
    word = request.args.get("day", "")
    if not word:
        return present
    try:
        day = date.fromisoformat(word)
    except ValueError:
        abort(400, "Write the day as 2026-11-26.")
    if abs(day - present) > FURTHEST:
        abort(400, "That day is too far away to show. Choose one within two years.")
    return day
