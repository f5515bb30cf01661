"""Somebody leaves, or comes back: what that ends is told before."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, NotPermitted, StaleVersion
from planner.services.leaving import person_leaves, person_returns, refuse_to_end, what_ends
from planner.services.sites import said
from planner.services.staffing import demand_theirs
from planner.store.queries import staff
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import refuse, seen_version
from planner.web.newer import CONFLICT
from planner.web.staff import blueprint

TEMPLATE = "staff/leave.html"
WAITS = "appointment waits", "appointments wait"
ON_TODAY = "no prescriber on the roster now. Today says so, under “to do”."
ALONE = "infusion to come has", "infusions to come have"


@blueprint.get("/admin/staff/<id:person_id>/leave")
@requires(Permission.PEOPLE_WRITE)
def leave(person_id: int) -> str:
    """What happens when this person has left."""
    return render_template(TEMPLATE, **_page(person_id))


@blueprint.post("/admin/staff/<id:person_id>/leave")
@requires(Permission.PEOPLE_WRITE)
@once
def has_left(person_id: int) -> Response:
    """End it all."""
    page = _page(person_id)
    try:
        ended = person_leaves(db(), principal(), person_id, seen_version=seen_version(), now=now())
    except StaleVersion as error:
        return refuse(TEMPLATE, page, status=CONFLICT, faults=[(None, error.sentence)])
    except NotPermitted as error:
        return refuse(TEMPLATE, page, status=403, faults=[(None, error.sentence)])
    except FieldError as error:
        return refuse(TEMPLATE, page, faults=[(None, error.sentence)])
    waiting = f" {said(ended.appointments, *WAITS)} to be taken over by somebody else." if ended.appointments else ""
    alone = f" {said(ended.infusions_alone, *ALONE)} {ON_TODAY}" if ended.infusions_alone else ""
    flash(f"{page['member'].name} has left.{waiting}{alone}", "ok")
    return redirect(url_for("staff.person", person_id=person_id), SEE_OTHER)


@blueprint.post("/admin/staff/<id:person_id>/return")
@requires(Permission.PEOPLE_WRITE)
@once
def comes_back(person_id: int) -> Response:
    """Plan with them again."""
    person_returns(db(), principal(), person_id, seen_version=seen_version(), now=now())
    flash("They can be planned with again once they are on the roster. An administrator has to let them sign in.", "ok")
    return redirect(url_for("staff.person", person_id=person_id), SEE_OTHER)


def _page(person_id: int) -> dict[str, Any]:
    demand_theirs(db(), principal(), person_id)
    found = staff.staff_record(db(), person_id)
    return {
        "member": found,
        "ends": what_ends(db(), person_id, now()),
        "not_ours": _not_ours(person_id),
        "faults": [],
    }


def _not_ours(person_id: int) -> str:
    """Why somebody else has to do it; empty when nobody has to."""
    try:
        refuse_to_end(db(), principal(), person_id)
    except NotPermitted as error:
        return error.sentence
    return ""
