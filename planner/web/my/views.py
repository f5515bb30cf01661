"""The patient's plan: what is next, the days to talk, all dates, one date, and who to call."""

from __future__ import annotations

from flask import render_template

from planner.domain.access import Permission
from planner.services.portal import behind, own_date, to_come
from planner.services.talk_days import talk_days
from planner.store.queries.appointments import AppointmentRow, of_patient
from planner.store.queries.portal import clinic_help, escort_of
from planner.web.access import principal, requires, signed_in
from planner.web.clock import now
from planner.web.db import db
from planner.web.my import blueprint
from planner.web.my.words import card, day_lines, tasks, weekday
from planner.web.reads import OWN_DATE, OWN_RECORD

SOON = 3


@blueprint.get("/my")
@requires(Permission.PORTAL, reads=OWN_RECORD)
def home() -> str:
    """What is next."""
    rows = _own_rows()
    ahead = to_come(rows, now())
    days = talk_days(db(), rows, now())
    cards = [card(row, now()) for row in ahead]
    treatment = next((found for found in cards if found.is_treatment), None)
    return render_template(
        "my/home.html",
        first_name=_first_name(),
        following=cards[0] if cards else None,
        soon=cards[1 : SOON + 1],
        count=len(cards),
        talking=day_lines(days) if days else [],
        before=tasks(escort_of(db(), principal().patient_id or 0)) if treatment else [],
        before_day=weekday(treatment.starts_at, treatment.zone) if treatment else "",
        zone=cards[0].zone if cards else clinic_help(db()).zone,
    )


@blueprint.get("/my/dates")
@requires(Permission.PORTAL, reads=OWN_RECORD)
def dates() -> str:
    """All dates, to read and to print."""
    rows = _own_rows()
    help_ = clinic_help(db())
    return render_template(
        "my/dates.html",
        ahead=[card(row, now()) for row in to_come(rows, now())],
        past=[card(row, now()) for row in behind(rows, now())],
        zone=rows[0].zone if rows else help_.zone,
    )


@blueprint.get("/my/dates/<id:appointment_id>")
@requires(Permission.PORTAL, reads=OWN_DATE)
def one_date(appointment_id: int) -> str:
    """One date: when, where, with whom, and what can be done about it."""
    row = own_date(db(), principal(), appointment_id)
    return render_template("my/date.html", date=card(row, now()), status=row.status.value, zone=row.zone)


@blueprint.get("/my/help")
@requires(Permission.PORTAL, reads=OWN_RECORD)
def help_page() -> str:
    """Who to call, in the clinic's own words."""
    return render_template("my/help.html", clinic=clinic_help(db()))


def _own_rows() -> list[AppointmentRow]:
    return of_patient(db(), principal(), principal().patient_id or 0)


def _first_name() -> str:
    person = signed_in()
    return person.name.split()[0] if person is not None and person.name.split() else ""
