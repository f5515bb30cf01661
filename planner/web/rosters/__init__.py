"""Rosters: a site's week, closed days, public holidays and absences with everything that follows from them."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("rosters", __name__)

from planner.web.rosters import (  # noqa: E402, F401  they put their views into the blueprint
    absence_list,
    absences,
    closed_days,
    closures,
    drafts,
    patterns,
    public_holidays,
    publishing,
    reassigning,
    sick,
    versions,
    views,
    weeks_ahead,
)
