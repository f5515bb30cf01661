"""The clinic's own settings."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.services.clinic_settings import BOUNDS, ClinicSettings, change_clinic
from planner.store.queries.places import the_clinic_record
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.places import blueprint
from planner.web.places.forms import ClinicForm

TEMPLATE = "places/clinic.html"
BOXES = ("name", "neutral_name", "feed_words", "zone", "help_text", *BOUNDS)


@blueprint.get("/admin/clinic")
@requires(Permission.CLINIC_WRITE)
def clinic() -> str:
    """The settings as they are."""
    current = the_clinic_record(db())
    return render_template(TEMPLATE, **_page(ClinicForm(data=_boxes(current)), current.version))


@blueprint.post("/admin/clinic")
@requires(Permission.CLINIC_WRITE)
@once
def change() -> Response:
    """Keep the settings."""
    form, current = ClinicForm(), the_clinic_record(db())
    if not form.validate():
        return refuse(TEMPLATE, _page(form, seen_version()))
    try:
        change_clinic(db(), principal(), _settings(form), seen_version=seen_version(), now=now())
    except StaleVersion:
        newer = newer_values(form, _boxes(current))
        return refuse(TEMPLATE, _page(form, current.version, newer), status=CONFLICT)
    except FieldError as error:
        put_beside(form, error)
        return refuse(TEMPLATE, _page(form, seen_version()))
    flash("The clinic's settings are saved.", "ok")
    return redirect(url_for("places.clinic"), SEE_OTHER)


def _settings(form: ClinicForm) -> ClinicSettings:
    return ClinicSettings(
        name=form.name.data or "",
        neutral_name=form.neutral_name.data or "",
        zone=form.zone.data or "",
        help_text=form.help_text.data or "",
        feed_words=form.feed_words.data or "",
        undo_minutes=form.undo_minutes.data,
        hold_minutes=form.hold_minutes.data,
        staff_idle_minutes=form.staff_idle_minutes.data,
        patient_idle_minutes=form.patient_idle_minutes.data,
        plan_ahead_months=form.plan_ahead_months.data,
        portal_days_after_discharge=form.portal_days_after_discharge.data,
    )


def _boxes(current: Any) -> dict[str, Any]:
    return {name: getattr(current, name) for name in BOXES}


def _page(form: ClinicForm, version: int, newer: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    return {"form": form, "version": version, "newer": newer}
