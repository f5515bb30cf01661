"""Weekly patterns of a site: who usually works when, and the days on which that does not hold."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.errors import FieldError, StaleVersion
from planner.domain.rosters import DAY_MINUTES
from planner.domain.walltime import day_and_year, local_day
from planner.services.reading.roster_patterns import OnePattern, PatternFacts, pattern_facts, patterns_of
from planner.services.reading.rosters import own_site, staff_of
from planner.services.roster_patterns import (
    PatternWish,
    add_exception,
    add_patterns,
    change_pattern,
    end_pattern,
    remove_exception,
)
from planner.store.queries.clinic import SiteRow
from planner.web.access import SEE_OTHER, once, principal, requires
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT
from planner.web.db import db
from planner.web.fields import id_of, put_beside, refuse, seen_version
from planner.web.rosters import blueprint
from planner.web.rosters.shift_forms import (
    HOW_OFTEN,
    WEEKDAYS,
    EndForm,
    ExceptionForm,
    NewPatternForm,
    PatternForm,
    as_time,
)
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import ROLE_WORDS, minutes_words

_Form = TypeVar("_Form", PatternForm, NewPatternForm)
LIST, FORM, PATTERN = "rosters/patterns.html", "rosters/pattern_form.html", "rosters/pattern.html"


@blueprint.get("/rosters/patterns")
@requires(Permission.ROSTERS_WRITE)
def patterns() -> str:
    """Every pattern of a site, person by person."""
    site, own = own_site(db(), principal(), chosen_site_id())
    today = local_day(now(), site.zone)
    rows = patterns_of(db(), site.id)
    tabs = [{"label": s.name, "url": _list_url(s.id), "current": s.id == site.id} for s in own] if len(own) > 1 else []
    return render_template(
        LIST,
        site=site,
        site_tabs=tabs,
        standing=[_row(row) for row in rows if row.until_day is None or row.until_day >= today],
        ended=[_row(row) for row in rows if row.until_day is not None and row.until_day < today],
    )


@blueprint.route("/rosters/patterns/new", methods=["GET", "POST"])
@requires(Permission.ROSTERS_WRITE)
@once
def new_pattern() -> Response | str:
    """Say who works when, week after week."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    form = _with_people(
        site, NewPatternForm(**({"from_day": local_day(now(), site.zone)} if request.method == "GET" else {}))
    )
    page = {"form": form, "site": site, "found": None, "back_url": _list_url(site.id)}
    page["url"] = url_for("rosters.new_pattern")
    if request.method == "GET":
        return render_template(FORM, **page)
    if form.validate():
        try:
            days = [int(word) for word in form.weekdays.data]
            rows = add_patterns(db(), principal(), site_id=site.id, wish=_wish(form, days[0]), weekdays=days, now=now())
        except FieldError as error:
            put_beside(form, error)
        else:
            kept = "The pattern is kept" if len(rows) == 1 else f"{len(rows)} patterns are kept"
            flash(f"{kept}. Weeks can be drafted or published from the patterns.", "ok")
            return redirect(_list_url(site.id), SEE_OTHER)
    return refuse(FORM, page)


@blueprint.get("/rosters/patterns/<id:pattern_id>")
@requires(Permission.ROSTERS_WRITE)
def pattern(pattern_id: int) -> str:
    """One pattern with its exceptions, and the forms to add one and to end it."""
    found = pattern_facts(db(), principal(), pattern_id)
    return render_template(PATTERN, **_pattern_page(found, ExceptionForm(None), EndForm(None)))


@blueprint.route("/rosters/patterns/<id:pattern_id>/change", methods=["GET", "POST"])
@requires(Permission.ROSTERS_WRITE)
@once
def change_one_pattern(pattern_id: int) -> Response | str:
    """Other times, days or weeks."""
    found = pattern_facts(db(), principal(), pattern_id)
    site = found.site
    form = _with_people(site, PatternForm(**(_said(found) if request.method == "GET" else {})))
    back_url = url_for("rosters.pattern", pattern_id=pattern_id)
    page = {"form": form, "site": site, "found": found, "url": request.path, "back_url": back_url}
    if request.method == "GET":
        return render_template(FORM, **page)
    if form.validate():
        try:
            change_pattern(
                db(), principal(), pattern_id=pattern_id, wish=_wish(form, int(form.weekday.data)),
                seen_version=seen_version(), now=now(),
            )  # fmt: skip
        except FieldError as error:
            put_beside(form, error)
        except StaleVersion as stale:
            return _stale(pattern_id, stale)
        else:
            flash("The pattern is changed. Weeks that are drafted or published stay as they are.", "ok")
            return redirect(back_url, SEE_OTHER)
    return refuse(FORM, page)


@blueprint.post("/rosters/patterns/<id:pattern_id>/end")
@requires(Permission.ROSTERS_WRITE)
@once
def end_one_pattern(pattern_id: int) -> Response:
    """Let it hold up to a day."""
    found, form = pattern_facts(db(), principal(), pattern_id), EndForm()
    if form.validate():
        try:
            row = end_pattern(
                db(),
                principal(),
                pattern_id=pattern_id,
                until_day=form.until_day.data,
                seen_version=seen_version(),
                now=now(),
            )
        except FieldError as error:
            put_beside(form, error)
        except StaleVersion as stale:
            return _stale(pattern_id, stale)
        else:
            flash("The pattern is removed." if row is None else "The pattern has a last day now.", "ok")
            return redirect(_list_url(found.site.id), SEE_OTHER)
    return refuse(PATTERN, _pattern_page(found, ExceptionForm(None), form))


@blueprint.post("/rosters/patterns/<id:pattern_id>/exceptions")
@requires(Permission.ROSTERS_WRITE)
@once
def except_a_day(pattern_id: int) -> Response:
    """One day at other times, or not at all."""
    found, form = pattern_facts(db(), principal(), pattern_id), ExceptionForm()
    if form.validate():
        try:
            add_exception(
                db(),
                principal(),
                pattern_id=pattern_id,
                day=form.day.data,
                minutes=form.minutes,
                seen_version=seen_version(),
                now=now(),
            )
        except FieldError as error:
            put_beside(form, error)
        except StaleVersion as stale:
            return _stale(pattern_id, stale)
        else:
            flash(f"{day_and_year(form.day.data)} is an exception now.", "ok")
            return redirect(url_for("rosters.pattern", pattern_id=pattern_id), SEE_OTHER)
    return refuse(PATTERN, _pattern_page(found, form, EndForm(None)))


@blueprint.post("/rosters/patterns/<id:pattern_id>/exceptions/<id:exception_id>/remove")
@requires(Permission.ROSTERS_WRITE)
@once
def drop_exception(pattern_id: int, exception_id: int) -> Response:
    """Let the pattern hold on that day again."""
    pattern_facts(db(), principal(), pattern_id)
    try:
        remove_exception(
            db(),
            principal(),
            pattern_id=pattern_id,
            exception_id=exception_id,
            seen_version=seen_version(),
            now=now(),
        )
    except StaleVersion as stale:
        return _stale(pattern_id, stale)
    flash("The pattern holds on that day again.", "ok")
    return redirect(url_for("rosters.pattern", pattern_id=pattern_id), SEE_OTHER)


def _stale(pattern_id: int, stale: StaleVersion) -> Response:
    db().expire_all()
    page = _pattern_page(pattern_facts(db(), principal(), pattern_id), ExceptionForm(None), EndForm(None))
    return refuse(PATTERN, page, CONFLICT, faults=[(None, stale.sentence)])


def _list_url(site_id: int) -> str:
    return url_for("rosters.patterns", site=site_id)


def _with_people(site: SiteRow, form: _Form) -> _Form:
    form.person.choices = [
        SelectChoice("", "Choose a person"),
        *(
            SelectChoice(str(row.id), f"{row.name} ({', '.join(ROLE_WORDS[role].lower() for role in row.roles)})")
            for row in staff_of(db(), site.id)
        ),
    ]
    return form


def _wish(form: PatternForm | NewPatternForm, weekday: int) -> PatternWish:
    starts, ends = form.minutes
    return PatternWish(
        person_id=id_of(form.person.data),
        weekday=weekday,
        starts_minute=starts,
        ends_minute=ends,
        from_day=form.from_day.data,
        until_day=form.until_day.data,
        every_weeks=int(form.every_weeks.data),
        break_minutes=form.pause,
        is_remote=form.telehealth.data,
        on_call=form.on_call.data,
    )


def _said(found: PatternFacts) -> dict[str, Any]:
    pause = found.break_minutes
    return {
        "person": str(found.person_id),
        "weekday": str(found.weekday),
        "every_weeks": str(found.every_weeks),
        "from_day": found.from_day,
        "until_day": found.until_day,
        "starts": as_time(found.minutes[0]),
        "ends": as_time(found.minutes[1]),
        "next_day": found.minutes[1] > DAY_MINUTES,
        "break_starts": None if pause is None else as_time(pause[0]),
        "break_ends": None if pause is None else as_time(pause[1]),
        "telehealth": found.is_remote,
        "on_call": found.on_call,
    }


def _row(found: PatternFacts) -> dict[str, str]:
    until = f" to {day_and_year(found.until_day)}" if found.until_day else " on"
    how = " (on call)" if found.on_call else " (video)" if found.is_remote else ""
    return {
        "name": found.name,
        "day": WEEKDAYS[found.weekday],
        "often": HOW_OFTEN[str(found.every_weeks)],
        "times": minutes_words(found.minutes, found.break_minutes) + how,
        "holds": f"From {day_and_year(found.from_day)}{until}",
        "url": url_for("rosters.pattern", pattern_id=found.id),
    }


def _pattern_page(found: OnePattern, form: ExceptionForm, ending: EndForm) -> dict[str, Any]:
    def said(day: date, minutes: tuple[int, int] | None) -> str:
        return f"{day_and_year(day)}: {minutes_words(minutes, None) if minutes else 'no shift'}"

    return {
        "found": found,
        "site": found.site,
        "row": _row(found),
        "form": form,
        "ending": ending,
        "faults": [(name, errors[0]) for name, errors in ending.errors.items()],
        "exceptions": [
            {
                "words": said(one.day, one.minutes),
                "url": url_for("rosters.drop_exception", pattern_id=found.id, exception_id=one.id),
            }
            for one in found.exceptions
        ],
        "list_url": _list_url(found.site.id),
    }
