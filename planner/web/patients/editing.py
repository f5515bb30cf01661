"""A patient's page changed: facts, absences, discharge."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission, Role
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.statuses import Mode
from planner.domain.walltime import day_span
from planner.services import discharging, patient_care
from planner.services.admitting import weekly_availability
from planner.store.queries import clinic, people
from planner.store.queries.places import the_clinic_record
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import instant_of, put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.patients import blueprint
from planner.web.patients.forms import AwayForm, DischargeForm, EditPatientForm, words_of
from planner.web.places.forms import beyond_boxes, boxes_of, day_rows, typed_spans
from planner.web.reads import THE_PATIENT

EDIT, AWAY, DISCHARGE = "patients/edit.html", "patients/away.html", "patients/discharge.html"
WRITE = Permission.PATIENTS_WRITE
MIDNIGHT = 1440


@blueprint.get("/patients/<id:patient_id>/edit")
@requires(WRITE, reads=THE_PATIENT)
def edit(patient_id: int) -> str:
    """Change what is known of a patient."""
    row = _theirs(patient_id)
    form = _form(row, data=_boxes(row))
    return render_template(EDIT, **_page(form, row, row.version))


@blueprint.post("/patients/<id:patient_id>/edit")
@requires(WRITE, reads=THE_PATIENT)
@once
def keep(patient_id: int) -> Response:
    """Keep what is known of a patient."""
    row = _theirs(patient_id)
    form = _form(row)
    if not form.validate():
        return refuse(EDIT, _page(form, row, seen_version()))
    try:
        facts = _facts(form, patient_id)
        patient_care.change_patient(db(), principal(), patient_id, facts, seen_version=seen_version(), now=now())
    except StaleVersion:
        return refuse(EDIT, _page(form, row, row.version, newer_values(form, _boxes(row))), status=CONFLICT)
    except FieldError as error:
        put_beside(form, FieldError("preferred_to", error.sentence) if error.field == "preferred" else error)
        return refuse(EDIT, _page(form, row, seen_version()))
    return _back(patient_id, "Saved. Nothing that is booked has moved.")


@blueprint.get("/patients/<id:patient_id>/absences/new")
@requires(WRITE, reads=THE_PATIENT)
def away(patient_id: int) -> str:
    """Say when a patient cannot come."""
    row = _theirs(patient_id)
    return render_template(AWAY, form=AwayForm(), patient=row, version=row.version)


@blueprint.post("/patients/<id:patient_id>/absences/new")
@requires(WRITE, reads=THE_PATIENT)
@once
def keep_away(patient_id: int) -> Response:
    """Keep when a patient cannot come."""
    row, form = _theirs(patient_id), AwayForm()
    if not form.validate():
        return refuse(AWAY, form=form, patient=row, version=seen_version())
    try:
        starts_at, ends_at = _span(form, row.zone)
        patient_care.add_absence(
            db(), principal(), patient_id, starts_at, ends_at, seen_version=seen_version(), now=now()
        )
    except StaleVersion as error:
        put_beside(form, error)
        return refuse(AWAY, status=CONFLICT, form=form, patient=row, version=row.version)
    except FieldError as error:
        put_beside(form, error)
        return refuse(AWAY, form=form, patient=row, version=seen_version())
    return _back(patient_id, "The absence is saved. Nothing that is booked has moved.")


@blueprint.post("/patients/<id:patient_id>/absences/<id:absence_id>/remove")
@requires(WRITE, reads=THE_PATIENT)
@once
def remove_away(patient_id: int, absence_id: int) -> Response:
    """Strike an absence out."""
    patient_care.remove_absence(db(), principal(), patient_id, absence_id, seen_version=seen_version(), now=now())
    return _back(patient_id, "The absence is removed.")


@blueprint.get("/patients/<id:patient_id>/discharge")
@requires(WRITE, reads=THE_PATIENT)
def discharging_page(patient_id: int) -> str:
    """What a discharge ends."""
    return render_template(DISCHARGE, **_discharge_page(patient_id))


@blueprint.post("/patients/<id:patient_id>/discharge")
@requires(WRITE, reads=THE_PATIENT)
@once
def discharge(patient_id: int) -> Response:
    """Discharge the patient."""
    page, form = _discharge_page(patient_id), DischargeForm()
    try:
        discharging.discharge_patient(
            db(), principal(), patient_id, end_sign_in=form.end_sign_in.data, seen_version=seen_version(), now=now()
        )
    except StaleVersion as error:
        return refuse(DISCHARGE, page, status=CONFLICT, faults=[(None, error.sentence)])
    except FieldError as error:
        return refuse(DISCHARGE, page, faults=[(None, error.sentence)])
    return _back(patient_id, "The patient is discharged.")


@blueprint.post("/patients/<id:patient_id>/readmit")
@requires(WRITE, reads=THE_PATIENT)
@once
def readmit(patient_id: int) -> Response:
    """Take a discharged patient up again."""
    discharging.readmit_patient(db(), principal(), patient_id, seen_version=seen_version(), now=now())
    return _back(patient_id, "The patient is in care again.")


def _theirs(patient_id: int) -> people.PatientRow:
    return people.patient(db(), principal(), patient_id, WRITE)


def _form(row: people.PatientRow, data: dict[str, Any] | None = None) -> Any:
    """With one's own sites, and the therapists there; whoever treats them now stays on the list."""
    form = EditPatientForm(data=data)
    sites = clinic.sites(db(), principal().site_ids)
    choices = {str(site.id): site.name for site in sites} | {str(row.site_id): row.site_name}
    form.site.choices = [SelectChoice(value, words) for value, words in choices.items()]
    staff = {str(person.id): person.name for person in people.staff(db(), Role.THERAPIST, principal().site_ids)}
    if row.therapist_id is not None:
        staff.setdefault(str(row.therapist_id), f"{row.therapist_name} (not here any more)")
    form.therapist.choices = [SelectChoice("", "None yet"), *(SelectChoice(v, words) for v, words in staff.items())]
    return form


def _weekly(patient_id: int) -> dict[int, tuple[tuple[int, int], ...]]:
    spans = weekly_availability(db(), patient_id)
    days = sorted({span.weekday for span in spans})
    return {day: tuple((s.from_minute, s.to_minute) for s in spans if s.weekday == day) for day in days}


def _boxes(row: people.PatientRow) -> dict[str, Any]:
    return {
        "code": row.code,
        "name": row.name,
        "site": str(row.site_id),
        "therapist": str(row.therapist_id or ""),
        "escort": row.escort,
        "modes": [mode.value for mode in row.modes],
        "messages": row.messages_agreed_at is not None,
        "preferred_from": _wall(row.preferred_from) if row.preferred_from else None,
        "preferred_to": _wall(row.preferred_to) if row.preferred_to < MIDNIGHT else None,
        **boxes_of(_weekly(row.id)),
    }


def _wall(minute: int) -> time:
    return time(minute // 60, minute % 60)


def _facts(form: Any, patient_id: int) -> patient_care.PatientFacts:
    return patient_care.PatientFacts(
        code=form.code.data,
        name=form.name.data,
        site_id=int(form.site.data),
        therapist_id=int(form.therapist.data) if form.therapist.data else None,
        modes=tuple(Mode(word) for word in form.modes.data),
        preferred=(words_of(form.preferred_from.data, "00:00"), words_of(form.preferred_to.data, "24:00")),
        escort=form.escort.data or "",
        messages=form.messages.data,
        weekly=typed_spans(form, _weekly(patient_id)),
    )


def _span(form: AwayForm, zone: str) -> tuple[datetime, datetime]:
    """From the first to the last; a time that the clocks show twice is read so that the absence is the longer one."""
    first, last = form.from_day.data, form.to_day.data or form.from_day.data
    return _edge(first, form.from_time.data, zone, 0), _edge(last, form.to_time.data, zone, 1)


def _edge(day: date, at: time | None, zone: str, end: int) -> datetime:
    if at is None:
        return day_span(day, zone)[end]
    return instant_of(day, at, zone, end, field="to_time" if end else "from_time")


def _page(
    form: Any, row: people.PatientRow, version: int, newer: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    return {
        "form": form,
        "patient": row,
        "days": day_rows(form),
        "beyond": beyond_boxes(_weekly(row.id)),
        "version": version,
        "newer": newer,
    }


def _discharge_page(patient_id: int) -> dict[str, Any]:
    row = _theirs(patient_id)
    return {
        "patient": row,
        "form": DischargeForm(),
        "has_sign_in": discharging.has_sign_in(db(), patient_id),
        "days_to_read": the_clinic_record(db()).portal_days_after_discharge,
        "faults": [],
    }


def _back(patient_id: int, words: str) -> Response:
    flash(words, "ok")
    return redirect(url_for("patients.patient", patient_id=patient_id), SEE_OTHER)
