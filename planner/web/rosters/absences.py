"""Putting a member of staff away for a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused
from planner.services.disruptions import Away
from planner.services.reading.rosters import own_site, staff_of
from planner.store.queries.clinic import SiteRow
from planner.web.access import once, principal, repeatable, requires
from planner.web.db import db, own_reading
from planner.web.fields import id_of, put_beside, refuse
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.forms import AbsenceForm
from planner.web.rosters.times import doubled, span_of, span_words
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import ROLE_WORDS, week_url

TEMPLATE = "rosters/away.html"
NOBODY = ""

#: Where the form asks for what the service names.
FIELD_OF = {"starts": "from_day", "ends": "to_day"}


@blueprint.get("/rosters/absences/new")
@requires(Permission.ROSTERS_WRITE)
def new_absence() -> str:
    """Say who is away, and from when to when."""
    site, own = own_site(db(), principal(), chosen_site_id())
    return render_template(TEMPLATE, **_page(site, own, _form(db(), site)))


@blueprint.post("/rosters/absences/new")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_absence() -> Response | str:
    """What the absence would change."""
    with own_reading() as reading:
        return _answer(reading, lambda asked: show_preview(reading, asked))


@blueprint.post("/rosters/absences")
@requires(Permission.ROSTERS_WRITE)
@once
def put_away() -> Response | str:
    """Write the absence as previewed."""
    return _answer(db(), apply_asked)


def _answer(session: Session, go_on: Callable[[Asked], Response | str]) -> Response | str:
    """What `go_on` makes of the form, or the form again with its faults."""
    site, own = own_site(session, principal(), chosen_site_id())
    form = _form(session, site)
    if not form.validate():
        return refuse(TEMPLATE, _page(site, own, form))
    try:
        return go_on(_asked(site, form))
    except FieldError as error:
        put_beside(form, FieldError(FIELD_OF.get(error.field, error.field), error.sentence))
    except Refused as error:
        put_beside(form, error)
    return refuse(TEMPLATE, _page(site, own, form))


def _form(session: Session, site: SiteRow) -> AbsenceForm:
    form = AbsenceForm()
    form.person.choices = [
        SelectChoice(NOBODY, "Choose a person"),
        *(
            SelectChoice(str(row.id), f"{row.name} ({', '.join(ROLE_WORDS[role].lower() for role in row.roles)})")
            for row in staff_of(session, site.id)
        ),
    ]
    return form


def _asked(site: SiteRow, form: AbsenceForm) -> Asked:
    """Raises FieldError for a time that does not exist that day, or exists twice."""
    starts_at, ends_at = span_of(form, site.zone)
    reason = form.reason.data or ""
    names = {str(choice.value): str(choice.label) for choice in form.person.choices}
    name = names[form.person.data].rpartition(" (")[0]
    return Asked(
        act=Away(id_of(form.person.data), starts_at, ends_at, reason),
        heading=f"{name} away, {span_words(starts_at, ends_at, site.zone)}",
        verb="Save the absence",
        preview_url=url_for("rosters.preview_absence"),
        apply_url=url_for("rosters.put_away"),
        back_url=url_for("rosters.new_absence", site=site.id),
        done_url=week_url(site, form.from_day.data),
        fields=(
            ("site", str(site.id)),
            *((entry.name, entry.raw_data[0]) for entry in form if entry.raw_data and entry.raw_data[0]),
        ),
    )


def _page(site: SiteRow, own: tuple[SiteRow, ...], form: AbsenceForm) -> dict[str, Any]:
    return {
        "form": form,
        "site": site,
        "back_url": url_for("rosters.week", site=site.id),
        "other_sites": [(url_for("rosters.new_absence", site=s.id), s.name) for s in own if s.id != site.id],
        **doubled(form, site.zone),
    }
