"""Every read of a patient's record is written down before its answer; what cannot be written down is not answered.

A view says beside its permission what it reads: `@requires(..., reads=THE_PATIENT)`, or in words why it reads nobody's
record. The line is written and committed in a short transaction of its own before the view begins, so that nothing
waits for the page to be made.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

from flask import request

from planner.domain.access import Permission, Principal
from planner.domain.reads import About
from planner.services import chart_reads
from planner.store.queries.reads import Subject, is_noted, most_listed, subject_of
from planner.web.clock import now
from planner.web.db import in_own_transaction, is_safe_request, own_reading

log = logging.getLogger("planner.web")


@dataclass(frozen=True, slots=True)
class Reads:
    """What a page shows, and which part of its address names it. Of an `own` record only what is refused is noted."""

    about: About
    argument: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Lists:
    """A list with many patients on it. Its view calls `list_is_read` with how many it shows."""

    what: str


Declared = Reads | Lists | str

THE_PATIENT = Reads(About.PATIENT, "patient_id")
THE_COURSE = Reads(About.COURSE, "course_id")
THE_INFUSION = Reads(About.INFUSION, "appointment_id")
THE_SESSION = Reads(About.SESSION, "appointment_id")
THE_VISIT = Reads(About.LOOSE, "appointment_id")
THE_PLAN = Reads(About.DRAFT, "draft_id")
THE_CHANGE = Reads(About.CHANGE, "change_set_id")
OWN_DATE = Reads(About.DATE, "appointment_id", own=True)
OWN_RECORD = "a patient looks at what is their own"
PATIENTS_LIST = Lists("patients")
COURSES_LIST = Lists("courses")
SEARCH = Lists("search")

#: Whoever opens a page by one of these may see a patient on it.
OF_PATIENTS = frozenset(
    {
        Permission.TODAY_READ,
        Permission.PORTAL,
        Permission.OWN_DATES_CHANGE,
        Permission.PATIENTS_READ,
        Permission.PATIENTS_WRITE,
        Permission.COURSES_READ,
        Permission.COURSES_PLAN,
        Permission.APPOINTMENTS_READ,
        Permission.INFUSIONS_CHANGE,
        Permission.INFUSIONS_STATUS,
        Permission.INTEGRATION_CHANGE,
        Permission.INTEGRATION_STATUS,
    }
)


def note_opening(principal: Principal, declared: Declared | None, permissions: Collection[Permission]) -> None:
    """Write down that somebody opens the page of a record, or that it is refused: before the answer in either case.

    Raises whatever keeps the database from taking the line. Only a refusal stands without one: it shows nothing, and
    an answer of its own would tell the records that are there from those that are not.
    """
    subject = _subject(principal, declared, permissions)
    if subject is None:
        return
    try:
        in_own_transaction(lambda db: chart_reads.note_read(db, principal, subject, now()))
    except Exception as fault:
        if subject.allowed:
            raise
        log.error("a refused read was not noted: %s", type(fault).__name__)


def list_is_read(principal: Principal, declared: Lists, count: int) -> None:
    """Write down that a list with `count` lines is shown. Once its view has read it, and before it is made a page.

    A form that comes back was shown with its list before, and its own transaction is open: it adds no line.
    """
    if not count or not is_safe_request():
        return
    with own_reading() as db:
        if most_listed(db, principal, declared.what, now()) >= count:
            return
    in_own_transaction(lambda db: chart_reads.note_list(db, principal, declared.what, count, now()))


def _subject(principal: Principal, declared: Declared | None, permissions: Collection[Permission]) -> Subject | None:
    """What is about to be read and is not written down yet."""
    if not isinstance(declared, Reads):
        return None
    object_id = (request.view_args or {}).get(declared.argument)
    if object_id is None:
        return None
    with own_reading() as db:
        subject = subject_of(db, principal, declared.about, object_id, permissions)
        if subject is None or (declared.own and subject.allowed) or is_noted(db, principal, subject, now()):
            return None
        return subject
