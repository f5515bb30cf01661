"""The line that says what was just done to a roster and takes it back, and the page it leads back to."""

from __future__ import annotations

from datetime import date, datetime

from flask import request, url_for
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.walltime import local_day
from planner.services.reading.roster_changes import RosterChange, latest_change
from planner.store.queries.clinic import SiteRow
from planner.web.filters import day_words, staff_time
from planner.web.navigation import new_key

#: Pages an undo leads back to, by their word.
BACK = {
    "absences": "rosters.absences",
    "closures": "rosters.closures",
    "holidays": "rosters.public_holidays",
    "reassign": "rosters.reassign",
}
Notice = dict[str, str]


def undo_notices(db: Session, principal: Principal, site: SiteRow, now: datetime, back: str = "") -> list[Notice]:
    """What was done last to a site's roster, while it can be undone; `back` is the word of the page it is shown on."""
    found = latest_change(db, principal, site.id, now)
    if found is None:
        return []
    done = _done(found)
    if found.count:
        done += f", and {found.count} appointment{'' if found.count == 1 else 's'} changed"
    until = staff_time(found.undo_until, site.zone)
    shown = (request.view_args or {}).get("monday")
    week = request.args.get("week") if shown is None else _word_of(shown)
    return [
        {
            "kind": "ok",
            "text": f"{done}. Calendars keep up by themselves. You can undo this until {until}.",
            "undo_url": url_for(
                "rosters.undo_disruption",
                change_set_id=found.id,
                site=site.id,
                back=back or None,
                week=None if back else week or _week_of(now, site),
            ),
            "idempotency_key": new_key(),
        }
    ]


def back_url(site: SiteRow, week_url: str) -> str:
    """Where undoing leads: the page named in the address, else the week."""
    endpoint = BACK.get(request.args.get("back", ""))
    return url_for(endpoint, site=site.id) if endpoint else week_url


def _week_of(now: datetime, site: SiteRow) -> str:
    return _word_of(local_day(now, site.zone))


def _word_of(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _done(found: RosterChange) -> str:
    who = found.person_name
    told = {
        "person.away": f"{who} is away",
        "absence.change": f"The absence of {who} was changed",
        "absence.remove": f"The absence of {who} was taken out",
        "person.leave": f"Cover was looked for in place of {who}",
    }
    if found.kind in told:
        return told[found.kind]
    verb = "Opened" if found.kind == "day.reopen" else "Closed"
    if len(found.days) == 1:
        return f"{verb} {day_words(found.days[0])}"
    return f"{verb} {len(found.days)} days"
