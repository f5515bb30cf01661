"""The patient's calendar page: what others could see, where the calendar is, and a link for each device."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from planner.domain.access import Permission
from planner.domain.errors import FieldError
from planner.services.add_tickets import make_ticket
from planner.services.feed_looks import Look, change_looks, look_of, neutral_words, own_subject
from planner.services.portal import to_come
from planner.services.publishing import (
    CONSENT_TEXT,
    CONSENT_VERSION,
    create_feed,
    revoke_all_feeds,
    revoke_feed,
)
from planner.store.queries.appointments import of_patient
from planner.store.queries.feeds import feeds_of
from planner.store.queries.portal import clinic_help
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.feeds.showing import APPS, buttons, device_called, link_page
from planner.web.fields import PlannerForm, put_beside, refuse
from planner.web.my import blueprint
from planner.web.reads import OWN_RECORD

#: Where the chosen words wait, in the browser's session on the server, until there is a link that has them.
CHOSEN = "calendar_look"
SHOWN = "That link has been shown. For another device, press its button again."


class WordsForm(PlannerForm):
    """What an entry says."""

    words = RadioField("On your calendar it says", [InputRequired("Choose one of these words.")])
    show_address = BooleanField("Show the address of the clinic, too")


@blueprint.get("/my/calendar")
@requires(Permission.PORTAL, reads=OWN_RECORD)
def calendar() -> str:
    """The whole calendar page."""
    return render_template("my/calendar.html", **_page())


@blueprint.route("/my/calendar/words", methods=["GET", "POST"])
@requires(Permission.OWN_FEEDS, reads=OWN_RECORD)
@once
def calendar_words() -> Response | str:
    """Choose among neutral words; every link changes at once."""
    look = _look()
    form = WordsForm(words=look.words, show_address=bool(look.show_address))
    form.words.choices = [SelectChoice(words, words) for words in neutral_words(db())]
    if request.method == "GET":
        return render_template("my/calendar_words.html", form=form)
    if not form.validate():
        return refuse("my/calendar_words.html", form=form)
    try:
        change_looks(db(), principal(), form.words.data, form.show_address.data, now())
    except FieldError as error:
        put_beside(form, error)
        return refuse("my/calendar_words.html", form=form)
    session[CHOSEN] = {"words": form.words.data, "show_address": form.show_address.data}
    flash("Saved. Your calendars follow when they next look.", "ok")
    return redirect(url_for("my.calendar"), SEE_OTHER)


@blueprint.route("/my/calendar/new", methods=["GET", "POST"])
@requires(Permission.PORTAL, reads=OWN_RECORD)
@once
def new_calendar() -> Response:
    """Make a link for one device and show it, this once; loading the page again leads back."""
    if request.method == "GET":
        flash(SHOWN, "info")
        return redirect(url_for("my.calendar"), SEE_OTHER)
    app = request.form.get("app", "")
    if app not in APPS:
        return refuse("my/calendar.html", _page("Choose where the calendar goes."))
    scope, subject_id = own_subject(principal())
    look = _look()
    taken = [row.device for row in feeds_of(db(), principal().account_id)]
    try:
        feed, token = create_feed(
            db(), principal(), scope, subject_id, device_called(app, taken), now=now(),
            consent_version=request.form.get("consent", ""), words=look.words, show_address=look.show_address,
        )  # fmt: skip
    except FieldError as error:
        return refuse("my/calendar.html", _page(error.sentence))
    ticket = make_ticket(db(), principal(), now())
    return link_page(
        token, app, feed.device, done_url=url_for("my.calendar"), ticket=ticket, layout="layouts/patient.html"
    )


@blueprint.post("/my/calendar/<id:feed_id>/remove")
@requires(Permission.PORTAL, reads=OWN_RECORD)
@once
def remove_calendar(feed_id: int) -> Response:
    """End one link."""
    feed = revoke_feed(db(), principal(), feed_id, now())
    flash(f"Removed: {feed.device}. It empties itself when that device next looks.", "ok")
    return redirect(url_for("my.calendar"), SEE_OTHER)


@blueprint.post("/my/calendar/remove-all")
@requires(Permission.PORTAL, reads=OWN_RECORD)
@once
def remove_all_calendars() -> Response:
    """End all links."""
    revoke_all_feeds(db(), principal(), now())
    flash("All links are removed.", "ok")
    return redirect(url_for("my.calendar"), SEE_OTHER)


def _look() -> Look:
    """What entries shall say: as chosen a moment ago, else as the newest link, else the clinic's own word."""
    chosen = session.get(CHOSEN)
    look = Look(chosen["words"], chosen["show_address"]) if chosen else look_of(db(), principal())
    words = look.words if look.words in neutral_words(db()) else neutral_words(db())[0]
    return Look(words, bool(look.show_address), look.detail)


def _page(fault: str = "") -> dict[str, Any]:
    ahead = to_come(of_patient(db(), principal(), principal().patient_id or 0), now())
    clinic = clinic_help(db())
    return {
        "look": _look(),
        "sample": ahead[0] if ahead else None,
        "links": feeds_of(db(), principal().account_id),
        "buttons": buttons(),
        "zone": ahead[0].zone if ahead else clinic.zone,
        "consent_text": CONSENT_TEXT,
        "consent_version": CONSENT_VERSION,
        "faults": [(None, fault)] if fault else [],
    }
