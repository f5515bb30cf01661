"""Who is away now and later: the list, other times for an absence, its early end, and taking it out."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission, may
from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.services.disruption_acts import ChangeAbsence
from planner.services.reading.absences import AbsenceFacts, one_absence
from planner.services.reading.rosters import own_site
from planner.services.roster_changes import end_absence, remove_absence
from planner.store.queries.clinic import SiteRow
from planner.store.queries.cover import absences_from
from planner.web.access import SEE_OTHER, once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT
from planner.web.db import db, own_reading
from planner.web.fields import put_beside, refuse
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.forms import TimesForm
from planner.web.rosters.notices import undo_notices
from planner.web.rosters.times import doubled, fill, span_of, span_words
from planner.web.rosters.views import chosen_site_id

LIST, TEMPLATE = "rosters/absences.html", "rosters/absence.html"
CHANGED = "Somebody changed this absence in the meantime. Nothing was saved; this is how it is now."
#: Where the form asks for what the service names.
FIELD_OF = {"starts": "from_day", "ends": "to_day"}


@blueprint.get("/rosters/absences")
@requires(Permission.ROSTERS_READ)
def absences() -> str:
    """Who is away at a site, now and later."""
    site, own = own_site(db(), principal(), chosen_site_id())
    writes = may(principal(), Permission.ROSTERS_WRITE)
    rows = absences_from(db(), site.id, now())
    return render_template(
        LIST,
        site=site,
        other_sites=[(url_for("rosters.absences", site=s.id), s.name) for s in own if s.id != site.id],
        may_write=writes,
        rows=[
            {
                "id": row.id,
                "name": row.person_name,
                "when": span_words(row.starts_at, row.ends_at, site.zone),
                "is_now": row.starts_at <= now(),
                "reason": row.reason if writes else "",
            }
            for row in rows
        ],
        notices=undo_notices(db(), principal(), site, now(), "absences"),
    )


@blueprint.get("/rosters/absences/<id:absence_id>")
@requires(Permission.ROSTERS_WRITE)
def absence(absence_id: int) -> str:
    """One absence, to change it, end it or take it out."""
    found, site = _found(db(), absence_id)
    form = TimesForm()
    fill(form, found.starts_at, found.ends_at, site.zone)
    form.reason.data = found.reason
    return render_template(TEMPLATE, **_page(found, site, form))


@blueprint.post("/rosters/absences/<id:absence_id>/changes")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_absence_change(absence_id: int) -> Response | str:
    """What other times for an absence would change."""
    with own_reading() as reading:
        return _answer(reading, absence_id, is_preview=True)


@blueprint.post("/rosters/absences/<id:absence_id>/change")
@requires(Permission.ROSTERS_WRITE)
@once
def change_absence(absence_id: int) -> Response | str:
    """Give an absence other times, as previewed."""
    return _answer(db(), absence_id, is_preview=False)


@blueprint.post("/rosters/absences/<id:absence_id>/end")
@requires(Permission.ROSTERS_WRITE)
@once
def end_absence_now(absence_id: int) -> Response | str:
    """Somebody is back: the absence ends now."""
    return _take_back(absence_id, end_absence)


@blueprint.post("/rosters/absences/<id:absence_id>/remove")
@requires(Permission.ROSTERS_WRITE)
@once
def remove_coming_absence(absence_id: int) -> Response | str:
    """Take out an absence that has not begun."""
    return _take_back(absence_id, remove_absence)


def _take_back(absence_id: int, act: Any) -> Response | str:
    found, site = _found(db(), absence_id)
    try:
        act(db(), principal(), absence_id, seen=_seen(), now=now())
    except StaleVersion:
        return _stale(db(), absence_id)
    except Refused as refused:
        form = TimesForm(formdata=None)
        fill(form, found.starts_at, found.ends_at, site.zone)
        form.reason.data = found.reason
        put_beside(form, refused)
        return refuse(TEMPLATE, _page(found, site, form))
    return redirect(url_for("rosters.absences", site=site.id), SEE_OTHER)


def _answer(session: Session, absence_id: int, *, is_preview: bool) -> Response | str:
    """What the form leads to, or the form again with its faults or with what somebody else made of the absence."""
    found, site = _found(session, absence_id)
    form = TimesForm()
    if not form.validate():
        return refuse(TEMPLATE, _page(found, site, form, _seen()))
    try:
        asked = _asked(found, site, form)
        return show_preview(session, asked) if is_preview else apply_asked(asked)
    except FieldError as error:
        put_beside(form, FieldError(FIELD_OF.get(error.field, error.field), error.sentence))
    except Refused as error:
        put_beside(form, error)
    except StaleVersion:
        return _stale(session, absence_id)
    return refuse(TEMPLATE, _page(found, site, form, _seen()))


def _stale(session: Session, absence_id: int) -> Response:
    """The absence as it is by now, with a sentence (409)."""
    session.expire_all()
    found, site = _found(session, absence_id)
    form = TimesForm(formdata=None)
    fill(form, found.starts_at, found.ends_at, site.zone)
    form.reason.data = found.reason
    return refuse(TEMPLATE, {**_page(found, site, form), "faults": [(None, CHANGED)]}, CONFLICT)


def _found(session: Session, absence_id: int) -> tuple[AbsenceFacts, SiteRow]:
    """The absence and the site whose clock its times are told on: one of the principal's at which they work."""
    found = one_absence(session, principal(), absence_id)
    site, _ = own_site(session, principal(), found.site_id)
    return found, site


def _seen() -> str:
    """The mark of what the person saw; one that fits nothing when it is missing."""
    return request.form.get("seen", "") or "-"


def _asked(found: AbsenceFacts, site: SiteRow, form: TimesForm) -> Asked:
    """Raises FieldError for a time that does not exist that day, or exists twice."""
    starts_at, ends_at = span_of(form, site.zone)
    return Asked(
        act=ChangeAbsence(found.id, starts_at, ends_at, form.reason.data or "", _seen()),
        heading=f"{found.person_name} away, {span_words(starts_at, ends_at, site.zone)}",
        verb="Save the absence",
        preview_url=url_for("rosters.preview_absence_change", absence_id=found.id),
        apply_url=url_for("rosters.change_absence", absence_id=found.id),
        back_url=url_for("rosters.absence", absence_id=found.id),
        done_url=url_for("rosters.absences", site=site.id),
        fields=(
            ("seen", _seen()),
            *((entry.name, entry.raw_data[0]) for entry in form if entry.raw_data and entry.raw_data[0]),
        ),
    )


def _page(found: AbsenceFacts, site: SiteRow, form: TimesForm, seen: str = "") -> dict[str, Any]:
    return {
        "absence": found,
        "site": site,
        "form": form,
        "seen": seen or found.mark,
        "now_words": span_words(found.starts_at, found.ends_at, site.zone),
        "has_begun": found.starts_at <= now(),
        "is_over": found.ends_at <= now(),
        "back_url": url_for("rosters.absences", site=site.id),
        **doubled(form, site.zone),
    }
