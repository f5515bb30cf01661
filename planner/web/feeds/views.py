"""Calendar links of staff: make one for each device, see where they are, end them."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError
from planner.services.add_tickets import make_ticket
from planner.services.feed_looks import detail_named, subject_named, subjects
from planner.services.publishing import (
    CONSENT_TEXT,
    CONSENT_VERSION,
    create_feed,
    revoke_all_feeds,
    revoke_feed,
    rotate_feed,
)
from planner.store.queries.accounts import the_clinic
from planner.store.queries.feeds import feeds_of
from planner.web.access import SEE_OTHER, once, principal, requires, signed_in
from planner.web.clock import now
from planner.web.db import db
from planner.web.feeds import blueprint
from planner.web.feeds.forms import LinkForm
from planner.web.feeds.showing import APPS, device_called, link_page
from planner.web.fields import put_beside, refuse

PAGE = "feeds/feeds.html"
SHOWN = "That link has been shown. For another device, make another link."


@blueprint.get("/feeds")
@requires(Permission.OWN_FEEDS)
def feeds() -> Response | str:
    """Where my calendars are, and the form for a new one. Patients have a page of their own."""
    if _is_patient():
        return redirect("/my/calendar", SEE_OTHER)
    return render_template(PAGE, **_page())


@blueprint.route("/feeds/new", methods=["GET", "POST"])
@requires(Permission.OWN_FEEDS)
@once
def new_feed() -> Response:
    """Make a link and show it, this once; loading the page again leads back to the list."""
    if request.method == "GET" or _is_patient():
        flash(SHOWN, "info")
        return redirect(url_for("feeds.feeds"), SEE_OTHER)
    form = LinkForm(subjects(db(), principal()))
    if not form.validate():
        return refuse(PAGE, _page(form))
    taken = [row.device for row in feeds_of(db(), principal().account_id)]
    try:
        subject = subject_named(db(), principal(), form.subject.data)
        feed, token = create_feed(
            db(), principal(), subject.scope, subject.subject_id,
            form.device.data or device_called(form.app.data, taken), now=now(),
            consent_version=form.consent.data or "", detail=detail_named(form.detail.data),
        )  # fmt: skip
    except FieldError as error:
        put_beside(form, error)
        return refuse(PAGE, _page(form))
    ticket = make_ticket(db(), principal(), now()) if subject.key == "own" else None
    return link_page(
        token, form.app.data, feed.device, done_url=url_for("feeds.feeds"), ticket=ticket, layout="layouts/app.html"
    )


@blueprint.route("/feeds/<id:feed_id>/renew", methods=["GET", "POST"])
@requires(Permission.OWN_FEEDS)
@once
def renew_feed(feed_id: int) -> Response:
    """The same calendar under a new secret; the old address empties itself."""
    if request.method == "GET":
        flash(SHOWN, "info")
        return redirect(url_for("feeds.feeds"), SEE_OTHER)
    feed, token = rotate_feed(db(), principal(), feed_id, now())
    return link_page(
        token, "other", feed.device, done_url=url_for("feeds.feeds"), ticket=None, layout="layouts/app.html"
    )


@blueprint.post("/feeds/<id:feed_id>/remove")
@requires(Permission.OWN_FEEDS)
@once
def remove_feed(feed_id: int) -> Response:
    """End one link."""
    feed = revoke_feed(db(), principal(), feed_id, now())
    flash(f"Removed from {feed.device}. It empties itself when that device next looks.", "ok")
    return redirect(url_for("feeds.feeds"), SEE_OTHER)


@blueprint.post("/feeds/remove-all")
@requires(Permission.OWN_FEEDS)
@once
def remove_all_feeds() -> Response:
    """End all of my links."""
    revoke_all_feeds(db(), principal(), now())
    flash("All links are removed.", "ok")
    return redirect(url_for("feeds.feeds"), SEE_OTHER)


def _is_patient() -> bool:
    person = signed_in()
    return person is not None and not person.is_staff


def _page(form: LinkForm | None = None) -> dict[str, Any]:
    offered = subjects(db(), principal())
    clinic = the_clinic(db())
    rows = feeds_of(db(), principal().account_id)
    return {
        "form": form or LinkForm(offered, None, consent=CONSENT_VERSION),
        "offered": offered,
        "names": {(subject.scope, subject.subject_id): subject.words for subject in offered},
        "links": rows,
        "zone": clinic.zone if clinic else "UTC",
        "consent_text": CONSENT_TEXT,
        "consent_version": CONSENT_VERSION,
        "apps": APPS,
    }
