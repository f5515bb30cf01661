"""The checklist of a clinic that has booked no course yet. Facts tick it, not clicks; then it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, may
from planner.store.queries.first_run import SetUpFacts, set_up_facts
from planner.web.navigation import page_exists


@dataclass(frozen=True, slots=True)
class Rights:
    """What opens the page of a line, what lets one do it there, and who has that."""

    opens: Permission
    does: Permission
    whose: str


CLINIC = Rights(Permission.CLINIC_READ, Permission.CLINIC_WRITE, "an administrator")
STAFF = Rights(Permission.PEOPLE_READ, Permission.PEOPLE_WRITE, "a coordinator")
SIGNING = Rights(Permission.PROTOCOLS_READ, Permission.PROTOCOLS_SIGN, "a prescriber")
ROSTERS = Rights(Permission.ROSTERS_READ, Permission.ROSTERS_WRITE, "a coordinator")
PATIENTS = Rights(Permission.PATIENTS_WRITE, Permission.PATIENTS_WRITE, "a coordinator")
COURSES = Rights(Permission.COURSES_PLAN, Permission.COURSES_PLAN, "a coordinator")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One thing a clinic needs: whether it is there, and where it is done; without an address, who does it."""

    title: str
    done: bool
    sentence: str
    url: str | None
    whose: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """Everything up to the first course. `fill_url` offers a made-up clinic while there is nothing at all."""

    lines: tuple[CheckLine, ...]
    fill_url: str | None

    @property
    def done(self) -> int:
        """How many lines have their tick."""
        return sum(line.done for line in self.lines)


def checklist(db: Session, principal: Principal, now: datetime) -> Checklist | None:
    """What is still to be done, for those who set a clinic up; None once a course is booked. One query."""
    if not principal.is_any(Role.ADMIN, Role.COORDINATOR):
        return None
    facts = set_up_facts(db, now)
    if facts.has_course:
        return None
    empty = facts.site_id is None and not facts.has_anybody and not facts.has_patient
    may_fill = empty and may(principal, Permission.CLINIC_WRITE) and page_exists("/admin/demo")
    return Checklist(tuple(_lines(principal, facts)), "/admin/demo" if may_fill else None)


def _lines(principal: Principal, facts: SetUpFacts) -> Iterator[CheckLine]:
    site = f"/admin/sites/{facts.site_id}" if facts.site_id else ""
    sites = site if site and page_exists(site) else "/admin/sites"
    # Without a site there is nothing to choose on those pages.
    rosters, patients, courses = ("/rosters", "/patients/new", "/courses/new") if facts.site_id else ("", "", "")
    yield _line(
        principal, "A site and its hours", facts.has_hours,
        "Where treatment happens, and when it is open.", sites, CLINIC,
    )  # fmt: skip
    yield _line(
        principal, "Chairs, and somewhere to talk", facts.has_chair and facts.has_place_to_talk,
        _places_words(facts), sites, CLINIC,
    )  # fmt: skip
    yield _line(principal, "People", not facts.missing, _people_words(facts.missing), "/admin/staff", STAFF)
    yield _line(
        principal, "A protocol, signed", facts.has_signed_protocol,
        "A prescriber reads the clinic's numbers and answers for them.", "/admin/protocols", SIGNING,
    )  # fmt: skip
    yield _line(
        principal, "The first roster", facts.has_shift_to_come,
        "Who works when; courses are planned into it.", rosters, ROSTERS,
    )  # fmt: skip
    yield _line(
        principal, "The first patient", facts.has_patient,
        "A code and a name are enough to begin.", patients, PATIENTS,
    )  # fmt: skip
    yield _line(
        principal, "The first course", facts.has_course,
        "Every infusion and session of it, planned together.", courses, COURSES,
    )  # fmt: skip


def _line(principal: Principal, title: str, done: bool, sentence: str, url: str, rights: Rights) -> CheckLine:
    opens = bool(url) and may(principal, rights.opens) and page_exists(url)
    return CheckLine(title, done, sentence, url if opens else None, "" if may(principal, rights.does) else rights.whose)


def _places_words(facts: SetUpFacts) -> str:
    if facts.has_chair and not facts.has_place_to_talk:
        return "There is a chair; still missing is a therapy room, or a therapist's shift by video."
    return "A chair for each infusion at a time, and a room for sessions unless all of them are by video."


def _people_words(missing: tuple[Role, ...]) -> str:
    if not missing or len(missing) == 3:
        return "A prescriber, a nurse and a therapist, each at a site."
    return f"Still missing: {' and '.join(f'a {role.value}' for role in missing)}."
