"""Somebody falls ill: whom they would have seen, and the best cover for each, in one look and one confirm."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused
from planner.domain.walltime import day_span, local_day
from planner.services.disruption_acts import Away
from planner.services.reading.rosters import own_site
from planner.store.queries.clinic import SiteRow
from planner.store.queries.cover import AtWork, at_work, end_of_shift_over
from planner.web.access import once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.db import db, own_reading
from planner.web.fields import id_of, put_beside, refuse
from planner.web.filters import short_day_words, staff_day, staff_time
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.forms import SickForm
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import week_url

TEMPLATE = "rosters/sick.html"
#: How long a look at what changes may last before “from now” is counted anew.
LONGEST_LOOK = timedelta(hours=1)
_SINCE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
FIELD_OF = {"starts": "person", "ends": "last_day"}


@blueprint.get("/rosters/sick")
@requires(Permission.ROSTERS_WRITE)
def sick() -> str:
    """Say who is ill; everybody still at work today is offered."""
    site, own = own_site(db(), principal(), chosen_site_id())
    people = _people(db(), site)
    return render_template(TEMPLATE, **_page(site, own, _form(people, site), people))


@blueprint.post("/rosters/sick/changes")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_sick() -> Response | str:
    """Every session and dose they would have had, and what becomes of it."""
    with own_reading() as reading:
        return _answer(reading, lambda asked: show_preview(reading, asked))


@blueprint.post("/rosters/sick")
@requires(Permission.ROSTERS_WRITE)
@once
def report_sick() -> Response | str:
    """Write it as previewed."""
    return _answer(db(), apply_asked)


def _answer(session: Session, go_on: Callable[[Asked], Response | str]) -> Response | str:
    site, own = own_site(session, principal(), chosen_site_id())
    people = _people(session, site)
    form = _form(people, site)
    if not form.validate():
        return refuse(TEMPLATE, _page(site, own, form, people))
    try:
        return go_on(_asked(session, site, form, people))
    except FieldError as error:
        put_beside(form, FieldError(FIELD_OF.get(error.field, error.field), error.sentence))
    except Refused as error:
        put_beside(form, error)
    return refuse(TEMPLATE, _page(site, own, form, people))


def _people(session: Session, site: SiteRow) -> list[AtWork]:
    """Who is on shift at the site now or later today."""
    return at_work(session, site.id, now(), day_span(local_day(now(), site.zone), site.zone)[1])


def _form(people: list[AtWork], site: SiteRow) -> SickForm:
    form = SickForm()
    form.person.choices = [
        SelectChoice("", "Choose a person"),
        *(SelectChoice(str(row.person_id), _words(row, site)) for row in people),
    ]
    return form


def _words(row: AtWork, site: SiteRow) -> str:
    left = f"{row.appointments or 'no'} appointment{'' if row.appointments == 1 else 's'} left"
    runs_over = local_day(row.ends_at, site.zone) > local_day(now(), site.zone)
    ends = f"{staff_time(row.ends_at, site.zone)}{' tomorrow' if runs_over else ''}"
    span = f"{staff_time(row.starts_at, site.zone)} to {ends}"
    return f"{row.name} ({span}, {left})"


def _asked(session: Session, site: SiteRow, form: SickForm, people: list[AtWork]) -> Asked:
    """Raises FieldError (`last_day`) for a day that has passed."""
    today = local_day(now(), site.zone)
    last: date = form.last_day.data or today
    if last < today:
        raise FieldError("last_day", "That day has passed. Enter today or a later day.")
    person_id = id_of(form.person.data)
    name = next(row.name for row in people if row.person_id == person_id)
    since, ends_at = _since(), day_span(last, site.zone)[1]
    until = "for the rest of today" if last == today else f"from now to the end of {short_day_words(last)} {last.year}"
    over = end_of_shift_over(session, person_id, ends_at)
    if over is not None:
        # Nobody is well again at midnight, in the middle of a night shift.
        until += f" and of the shift that ends {staff_day(over, site.zone)} at {staff_time(over, site.zone)}"
    return Asked(
        act=Away(person_id, since, over or ends_at, "", may_overlap=True),
        heading=f"{name} is away {until}",
        verb="Save the absence",
        preview_url=url_for("rosters.preview_sick"),
        apply_url=url_for("rosters.report_sick"),
        back_url=url_for("rosters.sick", site=site.id),
        done_url=week_url(site, today),
        fields=(
            ("site", str(site.id)),
            ("person", str(person_id)),
            # Said even where it was left empty: confirmed after midnight, “today” would be another day.
            ("last_day", last.isoformat()),
            ("since", since.strftime("%Y-%m-%dT%H:%M")),
        ),
    )


def _since() -> datetime:
    """The minute at which somebody said so, kept while they look at what changes."""
    this_minute = now().astimezone(UTC).replace(second=0, microsecond=0)
    word = request.form.get("since", "")
    try:
        said = datetime.fromisoformat(word).replace(tzinfo=UTC) if _SINCE.fullmatch(word) else this_minute
    except ValueError:
        return this_minute
    return said if this_minute - LONGEST_LOOK <= said <= this_minute else this_minute


def _page(site: SiteRow, own: tuple[SiteRow, ...], form: SickForm, people: list[AtWork]) -> dict[str, Any]:
    return {
        "form": form,
        "site": site,
        "people": people,
        "other_sites": [(url_for("rosters.sick", site=s.id), s.name) for s in own if s.id != site.id],
        "back_url": url_for("rosters.week", site=site.id),
    }
