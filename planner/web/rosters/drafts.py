"""Drafting a week: starting it, its shifts one by one, filling it from the patterns, throwing it away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.domain.rosters import DAY_MINUTES, RosterShift, fold_of, wall_at
from planner.domain.walltime import AmbiguousWallTime, NonexistentWallTime, resolve_wall
from planner.services.reading.roster_drafts import DraftFacts, draft_facts, ways_to_start
from planner.services.reading.rosters import own_site, roster_week, staff_of
from planner.services.roster_drafts import (
    add_shifts,
    discard_draft,
    fill_from_patterns,
    put_shift,
    remove_shift,
    start_draft,
    take_published_as_base,
)
from planner.store.queries.clinic import SiteRow
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT
from planner.web.db import db
from planner.web.fields import id_of, put_beside, refuse, seen_version
from planner.web.filters import short_day_words
from planner.web.rosters import blueprint
from planner.web.rosters.draft_pages import draft_page
from planner.web.rosters.shift_forms import HOW_TO_START, NewShiftForm, ShiftForm, StartForm, as_time
from planner.web.rosters.views import chosen_site_id, refuse_unknown_week
from planner.web.rosters.weeks import A_DAY, ROLE_WORDS, days_of, week_words

DRAFT, SHIFT = "rosters/draft.html", "rosters/shift.html"


def draft_url(site: SiteRow, monday: date) -> str:
    """The draft of a site's week."""
    return url_for("rosters.draft", monday=monday, site=site.id)


@blueprint.get("/rosters/<week:monday>/draft")
@requires(Permission.ROSTERS_WRITE)
def draft(monday: date) -> str:
    """The week as it is being drafted, or the ways to begin."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    refuse_unknown_week(db(), site, monday)
    found = draft_facts(db(), principal(), site, monday, now())
    if found is None:
        return render_template("rosters/start.html", **_start_page(site, monday, _start_form(site, monday)))
    return render_template(DRAFT, **_draft_page(db(), site, monday, found))


@blueprint.post("/rosters/<week:monday>/draft")
@requires(Permission.ROSTERS_WRITE)
@once
def begin_draft(monday: date) -> Response:
    """Begin the draft as asked."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    refuse_unknown_week(db(), site, monday)
    form = _start_form(site, monday)
    if form.validate():
        day = form.copy_of.data
        try:
            start_draft(
                db(),
                principal(),
                site_id=site.id,
                monday=monday,
                source=form.source.data,
                copy_of=None if day is None else day - A_DAY * day.weekday(),
                now=now(),
            )
        except FieldError as error:
            put_beside(form, error)
        else:
            return redirect(draft_url(site, monday), SEE_OTHER)
    return refuse("rosters/start.html", _start_page(site, monday, form))


@blueprint.post("/rosters/<week:monday>/draft/fill")
@requires(Permission.ROSTERS_WRITE)
@once
def fill_draft(monday: date) -> Response:
    """Add what the weekly patterns say."""

    def fill(site: SiteRow) -> str:
        count = fill_from_patterns(db(), principal(), seen_version=seen_version(), **_where(site, monday))
        if not count:
            return "The patterns say nothing that the draft lacks."
        return f"{count} shift{'' if count == 1 else 's'} added from the patterns."

    return _changed(monday, fill)


@blueprint.post("/rosters/<week:monday>/draft/base")
@requires(Permission.ROSTERS_WRITE)
@once
def rebase_draft(monday: date) -> Response:
    """Go on although something else was published since the draft began."""

    def rebase(site: SiteRow) -> str:
        take_published_as_base(db(), principal(), seen_version=seen_version(), **_where(site, monday))
        return "The draft is compared with what is published now."

    return _changed(monday, rebase)


@blueprint.post("/rosters/<week:monday>/draft/shifts/<id:row_id>/remove")
@requires(Permission.ROSTERS_WRITE)
@once
def remove_draft_shift(monday: date, row_id: int) -> Response:
    """Take one shift out."""

    def remove(site: SiteRow) -> str:
        remove_shift(db(), principal(), row_id=row_id, seen_version=seen_version(), **_where(site, monday))
        return "The shift is out of the draft."

    return _changed(monday, remove)


@blueprint.post("/rosters/<week:monday>/draft/discard")
@requires(Permission.ROSTERS_WRITE)
@once
def throw_draft_away(monday: date) -> Response:
    """Throw the draft away; what is published stays."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    try:
        discard_draft(db(), principal(), seen_version=seen_version(), **_where(site, monday))
    except StaleVersion as stale:
        return _stale(site, monday, stale)
    flash("The draft is gone. What is published has not changed.", "ok")
    return redirect(url_for("rosters.week_of", monday=monday, site=site.id), SEE_OTHER)


@blueprint.route("/rosters/<week:monday>/draft/shifts/new", methods=["GET", "POST"])
@requires(Permission.ROSTERS_WRITE)
@once
def add_draft_shift(monday: date) -> Response | str:
    """Put a shift into the draft."""
    site, found = _draft(monday)
    wanted: dict[str, Any] = {}
    if request.method == "GET":
        wanted = {"person": request.args.get("person", ""), "days": request.args.getlist("day")}
    form = NewShiftForm(**wanted)
    _offer(site, monday, form, form.days)
    return _put(site, monday, found, form, None)


@blueprint.route("/rosters/<week:monday>/draft/shifts/<id:row_id>", methods=["GET", "POST"])
@requires(Permission.ROSTERS_WRITE)
@once
def change_draft_shift(monday: date, row_id: int) -> Response | str:
    """Change one shift of the draft, or take it out."""
    site, found = _draft(monday)
    shift = dict(found.draft.rows).get(row_id)
    if shift is None:
        if request.method == "POST":
            return _stale(site, monday, StaleVersion(0, found.draft.version, "The draft of this week"))
        raise NotFound
    form = ShiftForm(**(_said(shift) if request.method == "GET" else {}))
    _offer(site, monday, form, form.day)
    return _put(site, monday, found, form, row_id)


def _put(
    site: SiteRow, monday: date, found: DraftFacts, form: ShiftForm | NewShiftForm, row_id: int | None
) -> Response | str:
    page = {"form": form, "row_id": row_id, "url": request.path, "version": found.draft.version}
    page |= _around(site, monday)
    if request.method == "GET":
        return render_template(SHIFT, **page, **_twice(site, form))
    if form.validate():
        try:
            shifts = [_shift(site, form, day) for day in _days(form)]
            where = {"seen_version": seen_version(), **_where(site, monday)}
            if row_id is None:
                add_shifts(db(), principal(), shifts=shifts, **where)
            else:
                put_shift(db(), principal(), shift=shifts[0], instead_of=row_id, **where)
        except StaleVersion as stale:
            return _stale(site, monday, stale)
        except FieldError as error:
            several = error.field == "day" and row_id is None
            put_beside(form, FieldError("days", error.sentence) if several else error)
        else:
            first = shifts[0]
            return redirect(f"{draft_url(site, monday)}#p{first.person_id}-{(first.day - monday).days}", SEE_OTHER)
    return refuse(SHIFT, page | _twice(site, form))


def _draft(monday: date) -> tuple[SiteRow, DraftFacts]:
    site, _ = own_site(db(), principal(), chosen_site_id())
    refuse_unknown_week(db(), site, monday)
    found = draft_facts(db(), principal(), site, monday, now())
    if found is None:
        raise NotFound
    return site, found


def _changed(monday: date, act: Callable[[SiteRow], str]) -> Response:
    """Do something to the draft; when somebody else did before, show how it is now."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    try:
        flash(act(site), "ok")
    except StaleVersion as stale:
        return _stale(site, monday, stale)
    except FieldError as error:
        return _refused(site, monday, error.sentence, 422)
    return redirect(draft_url(site, monday), SEE_OTHER)


def _stale(site: SiteRow, monday: date, stale: StaleVersion) -> Response:
    return _refused(site, monday, stale.sentence, CONFLICT)


def _refused(site: SiteRow, monday: date, sentence: str, status: int) -> Response:
    """The draft as it is now, or the ways to begin where it is gone."""
    db().expire_all()
    found = draft_facts(db(), principal(), site, monday, now())
    faults = [(None, sentence)]
    if found is None:
        return refuse(
            "rosters/start.html",
            _start_page(site, monday, _start_form(site, monday, blank=True)),
            status,
            faults=faults,
        )
    return refuse(DRAFT, _draft_page(db(), site, monday, found), status, faults=faults)


def _where(site: SiteRow, monday: date) -> dict[str, Any]:
    return {"site_id": site.id, "monday": monday, "now": now()}


def _around(site: SiteRow, monday: date) -> dict[str, Any]:
    return {
        "site": site,
        "monday": monday,
        "week": week_words(monday),
        "week_url": url_for("rosters.week_of", monday=monday, site=site.id),
        "draft_url": draft_url(site, monday),
    }


def _start_form(site: SiteRow, monday: date, *, blank: bool = False) -> StartForm:
    """The ways to begin that there are, with the likeliest chosen; `blank` leaves out what was posted."""
    ways = ways_to_start(db(), site, monday)
    form = StartForm(None, source=ways[0]) if blank else StartForm(source=ways[0])
    form.source.choices = [SelectChoice(way, HOW_TO_START[way]) for way in ways]
    return form


def _start_page(site: SiteRow, monday: date, form: StartForm) -> dict[str, Any]:
    return {"form": form, **_around(site, monday)}


def _draft_page(session: Session, site: SiteRow, monday: date, found: DraftFacts) -> dict[str, Any]:
    week = roster_week(session, principal(), site, monday, found.draft)
    return {"page": draft_page(week, monday, now(), found), **_around(site, monday)}


def _offer(
    site: SiteRow, monday: date, form: ShiftForm | NewShiftForm, days: SelectField | SelectMultipleField
) -> None:
    people = [
        SelectChoice(str(row.id), f"{row.name} ({', '.join(ROLE_WORDS[role].lower() for role in row.roles)})")
        for row in staff_of(db(), site.id)
    ]
    form.person.choices = [SelectChoice("", "Choose a person"), *people]
    days.choices = [SelectChoice(day.isoformat(), short_day_words(day)) for day in days_of(monday)]


def _days(form: ShiftForm | NewShiftForm) -> list[date]:
    """The days a form is about, in order. Raises ValueError or TypeError for words that are no days."""
    words = form.days.data or [] if isinstance(form, NewShiftForm) else [form.day.data]
    return sorted({date.fromisoformat(word) for word in words})


def _said(shift: RosterShift) -> dict[str, Any]:
    """A shift in the words of its form."""
    pause = shift.break_starts_minute, shift.break_ends_minute
    return {
        "person": str(shift.person_id),
        "day": shift.day.isoformat(),
        "starts": as_time(shift.starts_minute),
        "ends": as_time(shift.ends_minute),
        "next_day": shift.ends_minute > DAY_MINUTES,
        "break_starts": None if pause[0] is None else as_time(pause[0]),
        "break_ends": None if pause[1] is None else as_time(pause[1]),
        "telehealth": shift.is_remote,
        "on_call": shift.on_call,
        "which_starts": str(shift.starts_fold),
        "which_ends": str(shift.ends_fold),
    }


def _shift(site: SiteRow, form: ShiftForm | NewShiftForm, day: date) -> RosterShift:
    """Raises FieldError for a time that does not exist that day, or exists twice and nobody said which."""
    starts, ends = form.minutes
    pause = form.pause or (None, None)
    folds = [
        _fold(site, day, minute, which, field)
        for minute, which, field in (
            (starts, form.which_starts.data, "starts"),
            (ends, form.which_ends.data, "ends"),
        )
    ]
    return RosterShift(
        day, starts, ends, id_of(form.person.data), form.telehealth.data, form.on_call.data, *pause, *folds
    )


def _fold(site: SiteRow, day: date, minute: int, which: str | None, field: str) -> int:
    wanted = int(which) if which else None
    try:
        resolve_wall(wall_at(day, minute), site.zone, wanted)
    except (NonexistentWallTime, AmbiguousWallTime) as odd:
        raise FieldError(field, str(odd)) from odd
    return fold_of(wall_at(day, minute), site.zone, wanted or 0)


def _twice(site: SiteRow, form: ShiftForm | NewShiftForm) -> dict[str, bool]:
    """Whether clocks show the start or the end twice, so that the page has to ask which."""
    try:
        days = _days(form)
        starts, ends = form.minutes
    except (ValueError, AttributeError, TypeError):
        return {"twice_starts": False, "twice_ends": False}
    return {
        "twice_starts": any(fold_of(wall_at(day, starts), site.zone, 1) for day in days),
        "twice_ends": any(fold_of(wall_at(day, ends), site.zone, 1) for day in days),
    }
