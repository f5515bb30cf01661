"""What is still booked with people, chairs and rooms that are gone, and cover for all of one person's at once.

Beside it the infusions at whose time nobody is on shift who has to be.
"""

from __future__ import annotations

from collections import Counter

from flask import render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.domain.access import Permission
from planner.domain.errors import FieldError, Refused
from planner.domain.protocols import Holding
from planner.domain.walltime import local_day
from planner.services.disruption_acts import Leave
from planner.services.disruption_effects import own_person
from planner.services.reading.rosters import own_site
from planner.store.queries.clinic import SiteRow
from planner.store.queries.cover import Orphan, to_reassign
from planner.store.queries.unstaffed import Unstaffed, unstaffed
from planner.web.access import once, principal, repeatable, requires
from planner.web.clock import now
from planner.web.courses.pages import address_of, may_move, title_of
from planner.web.db import db, own_reading
from planner.web.fields import UNPROCESSABLE, refuse
from planner.web.rosters import blueprint
from planner.web.rosters.acting import Asked, apply_asked, show_preview
from planner.web.rosters.notices import undo_notices
from planner.web.rosters.views import chosen_site_id
from planner.web.rosters.weeks import week_url, week_words

NOBODY = {Holding.PRESCRIBER: "A prescriber", Holding.NURSE: "A nurse", Holding.THERAPIST: "A therapist"}
NOTHING_WAITS = "Nothing waits for cover in place of this person any more. Somebody may have seen to it meanwhile."


@blueprint.get("/rosters/reassign")
@requires(Permission.ROSTERS_WRITE)
def reassign() -> str:
    """Every coming appointment of a site with somebody or something that is gone, or without who has to be there."""
    site, own = own_site(db(), principal(), chosen_site_id())
    orphans = to_reassign(db(), principal(), site.id, now())
    counted = Counter(person for orphan in orphans for person in orphan.people)
    return render_template(
        "rosters/reassign.html",
        site=site,
        other_sites=[(url_for("rosters.reassign", site=s.id), s.name) for s in own if s.id != site.id],
        people=[
            {"id": id_, "name": name, "count": count}
            for (id_, name), count in sorted(counted.items(), key=lambda pair: (pair[0][1].casefold(), pair[0][0]))
        ],
        rows=[_row(orphan) for orphan in orphans],
        unstaffed=[_unstaffed(site, one) for one in unstaffed(db(), principal(), now(), site.id)],
        notices=undo_notices(db(), principal(), site, now(), "reassign"),
    )


@blueprint.post("/rosters/reassign/<id:person_id>/changes")
@requires(Permission.ROSTERS_WRITE)
@repeatable("it only shows what would change")
def preview_leave(person_id: int) -> Response | str:
    """The cover that would be found for all that is booked with somebody who is gone."""
    with own_reading() as reading:
        site, _ = own_site(reading, principal(), chosen_site_id())
        try:
            return show_preview(reading, _asked(reading, site, person_id))
        except (FieldError, Refused) as error:
            return _refused(site, error)


@blueprint.post("/rosters/reassign/<id:person_id>")
@requires(Permission.ROSTERS_WRITE)
@once
def find_cover(person_id: int) -> Response | str:
    """Give it all to others, as previewed."""
    site, _ = own_site(db(), principal(), chosen_site_id())
    try:
        return apply_asked(_asked(db(), site, person_id))
    except (FieldError, Refused) as error:
        return _refused(site, error)


def _refused(site: SiteRow, error: FieldError | Refused) -> Response:
    back = url_for("rosters.reassign", site=site.id)
    return refuse("rosters/not_done.html", status=UNPROCESSABLE, back_url=back, faults=[(None, error.sentence)])


def _asked(session: Session, site: SiteRow, person_id: int) -> Asked:
    """Raises NotFound for somebody who never worked here, FieldError where nothing of theirs waits any more."""
    orphans = to_reassign(session, principal(), site.id, now())
    name = next((name for orphan in orphans for id_, name in orphan.people if id_ == person_id), None)
    if name is None:
        own_person(session, principal(), person_id)
        raise FieldError("person", NOTHING_WAITS)
    return Asked(
        act=Leave(person_id),
        heading=f"Cover for {name}",
        verb="Save",
        preview_url=url_for("rosters.preview_leave", person_id=person_id),
        apply_url=url_for("rosters.find_cover", person_id=person_id),
        back_url=url_for("rosters.reassign", site=site.id),
        done_url=url_for("rosters.reassign", site=site.id),
        fields=(("site", str(site.id)),),
    )


def _row(orphan: Orphan) -> dict[str, object]:
    return {
        "row": orphan.row,
        "title": title_of(orphan.row),
        "gone": ", ".join([name for _, name in orphan.people] + list(orphan.places)),
        "move_url": address_of(orphan.row, "move"),
    }


def _unstaffed(site: SiteRow, one: Unstaffed) -> dict[str, object]:
    row = one.row
    names = {Holding.NURSE: row.nurse_name, Holding.THERAPIST: row.therapist_name}
    day = local_day(row.starts_at, site.zone)
    return {
        "row": row,
        "title": title_of(row),
        "missing": ", ".join(names.get(role) or NOBODY[role] for role in one.lacks),
        "move_url": address_of(row, "move") if may_move(principal(), row, now()) else None,
        "url": address_of(row),
        "week_url": week_url(site, day),
        "week": week_words(day),
    }
