"""Patients: the list, one patient, and adding one."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission, Role, may
from planner.domain.errors import FieldError
from planner.domain.statuses import Mode
from planner.services.admitting import admit_patient, weekly_availability
from planner.store.queries import appointments, clinic, courses, people
from planner.store.queries.day import to_do
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse
from planner.web.lists import PATIENTS, filtering
from planner.web.patients import blueprint
from planner.web.patients.fitting import unfitting
from planner.web.patients.forms import WEEKDAYS, NewPatientForm, words_of
from planner.web.patients.pages import patient_page
from planner.web.patients.reading import reading_words
from planner.web.reads import PATIENTS_LIST, THE_PATIENT, list_is_read

FORM = "patients/new.html"


@blueprint.get("/patients")
@requires(Permission.PATIENTS_READ, reads=PATIENTS_LIST)
def patients() -> str:
    """Patients this person may see."""
    by = filtering(db(), principal(), PATIENTS, request.args)
    course = by.chosen.get("course")
    found = people.patients(
        db(),
        principal(),
        site_id=by.id_of("site"),
        therapist_id=by.id_of("therapist"),
        in_course=None if course is None else course == "open",
        active="show" not in by.chosen,
    )
    if "attention" in by.chosen:
        waiting = {item.appointment.patient_id for item in to_do(db(), principal(), now())}
        found = [patient for patient in found if patient.id in waiting]
    list_is_read(principal(), PATIENTS_LIST, len(found))
    return render_template(
        "patients/patients.html",
        filtering=by,
        discharged="show" in by.chosen,
        patients=found,
        may_add=may(principal(), Permission.PATIENTS_WRITE),
        may_plan=may(principal(), Permission.COURSES_PLAN),
    )


@blueprint.get("/patients/<id:patient_id>")
@requires(Permission.PATIENTS_READ, reads=THE_PATIENT)
def patient(patient_id: int) -> str:
    """One patient."""
    row = people.patient(db(), principal(), patient_id)
    weekly, absences = weekly_availability(db(), patient_id), people.absences(db(), patient_id, now())
    dates = appointments.of_patient(db(), principal(), patient_id, since=now())
    page = patient_page(
        row,
        courses.of_patient(db(), principal(), patient_id, now()),
        weekly,
        may_plan=may(principal(), Permission.COURSES_PLAN),
        absences=absences,
        unfitting=unfitting(dates, weekly, absences, row.modes, now()),
        may_write=may(principal(), Permission.PATIENTS_WRITE) and row.site_id in principal().site_ids,
    )
    return render_template("patients/patient.html", page=page, reading="" if row.active else reading_words(patient_id))


@blueprint.get("/patients/new")
@requires(Permission.PATIENTS_WRITE, reads="a patient who is not there yet")
def new() -> str:
    """Add a patient."""
    return render_template(FORM, **_page(_form(db())))


@blueprint.post("/patients/new")
@requires(Permission.PATIENTS_WRITE, reads="a patient who is not there yet")
@once
def add() -> Response:
    """Keep the new patient."""
    form = _form(db())
    if not form.validate():
        return refuse(FORM, _page(form))
    try:
        weekly = _weekly(form)
        added = admit_patient(
            db(),
            principal(),
            code=form.code.data,
            name=form.name.data,
            site_id=int(form.site.data),
            therapist_id=int(form.therapist.data) if form.therapist.data else None,
            modes=[Mode(word) for word in form.modes.data],
            preferred=(words_of(form.preferred_from.data, "00:00"), words_of(form.preferred_to.data, "24:00")),
            weekly=weekly,
            escort=form.escort.data,
            now=now(),
        )
    except FieldError as error:
        _put(form, error)
        return refuse(FORM, _page(form))
    flash(f"{added.code} is added.", "ok")
    return redirect(url_for("patients.patient", patient_id=added.id), SEE_OTHER)


def _form(session: Session) -> Any:
    form = NewPatientForm()
    sites = clinic.sites(session, principal().site_ids)
    therapists = people.staff(session, Role.THERAPIST, principal().site_ids)
    form.site.choices = [SelectChoice(str(site.id), site.name) for site in sites]
    form.therapist.choices = [
        SelectChoice("", "None yet"),
        *(SelectChoice(str(person.id), person.name) for person in therapists),
    ]
    return form


def _weekly(form: Any) -> dict[int, list[tuple[str, str]]]:
    """When they can come, by weekday. Raises FieldError at the box that is missing or before its start."""
    found: dict[int, list[tuple[str, str]]] = {}
    for number, day in enumerate(WEEKDAYS):
        first, last = form[f"from_{number}"].data, form[f"to_{number}"].data
        if first is None and last is None:
            continue
        if first is None or last is None:
            missing = f"from_{number}" if first is None else f"to_{number}"
            raise FieldError(missing, f"Enter both times for {day}, or leave both empty.")
        if last <= first:
            raise FieldError(f"to_{number}", f"On {day} the end has to be after the start.")
        found[number] = [(f"{first:%H:%M}", f"{last:%H:%M}")]
    return found


def _put(form: Any, error: FieldError) -> None:
    """Beside the box; the preferred times are two boxes of one fault."""
    put_beside(form, FieldError("preferred_to", error.sentence) if error.field == "preferred" else error)


def _page(form: Any) -> dict[str, Any]:
    days = [(day, form[f"from_{number}"], form[f"to_{number}"]) for number, day in enumerate(WEEKDAYS)]
    return {"form": form, "days": days}
