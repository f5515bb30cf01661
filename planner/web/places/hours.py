"""A site's weekly opening hours. New hours that leave appointments outside are agreed to first."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.services.opening_hours import LeavesOutside, LeftOutside, set_hours
from planner.store.queries import places as find
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import put_beside, refuse, seen_version
from planner.web.newer import CONFLICT, newer_values
from planner.web.places import blueprint
from planner.web.places.forms import HoursForm, beyond_boxes, boxes_of, day_rows, typed_spans
from planner.web.places.pages import outside_page

TEMPLATE = "places/hours.html"


@blueprint.get("/admin/sites/<id:site_id>/hours")
@requires(Permission.CLINIC_WRITE)
def hours(site_id: int) -> str:
    """When a site is open."""
    found = find.site_record(db(), site_id)
    form = HoursForm(data=boxes_of(find.weekly_hours(db(), site_id)))
    return render_template(TEMPLATE, **_page(form, found, found.version))


@blueprint.post("/admin/sites/<id:site_id>/hours")
@requires(Permission.CLINIC_WRITE)
@once
def keep_hours(site_id: int) -> Response:
    """Keep the hours, once somebody agreed to what lies outside them."""
    form, found = HoursForm(), find.site_record(db(), site_id)
    if not form.validate():
        return refuse(TEMPLATE, _page(form, found, seen_version()))
    try:
        left = set_hours(
            db(),
            principal(),
            site_id,
            typed_spans(form, find.weekly_hours(db(), site_id)),
            seen_version=seen_version(),
            agreed_key=form.agreed.data or "",
            now=now(),
        )
    except StaleVersion:
        newer = newer_values(form, boxes_of(find.weekly_hours(db(), site_id)))
        return refuse(TEMPLATE, _page(form, found, found.version, newer), status=CONFLICT)
    except LeavesOutside as question:
        put_beside(form, question)
        return refuse(TEMPLATE, _page(form, found, seen_version(), left=question.left))
    except FieldError as error:
        put_beside(form, error)
        return refuse(TEMPLATE, _page(form, found, seen_version()))
    stay = f" {len(left.booked)} booked outside them stay where they are." if left.booked else ""
    flash(f"The opening hours are saved.{stay}", "ok")
    return redirect(url_for("places.site", site_id=site_id), SEE_OTHER)


def _page(
    form: Any,
    found: find.SiteRecord,
    version: int,
    newer: list[tuple[str, str]] | None = None,
    left: LeftOutside | None = None,
) -> dict[str, Any]:
    return {
        "form": form,
        "site": found,
        "days": day_rows(form),
        "beyond": beyond_boxes(find.weekly_hours(db(), found.id)),
        "version": version,
        "newer": newer,
        "left": outside_page(left.booked, found.zone, links=False) if left else None,
        "agreed_key": left.key if left else "",
    }
