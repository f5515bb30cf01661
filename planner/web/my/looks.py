"""Who looked at one's record: names, what they do here, when, and what they opened. In plain words, and to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from flask import render_template, request, url_for

from planner.domain.access import Permission, Role
from planner.domain.reads import APPOINTMENT_READ, COURSE_READ, DRAFT_READ, PATIENT_READ
from planner.domain.walltime import local_day
from planner.store.queries.portal import clinic_help
from planner.store.queries.reads import Look, looks_at_own
from planner.web.access import principal, requires
from planner.web.clock import now
from planner.web.db import db
from planner.web.fields import number_in
from planner.web.filters import patient_day, patient_time, to_zone
from planner.web.my import blueprint
from planner.web.reads import OWN_RECORD

SIZE: Final = 60
_DIGITS: Final = 9
#: What people do, as patients would say it.
ROLE_WORDS: Final = {
    Role.COORDINATOR: "plans your dates",
    Role.THERAPIST: "therapist",
    Role.NURSE: "nurse",
    Role.PRESCRIBER: "prescriber",
}
#: What they opened.
OPENED: Final = {
    PATIENT_READ: "your page",
    COURSE_READ: "your dates",
    APPOINTMENT_READ: "one of your dates",
    DRAFT_READ: "a plan for your dates",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """All that one person opened on one day, one after the other; `starts_at` is the first of it."""

    name: str
    role: str
    day: str
    starts_at: datetime
    time: str
    opened: str


@blueprint.get("/my/help/looks")
@requires(Permission.PORTAL, reads=OWN_RECORD)
def looks() -> str:
    """Who opened one's record, the latest first."""
    zone = clinic_help(db()).zone
    before = number_in(request.args.get("before", ""), _DIGITS)
    found = looks_at_own(db(), principal(), before=before, size=SIZE)
    shown, more = found[:SIZE], len(found) > SIZE
    return render_template(
        "my/looks.html",
        visits=visits_of(shown, zone),
        zone=zone,
        older_url=url_for("my.looks", before=shown[-1].id) if more else None,
        newest_url=url_for("my.looks") if before is not None else None,
        printed=f"{patient_day(now(), zone)}, {patient_time(now(), zone)}",
    )


def visits_of(looks: Sequence[Look], zone: str) -> list[Visit]:
    """Looks of one person that follow each other on one day as one line; the latest first."""
    runs = groupby(looks, lambda look: (look.account_id, look.roles, local_day(look.at, zone)))
    return [_visit(list(run), zone) for _, run in runs]


def _visit(run: list[Look], zone: str) -> Visit:
    first, last = run[-1].at, run[0].at
    begins, ends = patient_time(first, zone), patient_time(last, zone)
    opened = dict.fromkeys(OPENED[look.action] for look in reversed(run))
    return Visit(
        name=run[0].name,
        role=role_words(run[0].roles),
        day=f"{patient_day(first, zone)} {to_zone(first, zone).year}",
        starts_at=first,
        time=begins if begins == ends else f"{begins} to {ends}",
        opened=", ".join(opened),
    )


def role_words(roles: str) -> str:
    """“nurse, therapist”, of the roles as the history has them."""
    return ", ".join(words for role, words in ROLE_WORDS.items() if role.value in roles.split())
