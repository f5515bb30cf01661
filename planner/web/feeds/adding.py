"""What the QR picture opens on another phone: the same buttons, without a sign-in, once (feeds.md, ui.md 7.4)."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from planner.domain.access import Principal
from planner.domain.errors import FieldError, NotFound
from planner.feeds.neutral import is_neutral
from planner.services.add_tickets import holder_of, use_ticket
from planner.services.feed_looks import look_of, own_subject
from planner.services.publishing import CONSENT_TEXT, CONSENT_VERSION, create_feed
from planner.store.queries.accounts import the_clinic
from planner.store.queries.feeds import feeds_of
from planner.web.access import address, public, repeatable
from planner.web.clock import now
from planner.web.db import db
from planner.web.feeds import blueprint
from planner.web.feeds.showing import APPS, buttons, device_called, link_page

GONE = 410
UNPROCESSABLE = 422


@blueprint.route("/add/<ticket>", methods=["GET", "POST"])
@public
@repeatable("a ticket is spent by the first one")
def add(ticket: str) -> Response | str:
    """Offer the buttons to who comes with a good ticket; make the one link it is good for."""
    try:
        if request.method == "GET":
            holder_of(db(), ticket, now(), address())
            return render_template("feeds/add.html", **_page(ticket))
        return _make(ticket, use_ticket(db(), ticket, now(), address()))
    except NotFound:
        return make_response(render_template("feeds/ticket_gone.html", **_discreet()), GONE)
    except FieldError as error:
        page = _page(ticket) | {"faults": [(None, error.sentence)]}
        return make_response(render_template("feeds/add.html", **page), UNPROCESSABLE)


def _make(ticket: str, holder: Principal) -> Response:
    app = request.form.get("app", "")
    if app not in APPS:
        raise FieldError("app", "Choose where the calendar goes.")
    scope, subject_id = own_subject(holder)
    look = look_of(db(), holder)
    device = device_called(app, [row.device for row in feeds_of(db(), holder.account_id)])
    feed, token = create_feed(
        db(), holder, scope, subject_id, device, now=now(), consent_version=request.form.get("consent", ""),
        words=look.words, show_address=look.show_address, detail=look.detail,
    )  # fmt: skip
    return link_page(token, app, feed.device, done_url=None, ticket=None, layout="layouts/plain.html", **_discreet())


def _page(ticket: str) -> dict[str, Any]:
    return {
        "ticket": ticket,
        "buttons": buttons(),
        "consent_text": CONSENT_TEXT,
        "consent_version": CONSENT_VERSION,
        **_discreet(),
    }


def _discreet() -> dict[str, Any]:
    """The clinic's neutral name in place of its own: this page opens on a phone that nobody has signed in on."""
    clinic = the_clinic(db())
    name = clinic.neutral_name if clinic is not None and is_neutral(clinic.neutral_name) else "Appointments"
    return {"clinic_name": name, "person": None, "navigation": (), "home_url": None, "demo_clinic": False}
