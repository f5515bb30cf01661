"""Putting a member of staff away for a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from flask import render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused
from planner.domain.walltime import AmbiguousWallTime, day_span
from planner.services.disruptions import Away
from planner.services.reading.rosters import own_site, staff_of
from planner.store.queries.clinic import SiteRow
from planner.web.access import once, principal, repeatable, requires
from planner.web.db import db, own_reading
from planner.web.fields import id_of, instant_of, put_beside, refuse
from planner.web.filters import short_day_words, staff_span
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.forms import AbsenceForm
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
    first, last = form.from_day.data, form.to_day.data or form.from_day.data
    starts_at = _instant(first, form.from_time.data, form.which_from.data, site.zone, "from_time", at_end=False)
    ends_at = _instant(last, form.to_time.data, form.which_to.data, site.zone, "to_time", at_end=True)
    if ends_at <= starts_at:
        raise FieldError("to_time" if first == last else "to_day", "The absence has to end after it starts.")
    reason = form.reason.data or ""
    names = {str(choice.value): str(choice.label) for choice in form.person.choices}
    name = names[form.person.data].rpartition(" (")[0]
    return Asked(
        act=Away(id_of(form.person.data), starts_at, ends_at, reason),
        heading=f"{name} away, {_span_words(first, last, starts_at, ends_at, form, site.zone)}",
        verb="Save the absence",
        preview_url=url_for("rosters.preview_absence"),
        apply_url=url_for("rosters.put_away"),
        back_url=url_for("rosters.new_absence", site=site.id),
        done_url=week_url(site, first),
        fields=(
            ("site", str(site.id)),
            *((entry.name, entry.raw_data[0]) for entry in form if entry.raw_data and entry.raw_data[0]),
        ),
    )


def _span_words(first: date, last: date, starts_at: datetime, ends_at: datetime, form: AbsenceForm, zone: str) -> str:
    if form.from_time.data is None and form.to_time.data is None:
        words = f"{short_day_words(last)} {last.year}"
        if first == last:
            return words
        year = "" if first.year == last.year else f" {first.year}"
        return f"{short_day_words(first)}{year} to {words}"
    return staff_span(starts_at, ends_at, zone)


def _instant(day: date, at: time | None, which: str | None, zone: str, field: str, *, at_end: bool) -> datetime:
    """The instant of a day and wall time; without a time the whole day counts."""
    if at is None:
        return day_span(day, zone)[1 if at_end else 0]
    return instant_of(day, at, zone, int(which) if which else None, field=field)


def _page(site: SiteRow, own: tuple[SiteRow, ...], form: AbsenceForm) -> dict[str, Any]:
    last = form.to_day.data or form.from_day.data
    return {
        "form": form,
        "site": site,
        "back_url": url_for("rosters.week", site=site.id),
        "other_sites": [(url_for("rosters.new_absence", site=s.id), s.name) for s in own if s.id != site.id],
        "twice_from": bool(form.which_from.data) or _is_doubled(form.from_day.data, form.from_time.data, site.zone),
        "twice_to": bool(form.which_to.data) or _is_doubled(last, form.to_time.data, site.zone),
    }


def _is_doubled(day: date | None, at: time | None, zone: str) -> bool:
    """Whether the clocks show that time twice that day, so that the page has to ask which."""
    if day is None or at is None:
        return False
    try:
        instant_of(day, at, zone)
    except FieldError as error:
        return isinstance(error.__cause__, AmbiguousWallTime)
    return False
