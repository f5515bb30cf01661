"""A patient's account, looked after from the patient's page: invitation, new password, lost phone, end."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.services import account_care, invitations, resets
from planner.store.queries import account_lists as lists
from planner.store.queries import people
from planner.store.queries.accounts import has_factor
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.accounts import blueprint
from planner.web.accounts.caring import CONFLICT, RESET_LASTS, lost_factor_words
from planner.web.accounts.factors import ACTS
from planner.web.accounts.forms import InvitePatientForm
from planner.web.accounts.inviting import WHAT
from planner.web.accounts.links import SHOWN, link_page
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.patients.reading import reading_words
from planner.web.reads import THE_PATIENT

PAGE = "accounts/portal.html"


@blueprint.get("/patients/<id:patient_id>/portal")
@requires(Permission.PATIENTS_WRITE, reads=THE_PATIENT)
def portal(patient_id: int) -> str:
    """How this patient signs in, if they do."""
    return render_template(PAGE, **_page(patient_id))


@blueprint.route("/patients/<id:patient_id>/portal/<any(invite,renew,reset):act>", methods=["GET", "POST"])
@requires(Permission.PATIENTS_WRITE, reads=THE_PATIENT)
@once
def portal_link(patient_id: int, act: str) -> Response:
    """Make a link for the patient and show it, this once; loading the page again leads back."""
    if request.method == "GET":
        return _back(patient_id, SHOWN, "info")
    form = InvitePatientForm() if act == "invite" else None
    if form is not None and not form.validate():
        return refuse(PAGE, _page(patient_id, form))
    try:
        if act == "reset":
            return _reset(patient_id)
        return _invite(patient_id, form)
    except FieldError as error:
        if form is None:
            return refuse(PAGE, _page(patient_id), faults=[(None, error.sentence)])
        put_beside(form, error)
        return refuse(PAGE, _page(patient_id, form))


@blueprint.post("/patients/<id:patient_id>/portal/<any(withdraw,'sign-out',end,reopen):act>")
@requires(Permission.PATIENTS_WRITE, reads=THE_PATIENT)
@once
def change_portal(patient_id: int, act: str) -> Response:
    """Withdraw the invitation, sign the patient out, end the account or open it again."""
    if act == "withdraw":
        found = invitations.patient_invitation(db(), principal(), patient_id)
        invitations.withdraw(db(), principal(), found, now())
        return _back(patient_id, "The invitation is withdrawn. Its link works no more.")
    account_id = _account_id(patient_id)
    if act == "sign-out":
        account_care.end_sign_ins(db(), principal(), account_id, now())
        return _back(patient_id, "The patient is signed out everywhere.")
    change, words = {
        "end": (account_care.end_account, "The account has ended. Sign-ins and calendar links stopped."),
        "reopen": (account_care.reopen_account, "The patient may sign in again. Calendar links stay ended."),
    }[act]
    try:
        change(db(), principal(), account_id, seen_version=seen_version(), now=now())
    except StaleVersion as stale:
        return refuse(PAGE, _page(patient_id), status=CONFLICT, faults=[(None, stale.sentence)])
    return _back(patient_id, words)


@blueprint.post("/patients/<id:patient_id>/portal/factor/<any(ask,agree,keep):act>")
@requires(Permission.PATIENTS_WRITE, reads=THE_PATIENT)
@once
def lost_portal_factor(patient_id: int, act: str) -> Response:
    """One coordinator asks to remove a lost second factor, another one agrees or turns it down."""
    do, words = ACTS[act]
    try:
        do(db(), principal(), _account_id(patient_id), now())
    except FieldError as error:
        return refuse(PAGE, _page(patient_id), faults=[(None, error.sentence)])
    return _back(patient_id, words)


def _invite(patient_id: int, form: InvitePatientForm | None) -> Response:
    if form is None:
        invitation = invitations.patient_invitation(db(), principal(), patient_id)
        token = invitations.renew(db(), principal(), invitation, now())
    else:
        invitation, token = invitations.invite_patient(
            db(), principal(), patient_id, email=form.email.data or "", name=form.name.data or "", now=now()
        )
    return _show(
        patient_id, "Invitation", url_for("accounts.join", token=token), invitation.email, invitation.expires_at, WHAT
    )


def _reset(patient_id: int) -> Response:
    account, token = resets.start_reset(db(), principal(), _account_id(patient_id), now())
    until = now() + resets.LASTS
    return _show(patient_id, "New password", url_for("accounts.reset", token=token), account.email, until, RESET_LASTS)


def _show(patient_id: int, title: str, path: str, email: str, until: Any, what: str) -> Response:
    done_url = url_for("accounts.portal", patient_id=patient_id)
    return link_page(title, path, whom=email, until=until, what=what, done_url=done_url)


def _account_id(patient_id: int) -> int:
    account = account_care.account_of_patient(db(), principal(), patient_id)
    if account is None:
        raise NotFound
    return account.id


def _back(patient_id: int, words: str, kind: str = "ok") -> Response:
    flash(words, kind)
    return redirect(url_for("accounts.portal", patient_id=patient_id), SEE_OTHER)


def _page(patient_id: int, form: InvitePatientForm | None = None) -> dict[str, Any]:
    patient = people.patient(db(), principal(), patient_id, Permission.PATIENTS_WRITE)
    account = account_care.account_of_patient(db(), principal(), patient_id)
    waiting = lists.open_invitations(db(), patient_id=patient_id)
    return {
        "patient": patient,
        "account": account,
        "has_factor": account is not None and has_factor(db(), account.id),
        **lost_factor_words(account.id if account else None),
        "factor_acts": {act: url_for("accounts.lost_portal_factor", patient_id=patient_id, act=act) for act in ACTS},
        "invitation": waiting[0] if waiting and account is None else None,
        "form": form or InvitePatientForm(None, name=patient.name),
        "zone": patient.zone,
        "reading": "" if patient.active or account is None else reading_words(patient_id),
        "now": now(),
    }
