"""One-use links: the page that shows one, once, and what pages opened by one have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from planner.feeds.neutral import is_neutral
from planner.services import fetching
from planner.store.queries.account_lists import clinic_zone
from planner.store.queries.accounts import the_clinic
from planner.web.access import address
from planner.web.clock import now
from planner.web.db import db, own_reading, own_transaction
from planner.web.errors import error_page

GONE = 410
TOO_MANY = 429
SHOWN = "That link has been shown. To have another one, renew it."


def public_address(path: str) -> str:
    """The whole address of a page, as people outside reach it."""
    base: str = current_app.config["PLANNER_PUBLIC_URL"]
    return (base or request.url_root.rstrip("/")) + path


def link_page(title: str, path: str, *, whom: str, until: datetime, what: str, done_url: str) -> Response:
    """The page with a new link. It has no forms: without a referrer, the protection of forms would refuse them."""
    page = render_template(
        "accounts/link.html",
        heading=title,
        address=public_address(path),
        whom=whom,
        until=until,
        what=what,
        zone=clinic_zone(db()),
        done_url=done_url,
        person=None,
        find_url=None,
    )
    response = make_response(page)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def discreet_page(template: str, status: int = 200, **context: Any) -> Response:
    """A page opened by a link: the clinic's neutral name in place of its own, and nothing for others to keep.

    Its referrer is this site without the address, so that the token goes nowhere; with none at all browsers would
    send the form without its origin, and it would be refused.
    """
    clinic = the_clinic(db())
    name = clinic.neutral_name if clinic is not None and is_neutral(clinic.neutral_name) else "Appointments"
    around = {"clinic_name": name, "person": None, "navigation": (), "home_url": None, "demo_clinic": False}
    response = make_response(render_template(template, **{**around, **context}), status)
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Cache-Control"] = "no-store"
    return response


def gone() -> Response:
    """The same answer to every link that does not work; who tries many has to wait. Links that work never wait."""
    with own_reading() as reading:
        wait = fetching.wait_after_misses(reading, address(), now())
    if wait is not None:
        response = error_page(TOO_MANY)
        response.headers["Retry-After"] = str(int(wait.total_seconds()))
        return response
    with own_transaction() as writing:
        fetching.note_miss(writing, address(), now())
    return discreet_page("accounts/gone.html", GONE)
