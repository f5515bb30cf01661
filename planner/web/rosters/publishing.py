"""Publishing a draft and taking a version back, in two steps: what it does to everything booked is shown first.

The shifts are compared on the first page. The next one shows every course they touch, and posts its key: when anything
has changed since, the newer state is shown (409) and nothing is saved.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.services.reading.disruptions import DisruptionFacts, facts_between
from planner.services.reading.roster_drafts import draft_facts
from planner.services.reading.roster_versions import standing
from planner.services.reading.rosters import own_site
from planner.services.roster_publishing import (
    PublishDraft,
    RosterAct,
    RosterPreview,
    Withdraw,
    preview_roster,
    publish_roster,
)
from planner.store.queries.clinic import SiteRow
from planner.web.access import SEE_OTHER, once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.courses.acting import CONFLICT
from planner.web.db import db
from planner.web.fields import UNPROCESSABLE, refuse, seen_version
from planner.web.rosters import blueprint
from planner.web.rosters.acting import (
    TEMPLATE,
    AskedWords,
    beside_reason,
    posted_choices,
    posted_reasons,
    preview_context,
)
from planner.web.rosters.draft_pages import line_rows
from planner.web.rosters.drafts import draft_url
from planner.web.rosters.views import chosen_site_id, refuse_unknown_week
from planner.web.rosters.weeks import week_url, week_words

PAGE = "rosters/publish.html"
NOTHING = "Nothing has changed; there is nothing to publish."


@blueprint.get("/rosters/<week:monday>/publish")
@requires(Permission.ROSTERS_WRITE)
def publish(monday: date) -> str:
    """What the draft changes, shift by shift."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    refuse_unknown_week(db(), site, monday)
    page = _page(site, monday)
    if page is None:
        raise NotFound
    return render_template(PAGE, **page)


@blueprint.post("/rosters/<week:monday>/publish")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_publish(monday: date) -> Response | str:
    """What publishing the draft would do to everything booked."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    return _previewed(site, monday, PublishDraft(site.id, monday, seen_version()))


@blueprint.post("/rosters/<week:monday>/publish/apply")
@requires(Permission.ROSTERS_WRITE)
@once
def apply_publish(monday: date) -> Response:
    """Publish as previewed."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    return _applied(site, monday, PublishDraft(site.id, monday, seen_version()))


@blueprint.post("/rosters/<week:monday>/versions/<id:number>/withdraw")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_withdraw(monday: date, number: int) -> Response | str:
    """What taking a version back would do to everything booked."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    return _previewed(site, monday, Withdraw(site.id, monday, number))


@blueprint.post("/rosters/<week:monday>/versions/<id:number>/withdraw/apply")
@requires(Permission.ROSTERS_WRITE)
@once
def apply_withdraw(monday: date, number: int) -> Response:
    """Take a version back as previewed."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    return _applied(site, monday, Withdraw(site.id, monday, number))


def _previewed(site: SiteRow, monday: date, act: RosterAct) -> Response | str:
    try:
        preview, facts = _facts(act)
    except StaleVersion as stale:
        return _stale(site, monday, act, stale)
    except (FieldError, Refused) as error:
        return _refused(site, monday, act, error.sentence, UNPROCESSABLE)
    if not preview.lines:
        return _refused(site, monday, act, NOTHING, UNPROCESSABLE)
    return render_template(TEMPLATE, **preview_context(_asked(site, monday, act, preview), facts))


def _applied(site: SiteRow, monday: date, act: RosterAct) -> Response:
    try:
        made = publish_roster(
            db(),
            principal(),
            act,
            key=request.form.get("key", ""),
            now=now(),
            choices=posted_choices(),
            override_reasons=posted_reasons(),
        )
    except StaleVersion as stale:
        return _stale(site, monday, act, stale)
    except NotPermitted as error:
        return _shown_again(site, monday, act, error.sentence)
    except FieldError as error:
        if error.field != "reason":
            return _refused(site, monday, act, error.sentence, UNPROCESSABLE)
        return _shown_again(site, monday, act, error)
    except Refused as error:
        return _refused(site, monday, act, error.sentence, UNPROCESSABLE)
    if made is None:
        flash(f"{NOTHING} The draft is gone.", "info")
    return redirect(week_url(site, monday), SEE_OTHER)


def _facts(act: RosterAct) -> tuple[RosterPreview, DisruptionFacts]:
    """Decided by itself and with the ways out that were chosen."""
    chosen_ways = posted_choices()
    plain = preview_roster(db(), principal(), act, now=now())
    chosen = preview_roster(db(), principal(), act, now=now(), choices=chosen_ways) if chosen_ways else plain
    return chosen, facts_between(principal(), plain.courses, chosen.courses, chosen_ways)


def _shown_again(site: SiteRow, monday: date, act: RosterAct, error: FieldError | str) -> Response:
    """The same preview with what is wrong with it."""
    preview, facts = _facts(act)
    faults = [(None, error)] if isinstance(error, str) else beside_reason(facts, error)
    return refuse(TEMPLATE, preview_context(_asked(site, monday, act, preview), facts, faults), UNPROCESSABLE)


def _stale(site: SiteRow, monday: date, act: RosterAct, stale: StaleVersion) -> Response:
    """The newer state: the preview as it would be now, or the page before it."""
    sentence = "Something changed in the meantime. Nothing was saved; this is what it would change now."
    try:
        preview, facts = _facts(act)
    except (StaleVersion, FieldError, Refused):
        return _refused(site, monday, act, stale.sentence, CONFLICT)
    if not preview.lines:
        return _refused(site, monday, act, NOTHING, CONFLICT)
    asked = _asked(site, monday, act, preview)
    return refuse(TEMPLATE, preview_context(asked, facts, [(None, sentence)]), CONFLICT)


def _refused(site: SiteRow, monday: date, act: RosterAct, sentence: str, status: int) -> Response:
    """The page before the preview with what stands in the way; the week's versions where there is no draft."""
    db().expire_all()
    faults = [(None, sentence)]
    page = _page(site, monday) if isinstance(act, PublishDraft) else None
    if page is not None:
        return refuse(PAGE, page, status, faults=faults)
    found = standing(db(), site, monday)
    return refuse("rosters/moved_on.html", {**_around(site, monday), "standing": found}, status, faults=faults)


def _page(site: SiteRow, monday: date) -> dict[str, Any] | None:
    found = draft_facts(db(), principal(), site, monday, now())
    if found is None:
        return None
    return {
        **_around(site, monday),
        "version": found.draft.version,
        "is_behind": found.is_behind,
        "lines": line_rows(found.lines),
        "warnings": [warning.sentence for warning in found.warnings],
        "nothing": NOTHING,
    }


def _around(site: SiteRow, monday: date) -> dict[str, Any]:
    return {
        "site": site,
        "monday": monday,
        "week": week_words(monday),
        "week_url": week_url(site, monday),
        "draft_url": draft_url(site, monday),
    }


def _asked(site: SiteRow, monday: date, act: RosterAct, preview: RosterPreview) -> AskedWords:
    where: dict[str, Any] = {"monday": monday}
    fields = [("site", str(site.id))]
    if isinstance(act, PublishDraft):
        fields.append(("seen_version", str(act.seen_version)))
        return AskedWords(
            heading=f"Publish {week_words(monday)} as version {preview.number}",
            verb="Publish the roster",
            preview_url=url_for("rosters.preview_publish", **where),
            apply_url=url_for("rosters.apply_publish", **where),
            back_url=url_for("rosters.publish", **where, site=site.id),
            done_url=week_url(site, monday),
            fields=tuple(fields),
        )
    where["number"] = act.number
    return AskedWords(
        heading=f"Take back version {act.number} of {week_words(monday)}",
        verb="Take the version back",
        preview_url=url_for("rosters.preview_withdraw", **where),
        apply_url=url_for("rosters.apply_withdraw", **where),
        back_url=url_for("rosters.version", **where, site=site.id),
        done_url=week_url(site, monday),
        fields=tuple(fields),
    )
