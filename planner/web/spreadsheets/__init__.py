"""Spreadsheets and files: bringing records in and taking them out."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("spreadsheets", __name__)

from planner.web.spreadsheets import loose, runs, views  # noqa: E402, F401  they put their views into the blueprint
