"""The audit trail: who did what when, without anybody's health."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.walltime import day_span
from planner.services import audit_words
from planner.services.audit_export import MOST_LINES, audit_csv
from planner.store.queries import account_lists as lists
from planner.store.queries.audit import AuditFilter, AuditPage, audit_page
from planner.web.access import principal, repeatable, requires
from planner.web.accounts import blueprint
from planner.web.accounts.forms import AuditForm
from planner.web.db import db, own_reading
from planner.web.fields import number_in, refuse
from planner.web.taking_out import take_out

PAGE: Final = "accounts/audit.html"
FILTERS: Final = ("action", "account", "since", "until", "outcome")
_DIGITS: Final = 9


@blueprint.get("/admin/audit")
@requires(Permission.AUDIT_READ)
def audit() -> Response | str:
    """The newest lines, or those further back; filtered as asked."""
    form = AuditForm(lists.staff_names(db()), formdata=request.args)
    if not form.validate():
        return refuse(PAGE, _page(form, AuditPage((), None, None)))
    found = audit_page(
        db(), principal(), _wanted(form, lists.clinic_zone(db())), before=_id_in("before"), after=_id_in("after")
    )
    return render_template(PAGE, **_page(form, found))


@blueprint.post("/admin/audit/download")
@requires(Permission.AUDIT_READ)
@repeatable("it takes a copy out, and each copy is written down")
def download_audit() -> Response:
    """The lines of the filter as CSV."""
    with own_reading() as reading:
        form = AuditForm(lists.staff_names(reading))
        zone = lists.clinic_zone(reading)
    if not form.validate():
        return refuse(PAGE, _page(form, AuditPage((), None, None)))
    wanted, back = _wanted(form, zone), url_for("accounts.audit", **_chosen())
    return take_out("audit", "csv", lambda reading: audit_csv(reading, principal(), wanted), back=back)


def _wanted(form: AuditForm, zone: str) -> AuditFilter:
    """Days are whole days at the clinic."""
    account = form.account.data or None
    return AuditFilter(
        action=form.action.data or "",
        account=int(account) if account and account.isdigit() else account,
        since=day_span(form.since.data, zone)[0] if form.since.data else None,
        until=day_span(form.until.data, zone)[1] if form.until.data else None,
        outcome=form.outcome.data or "",
    )


def _id_in(name: str) -> int | None:
    return number_in(request.args.get(name, ""), _DIGITS)


def _chosen() -> dict[str, Any]:
    return {name: word for name in FILTERS if (word := request.values.get(name, ""))}


def _page(form: AuditForm, found: AuditPage) -> dict[str, Any]:
    chosen = _chosen()
    older, newer = found.older_than, found.newer_than
    return {
        "form": form,
        "rows": found.rows,
        "words": audit_words,
        "zone": lists.clinic_zone(db()),
        "chosen": chosen,
        "older_url": url_for("accounts.audit", **chosen, before=older) if older is not None else None,
        "newer_url": url_for("accounts.audit", **chosen, after=newer) if newer is not None else None,
        "most": MOST_LINES,
        "tabs": audit_tabs("accounts.audit"),
    }


def audit_tabs(current: str) -> list[dict[str, Any]]:
    """The two views of the history."""
    pages = (("accounts.audit", "Lines"), ("accounts.reads", "Reads to look at"))
    return [{"label": label, "url": url_for(page), "current": page == current} for page, label in pages]
