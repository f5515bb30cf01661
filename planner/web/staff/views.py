"""Staff: the list, one person, somebody new, and changing what is known of them."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission, Role, Scope, may, scopes
from planner.domain.errors import FieldError, StaleVersion
from planner.services.staffing import PersonFacts, add_staff, change_person, clinic_day, demand_theirs, is_theirs
from planner.store.queries import clinic, staff
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import id_of, put_beside, refuse, seen_version
from planner.web.navigation import page_exists
from planner.web.newer import CONFLICT, newer_values
from planner.web.places.forms import choices_of
from planner.web.staff import blueprint
from planner.web.staff.forms import ANY, ROLE_WORDS, FilterForm, PersonForm
from planner.web.staff.pages import SOON, credential_rows, person_facts, role_words

NEW, EDIT = "staff/new.html", "staff/edit.html"
REASSIGN = "/rosters/reassign"


@blueprint.get("/admin/staff")
@requires(Permission.PEOPLE_READ)
def people() -> str:
    """Who works here; what expires soon stands on top for those who look after it."""
    form = FilterForm(request.args)
    form.site.choices = [SelectChoice(ANY, "Any"), *choices_of([(s.id, s.name) for s in clinic.sites(db())])]
    role = form.role.data if form.role.data in ROLE_WORDS else None
    rows = staff.staff_lines(
        db(),
        wanted=(form.wanted.data or "")[:60],
        site_id=_id_or_none(form.site.data),
        role=Role(role) if role else None,
        active=form.show.data != "left",
    )
    return render_template(
        "staff/people.html",
        people=[(row, role_words(row.roles)) for row in rows],
        form=form,
        filtered=bool(form.wanted.data or _id_or_none(form.site.data) or role or form.show.data == "left"),
        soon=_soon(),
        may_write=may(principal(), Permission.PEOPLE_WRITE),
    )


def _id_or_none(word: str | None) -> int | None:
    try:
        return id_of(word) if word else None
    except ValueError:
        return None


def _soon() -> list[Any]:
    held = principal()
    if not may(held, Permission.PEOPLE_WRITE):
        return []
    today = clinic_day(db(), now())
    everywhere = Scope.CLINIC in scopes(held, Permission.PEOPLE_WRITE)
    lines = staff.expiring(db(), today + SOON, None if everywhere else held.site_ids)
    return credential_rows(lines, today)


@blueprint.get("/admin/staff/<id:person_id>")
@requires(Permission.PEOPLE_READ)
def person(person_id: int) -> str:
    """One person. Credentials are for themselves and for those who look after them."""
    found, may_write = staff.staff_record(db(), person_id), is_theirs(db(), principal(), person_id)
    sees = may_write or principal().person_id == person_id
    lines = staff.credentials_of(db(), person_id) if sees else []
    return render_template(
        "staff/person.html",
        member=found,
        facts=person_facts(found),
        credentials=credential_rows(lines, clinic_day(db(), now())),
        sees_credentials=sees,
        may_write=may_write,
        invite_url=_invite_url(found),
        reassign_url=REASSIGN if may_write and page_exists(REASSIGN) and _may_reassign() else None,
    )


def _invite_url(found: staff.StaffRecord) -> str | None:
    """Where whoever looks after accounts invites somebody who has none."""
    if found.has_account or not found.active or not may(principal(), Permission.ACCOUNTS_MANAGE):
        return None
    return url_for("accounts.new_account", person=found.id)


def _may_reassign() -> bool:
    return may(principal(), Permission.ROSTERS_WRITE)


@blueprint.get("/admin/staff/new")
@requires(Permission.PEOPLE_WRITE)
def new_person() -> str:
    """Add somebody."""
    return render_template(NEW, form=_form(PersonForm()))


@blueprint.post("/admin/staff/new")
@requires(Permission.PEOPLE_WRITE)
@once
def add_person() -> Response:
    """Keep the new person."""
    form = _form(PersonForm())
    try:
        if form.validate():
            made = add_staff(db(), principal(), _facts(form), now=now())
            flash(f"{made.name} is added. Next, put them on the roster.", "ok")
            return redirect(url_for("staff.person", person_id=made.id), SEE_OTHER)
    except FieldError as error:
        put_beside(form, error)
    return refuse(NEW, form=form)


@blueprint.get("/admin/staff/<id:person_id>/edit")
@requires(Permission.PEOPLE_WRITE)
def edit_person(person_id: int) -> str:
    """Change what is known of somebody."""
    demand_theirs(db(), principal(), person_id)
    found = staff.staff_record(db(), person_id)
    return render_template(EDIT, **_page(_form(PersonForm(data=_boxes(found))), found, found.version))


@blueprint.post("/admin/staff/<id:person_id>/edit")
@requires(Permission.PEOPLE_WRITE)
@once
def keep_person(person_id: int) -> Response:
    """Keep what is known of somebody."""
    demand_theirs(db(), principal(), person_id)
    found, form = staff.staff_record(db(), person_id), _form(PersonForm())
    if not form.validate():
        return refuse(EDIT, _page(form, found, seen_version()))
    try:
        change_person(db(), principal(), person_id, _facts(form), seen_version=seen_version(), now=now())
    except StaleVersion:
        newer = newer_values(form, _boxes(found))
        return refuse(EDIT, _page(form, found, found.version, newer), status=CONFLICT)
    except FieldError as error:
        put_beside(form, error)
        return refuse(EDIT, _page(form, found, seen_version()))
    flash("Saved.", "ok")
    return redirect(url_for("staff.person", person_id=person_id), SEE_OTHER)


def _form(form: PersonForm) -> PersonForm:
    """With the sites one may give or take: all, or one's own."""
    everywhere = Scope.CLINIC in scopes(principal(), Permission.PEOPLE_WRITE)
    rows = clinic.sites(db(), None if everywhere else principal().site_ids)
    form.sites.choices = choices_of([(site.id, site.name) for site in rows])
    return form


def _facts(form: PersonForm) -> PersonFacts:
    return PersonFacts(
        name=form.name.data or "",
        initials=form.initials.data or "",
        roles=frozenset(Role(word) for word in form.roles.data or ()),
        site_ids=frozenset(id_of(word) for word in form.sites.data or ()),
        lanes=1 if form.lanes.data is None else form.lanes.data,
        turnover_minutes=form.turnover.data or 0,
        most_sessions_a_day=form.most.data,
    )


def _boxes(found: staff.StaffRecord) -> dict[str, Any]:
    return {
        "name": found.name,
        "initials": found.initials,
        "roles": [role.value for role in found.roles if role.value in ROLE_WORDS],
        "sites": [str(site_id) for site_id, _ in found.sites],
        "lanes": found.lanes or 1,
        "turnover": found.turnover_minutes,
        "most": found.most_sessions_a_day,
    }


def _page(
    form: PersonForm, found: staff.StaffRecord, version: int, newer: list[tuple[str, str]] | None = None
) -> dict[str, Any]:
    offered = {str(choice.value) for choice in form.sites.choices}
    elsewhere = [name for site_id, name in found.sites if str(site_id) not in offered]
    return {"form": form, "member": found, "version": version, "newer": newer, "elsewhere": elsewhere}
