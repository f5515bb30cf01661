"""Finding a patient, a course or a member of staff; what was opened lately; filters one keeps."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("finding", __name__)

from planner.web.finding import filters, views, visits  # noqa: E402, F401  they put their views into the blueprint
