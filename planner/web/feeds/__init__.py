"""Calendars: what calendar programs fetch, the pages on which staff make links, and what a QR picture opens."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("feeds", __name__)

from planner.web.feeds import adding, serving, views  # noqa: E402, F401  they put their views into the blueprint
