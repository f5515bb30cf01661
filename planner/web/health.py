"""Whether the planner runs, and whether it should get requests."""

from __future__ import annotations

from flask import Blueprint, current_app
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from planner.web.access import public

health = Blueprint("health", __name__)
UNAVAILABLE = 503


@health.get("/healthz")
@public
def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@health.get("/readyz")
@public
def readyz() -> Response:
    """The database answers, is at the newest migration and has every guard against double booking."""
    try:
        fault = current_app.extensions["planner_readiness"]()
    except (OperationalError, TimeoutError):
        fault = "The database does not answer."
    if fault:
        return Response(fault + "\n", UNAVAILABLE, {"Retry-After": "5"}, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")
