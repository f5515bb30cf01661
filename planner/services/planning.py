"""Planning one course while somebody waits: load what is known, propose whole courses, change a proposal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal
from planner.domain.errors import FieldError
from planner.domain.protocols import Protocol
from planner.domain.walltime import local_day
from planner.scheduling.proposals import ProposalSet, propose_courses
from planner.scheduling.sheets import ClinicSheet, CourseRequest
from planner.store.queries.scopes import the_one, visible_patients
from planner.store.records import Patient, Site
from planner.store.sheets import Wishes, load_clinic, load_request, protocol_of_version

#: How many days to look past the longest course, so that its consolidation has room.
SLACK_DAYS = 21


@dataclass(frozen=True, slots=True)
class Plan:
    """What a proposal was made from; kept together because changing a proposal needs all of it."""

    clinic: ClinicSheet
    request: CourseRequest


def plan_for(
    db: Session,
    principal: Principal,
    *,
    patient_id: int,
    protocol_version_id: int,
    site_id: int,
    wishes: Wishes,
    now: datetime,
    primary_therapist_id: int | None = None,
    without_hold_id: int | None = None,
) -> Plan:
    """Everything needed to propose a course, in a known number of queries.

    Raises NotFound for what the principal may not plan, FieldError (`earliest_day`) for a day that has passed
    or lies where the calendar ends.
    """
    the_one(db, visible_patients(principal, Permission.COURSES_PLAN), Patient.id == patient_id)
    site = db.get_one(Site, site_id)
    today = local_day(now, site.zone)
    if wishes.earliest_day < today:
        raise FieldError("earliest_day", "That day has passed. Choose today or a later day.")
    if wishes.latest_first_day is not None and wishes.latest_first_day < wishes.earliest_day:
        raise FieldError("latest_first_day", "The latest first day is before the earliest one.")
    protocol = protocol_of_version(db, protocol_version_id)
    last = _last_day(protocol, wishes)
    clinic = load_clinic(db, site_id, today, last, now, without_hold_id=without_hold_id)
    request = load_request(
        db,
        patient_id,
        protocol_version_id,
        wishes,
        clinic,
        primary_therapist_id=primary_therapist_id,
        without_hold_id=without_hold_id,
    )
    return Plan(clinic, request)


def _last_day(protocol: Protocol, wishes: Wishes) -> date:
    """The last day a course could reach: its firm gaps at their widest, then room for the consolidation."""
    longest = sum(spacing.max_days for _, spacing in protocol.firm_doses[1:])
    try:
        first = wishes.latest_first_day or wishes.earliest_day + timedelta(days=14)
        return first + timedelta(days=min(longest, protocol.span.review_days + 14) + SLACK_DAYS)
    except OverflowError as error:
        raise FieldError("earliest_day", "The calendar ends before such a course would.") from error


def propose(plan: Plan, *, most: int = 8) -> ProposalSet:
    """Whole-course proposals by weekday pattern, best first; or the rules that stand in the way."""
    return propose_courses(plan.clinic, plan.request, most=most)
