"""The patient's own pages: next date, all dates, another time, calendar, help. No script on any of them."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("my", __name__)

from planner.web.my import calendar, changing, looks, views  # noqa: E402, F401  they put their views into the blueprint
