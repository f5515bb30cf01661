"""Reads to look at: per week and member of staff, how many charts and of whom they need not have been. Counts only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from flask import render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Permission
from planner.domain.reads import CARE_AROUND, CHARTS_AN_HOUR
from planner.domain.walltime import day_span, local_day
from planner.services.audit_export import reviews_csv
from planner.store.queries import account_lists as lists
from planner.store.queries.read_reviews import ReadReview, read_reviews
from planner.web.access import principal, repeatable, requires
from planner.web.accounts import blueprint
from planner.web.accounts.audit import audit_tabs
from planner.web.clock import now
from planner.web.db import db, own_reading
from planner.web.fields import PlannerForm, refuse
from planner.web.taking_out import take_out

PAGE: Final = "accounts/reads.html"
WEEKS: Final = 26
WEEK: Final = timedelta(days=7)
TO_LOOK_AT, ALL = "", "all"
SHOWN: Final = [SelectChoice(TO_LOOK_AT, "What to look at"), SelectChoice(ALL, "Everybody who read")]


class ReviewForm(PlannerForm):
    """Which week, whose reads, and whether all of them or those to look at."""

    week = SelectField("Week", choices=[])
    account = SelectField("Who", choices=[], default="")
    show = SelectField("Show", choices=SHOWN, default=TO_LOOK_AT)

    def __init__(self, today: date, staff: list[tuple[int, str]], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        monday = today - timedelta(days=today.weekday())
        self.mondays = {week_word(day): day for day in (monday - WEEK * back for back in range(WEEKS))}
        self.week.choices = [SelectChoice(word, week_title(day)) for word, day in self.mondays.items()]
        self.account.choices = [
            SelectChoice("", "All staff"), *(SelectChoice(str(account_id), name) for account_id, name in staff)
        ]  # fmt: skip
        if self.week.data in (None, "None", ""):
            self.week.data = week_word(monday)


def week_word(monday: date) -> str:
    """“2026-W10”."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def week_title(monday: date) -> str:
    """“Week of 2 Mar 2026”."""
    return f"Week of {monday.day} {monday:%b %Y}"


@blueprint.get("/admin/audit/reads")
@requires(Permission.AUDIT_READ)
def reads() -> Response | str:
    """One week, and in it whom to ask."""
    form, zone = _form(db())
    if not form.validate():
        return refuse(PAGE, _page(form, []))
    return render_template(PAGE, **_page(form, _found(db(), form, zone)))


@blueprint.post("/admin/audit/reads/download")
@requires(Permission.AUDIT_READ)
@repeatable("it takes a copy out, and each copy is written down")
def download_reads() -> Response:
    """The same as CSV."""
    with own_reading() as reading:
        form, zone = _form(reading)
    if not form.validate():
        return refuse(PAGE, _page(form, []))
    back = url_for("accounts.reads", **_chosen(form))
    return take_out(
        "reads", "csv", lambda reading: reviews_csv(str(form.week.data), _found(reading, form, zone)), back=back
    )


def _form(session: Session) -> tuple[ReviewForm, str]:
    """What is asked for, and the zone whose weeks they are."""
    zone = lists.clinic_zone(session)
    return ReviewForm(local_day(now(), zone), lists.staff_names(session), formdata=request.values), zone


def _found(session: Session, form: ReviewForm, zone: str) -> list[ReadReview]:
    """The lines of the form's week; days are the clinic's."""
    monday = form.mondays[str(form.week.data)]
    since, until = day_span(monday, zone)[0], day_span(monday + WEEK - timedelta(days=1), zone)[1]
    return [
        line
        for line in read_reviews(session, principal(), since, until)
        if (form.show.data == ALL or line.is_to_look_at) and form.account.data in ("", str(line.account_id))
    ]


def _chosen(form: ReviewForm) -> dict[str, Any]:
    return {name: str(getattr(form, name).data) for name in ("week", "account", "show")}


def _page(form: ReviewForm, found: list[ReadReview]) -> dict[str, Any]:
    return {
        "form": form,
        "lines": found,
        "limit": CHARTS_AN_HOUR,
        "weeks_around": CARE_AROUND.days // 7,
        "chosen": _chosen(form),
        "tabs": audit_tabs("accounts.reads"),
    }
