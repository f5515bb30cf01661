"""Reads of one week, to be looked over: by whom, how many charts, and whether they had to do with those patients.

Numbers of patients stay inside: what leaves this room are counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.reads import CARE_AROUND, CHART_READS, CHARTS_AN_HOUR, most_in_an_hour
from planner.store.queries.scopes import works_with
from planner.store.records import Account, AccountSite, Appointment, AuditEntry, Course, Occupancy, Patient, Person


@dataclass(frozen=True, slots=True)
class ReadReview:
    """What one member of staff opened in a span of time; all are counts of different charts.

    `not_in_care`: of patients with whom they have no appointment and no course. `unrelated`: of those, at a site
    that is not theirs. `most_in_an_hour` is the fullest hour, `refused` what they asked for in vain.
    """

    account_id: int
    name: str
    charts: int
    not_in_care: int
    unrelated: int
    refused: int
    most_in_an_hour: int

    @property
    def is_to_look_at(self) -> bool:
        """Whether anything here calls for a question."""
        return bool(self.unrelated or self.refused) or self.most_in_an_hour > CHARTS_AN_HOUR


def read_reviews(db: Session, principal: Principal, since: datetime, until: datetime) -> list[ReadReview]:
    """Everybody of staff who opened a chart in the span, by name. Two queries. Raises NotPermitted.

    Sites and therapists are those of now; appointments those from four weeks before to four weeks after.
    """
    require(principal, Permission.AUDIT_READ)
    span = (AuditEntry.action.in_(CHART_READS), AuditEntry.at >= since, AuditEntry.at < until)
    times = _times(db, *span)
    pairs = select(AuditEntry.account_id, AuditEntry.patient_id, AuditEntry.outcome).where(*span).distinct().subquery()
    query = (
        select(
            Account.id, Account.name, pairs.c.outcome,
            _in_care(since, until).label("in_care"), _at_their_site().label("at_site"), func.count(),
        )
        .join(pairs, pairs.c.account_id == Account.id)
        .join(Patient, Patient.id == pairs.c.patient_id)
        .outerjoin(Person, Person.id == Account.person_id)
        .where(Account.patient_id.is_(None))
        .group_by(Account.id, Account.name, pairs.c.outcome, "in_care", "at_site")
        .order_by(Account.name, Account.id)
    )  # fmt: skip
    found: dict[tuple[int, str], list[tuple[str, bool, bool, int]]] = defaultdict(list)
    for account_id, name, outcome, in_care, at_site, count in db.execute(query):
        found[(account_id, name)].append((outcome, bool(in_care), bool(at_site), count))
    return [_review(*who, rows, most_in_an_hour(times.get(who[0], ()))) for who, rows in found.items()]


def _times(db: Session, *span: ColumnElement[bool]) -> dict[int, list[tuple[datetime, int]]]:
    """When each account opened whose chart, in order."""
    found: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    query = select(AuditEntry.account_id, AuditEntry.at, AuditEntry.patient_id).where(*span, AuditEntry.outcome == "ok")
    for account_id, at, patient_id in db.execute(query.order_by(AuditEntry.at, AuditEntry.id)):
        if account_id is not None and patient_id is not None:
            found[account_id].append((at, patient_id))
    return found


def _review(account_id: int, name: str, rows: list[tuple[str, bool, bool, int]], most: int) -> ReadReview:
    seen = [(in_care, at_site, count) for outcome, in_care, at_site, count in rows if outcome == "ok"]
    return ReadReview(
        account_id=account_id,
        name=name,
        charts=sum(count for _, _, count in seen),
        not_in_care=sum(count for in_care, _, count in seen if not in_care),
        unrelated=sum(count for in_care, at_site, count in seen if not in_care and not at_site),
        refused=sum(count for outcome, _, _, count in rows if outcome == "refused"),
        most_in_an_hour=most,
    )


def _in_care(since: datetime, until: datetime) -> ColumnElement[bool]:
    """The person is the patient's therapist or a course's, or is on an appointment around the span."""
    around = (Appointment.starts_at >= since - CARE_AROUND, Appointment.starts_at < until + CARE_AROUND)
    theirs = Appointment.patient_id == Patient.id
    held = Occupancy.holdable_id == Person.holdable_id
    return or_(
        Patient.primary_therapist_id == Person.id,
        exists().where(Course.patient_id == Patient.id, Course.primary_therapist_id == Person.id),
        exists().where(theirs, *around, or_(Appointment.therapist_id == Person.id, Appointment.nurse_id == Person.id)),
        exists().where(theirs, *around, Occupancy.appointment_id == Appointment.id, held),
    )


def _at_their_site() -> ColumnElement[bool]:
    """The account has the patient's site, or one where a course of theirs runs or an appointment is."""
    mine = AccountSite.account_id == Account.id
    return or_(
        works_with(Account.id, Patient.id),
        exists().where(mine, Course.patient_id == Patient.id, AccountSite.site_id == Course.site_id),
        exists().where(mine, Appointment.patient_id == Patient.id, AccountSite.site_id == Appointment.site_id),
    )
