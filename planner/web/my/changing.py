"""Another time for a date, chosen from offered ones; and cancelling, by the clinic's policy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import Refused, StaleVersion
from planner.domain.intervals import instant_of
from planner.services import portal
from planner.services.portal import OfferedTime, own_date
from planner.store.queries.appointments import AppointmentRow
from planner.store.queries.portal import changed_together, clinic_help
from planner.web.access import SEE_OTHER, once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import refuse, seen_version
from planner.web.my import blueprint
from planner.web.my.words import can_cancel, card
from planner.web.reads import OWN_DATE

CONFLICT = 409
CHOOSE = "Choose one of the times."
NEWER = "Your dates were changed in the meantime. Here is how they are now."
#: Minutes since 1970: a thousand years of them.
_MINUTES = re.compile(r"[0-9]{1,9}")


@blueprint.route("/my/dates/<id:appointment_id>/change", methods=["GET", "POST"])
@requires(Permission.OWN_DATES_CHANGE, reads=OWN_DATE)
@repeatable("it shows what would change and changes nothing")
def change(appointment_id: int) -> Response | str:
    """Offer times; with one chosen, say what moves with it."""
    row = own_date(db(), principal(), appointment_id)
    if request.method == "GET":
        return render_template("my/change.html", **_offers(row))
    start = _chosen()
    if start is None:
        return refuse("my/change.html", _offers(row, CHOOSE))
    try:
        preview = portal.preview_change(db(), principal(), row, start, now=now())
    except Refused:
        return refuse("my/change.html", _offers(row, portal.GONE))
    return render_template(
        "my/change_check.html",
        date=card(row, now()),
        preview=preview,
        zone=row.zone,
        confirm_url=url_for("my.confirm_change", appointment_id=row.id),
    )


@blueprint.route("/my/dates/<id:appointment_id>/change/confirm", methods=["GET", "POST"])
@requires(Permission.OWN_DATES_CHANGE, reads=OWN_DATE)
@once
def confirm_change(appointment_id: int) -> Response:
    """Make the change that was shown."""
    if request.method == "GET":
        return redirect(url_for("my.change", appointment_id=appointment_id), SEE_OTHER)
    row = own_date(db(), principal(), appointment_id)
    start = _chosen()
    if start is None:
        return refuse("my/change.html", _offers(row, CHOOSE))
    try:
        done = portal.change(
            db(), principal(), row, start, key=request.form.get("plan", ""), seen_version=seen_version(), now=now()
        )
    except StaleVersion:
        return refuse("my/change.html", _offers(_again(row), NEWER), CONFLICT)
    except Refused:
        return refuse("my/change.html", _offers(_again(row), portal.GONE))
    return redirect(url_for("my.changed", appointment_id=row.id, change_set_id=done.id), SEE_OTHER)


@blueprint.get("/my/dates/<id:appointment_id>/changed/<id:change_set_id>")
@requires(Permission.PORTAL, reads=OWN_DATE)
def changed(appointment_id: int, change_set_id: int) -> Response | str:
    """The new time, to be sure of it; for a change that gave this date no new time, or was undone, just the date."""
    row = own_date(db(), principal(), appointment_id)
    moved = changed_together(db(), principal(), change_set_id)
    if row.id not in {other.id for other in moved}:
        return redirect(url_for("my.one_date", appointment_id=row.id), SEE_OTHER)
    others = [card(other, now()) for other in moved if other.id != row.id]
    return render_template("my/changed.html", date=card(row, now()), others=others, zone=row.zone)


@blueprint.route("/my/dates/<id:appointment_id>/cancel", methods=["GET", "POST"])
@requires(Permission.OWN_DATES_CHANGE, reads=OWN_DATE)
@once
def cancel(appointment_id: int) -> Response | str:
    """Another time first; then cancelling a talk, or asking the clinic about a treatment."""
    row = own_date(db(), principal(), appointment_id)
    if request.method == "GET":
        return render_template("my/cancel.html", **_cancelling(row))
    try:
        portal.cancel(db(), principal(), row, seen_version=seen_version(), now=now())
    except StaleVersion:
        return refuse("my/cancel.html", _cancelling(_again(row), NEWER), CONFLICT)
    except Refused as error:
        return refuse("my/cancel.html", _cancelling(_again(row), error.sentence))
    return redirect(url_for("my.cancelled", appointment_id=row.id), SEE_OTHER)


@blueprint.get("/my/dates/<id:appointment_id>/cancelled")
@requires(Permission.PORTAL, reads=OWN_DATE)
def cancelled(appointment_id: int) -> Response | str:
    """It is off; to be sure of it."""
    row = own_date(db(), principal(), appointment_id)
    if row.status.value != "cancelled":
        return redirect(url_for("my.one_date", appointment_id=row.id), SEE_OTHER)
    return render_template("my/cancelled.html", date=card(row, now()), zone=row.zone)


def _chosen() -> datetime | None:
    word = request.form.get("time", "")
    return instant_of(int(word)) if _MINUTES.fullmatch(word) else None


def _again(row: AppointmentRow) -> AppointmentRow:
    """The date as it is now, after a refusal."""
    db().expire_all()
    return own_date(db(), principal(), row.id)


def _offers(row: AppointmentRow, fault: str = "") -> dict[str, Any]:
    offered = portal.offered_times(db(), principal(), row, now=now())
    return {
        "date": card(row, now()),
        "slots": [Slot(time) for time in offered],
        "zone": row.zone,
        "fault": fault if offered else "",
        "faults": [("time-0" if offered else None, fault)] if fault else [],
        "help": clinic_help(db()),
    }


class Slot:
    """An offered time as the list of times shows it, with what moves along."""

    def __init__(self, time: OfferedTime) -> None:
        self.value, self.starts_at, self.ends_at = time.value, time.starts_at, time.ends_at
        self.detail = _also(time.others)


def _also(others: Sequence[portal.Moved]) -> str:
    if not others:
        return ""
    if len(others) == 1:
        return f"Your {others[0].title.lower()} moves too"
    return f"{len(others)} other dates move too"


def _cancelling(row: AppointmentRow, fault: str = "") -> dict[str, Any]:
    return {
        "date": card(row, now()),
        "appointment_id": row.id,
        "can_cancel": can_cancel(row, now()),
        "zone": row.zone,
        "faults": [(None, fault)] if fault else [],
        "help": clinic_help(db()),
    }
