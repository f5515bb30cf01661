"""Somebody's credentials: noted, renewed, struck out."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.services.credentials import add_credential, change_credential, remove_credential
from planner.services.staffing import demand_theirs
from planner.store.queries import staff
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.staff import blueprint
from planner.web.staff.forms import CredentialForm

NEW, EDIT = "staff/new_credential.html", "staff/edit_credential.html"
ALL = "/admin/staff/<id:person_id>/credentials"


@blueprint.get(ALL + "/new")
@requires(Permission.PEOPLE_WRITE)
def new_credential(person_id: int) -> str:
    """Note a credential."""
    return render_template(NEW, form=CredentialForm(), **_whose(person_id))


@blueprint.post(ALL + "/new")
@requires(Permission.PEOPLE_WRITE)
@once
def keep_new_credential(person_id: int) -> Response:
    """Keep the new one."""
    form, whose = CredentialForm(), _whose(person_id)
    if not form.validate():
        return refuse(NEW, whose, form=form, version=seen_version())
    try:
        add_credential(
            db(), principal(), person_id, name=form.name.data or "", expires_on=form.expires_on.data,
            seen_version=seen_version(), now=now(),
        )  # fmt: skip
    except StaleVersion as error:
        # Another line does not depend on the others; the list beside shows what is new.
        put_beside(form, error)
        return refuse(NEW, whose, status=CONFLICT, form=form)
    except FieldError as error:
        put_beside(form, error)
        return refuse(NEW, whose, form=form, version=seen_version())
    return _back(person_id, "Saved.")


@blueprint.get(ALL + "/<id:credential_id>")
@requires(Permission.PEOPLE_WRITE)
def credential(person_id: int, credential_id: int) -> str:
    """Renew or correct a credential."""
    whose = _whose(person_id)
    found = staff.credential(db(), person_id, credential_id)
    return render_template(EDIT, form=CredentialForm(data=_boxes(found)), credential=found, newer=None, **whose)


@blueprint.post(ALL + "/<id:credential_id>")
@requires(Permission.PEOPLE_WRITE)
@once
def keep_credential(person_id: int, credential_id: int) -> Response:
    """Keep it as typed."""
    form, whose = CredentialForm(), _whose(person_id)
    found = staff.credential(db(), person_id, credential_id)
    page: dict[str, Any] = {**whose, "form": form, "credential": found, "newer": None}
    if not form.validate():
        return refuse(EDIT, page, version=seen_version())
    try:
        change_credential(
            db(), principal(), person_id, credential_id, name=form.name.data or "", expires_on=form.expires_on.data,
            seen_version=seen_version(), now=now(),
        )  # fmt: skip
    except StaleVersion:
        return refuse(EDIT, page, status=CONFLICT, newer=newer_values(form, _boxes(found)))
    except FieldError as error:
        put_beside(form, error)
        return refuse(EDIT, page, version=seen_version())
    return _back(person_id, "Saved.")


@blueprint.post(ALL + "/<id:credential_id>/remove")
@requires(Permission.PEOPLE_WRITE)
@once
def remove(person_id: int, credential_id: int) -> Response:
    """Strike it out."""
    remove_credential(db(), principal(), person_id, credential_id, seen_version=seen_version(), now=now())
    return _back(person_id, "The credential is removed.")


def _whose(person_id: int) -> dict[str, Any]:
    demand_theirs(db(), principal(), person_id)
    found = staff.staff_record(db(), person_id)
    return {"member": found, "version": found.version}


def _boxes(found: staff.CredentialLine) -> dict[str, Any]:
    return {"name": found.name, "expires_on": found.expires_on}


def _back(person_id: int, words: str) -> Response:
    flash(words, "ok")
    return redirect(url_for("staff.person", person_id=person_id), SEE_OTHER)
