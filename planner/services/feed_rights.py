"""Whose a calendar link still is, and how it ends: the one place that says so.

A link lives as long as the right to what it shows: the account is active, the role and the site are still held, the
person still works here, the patient is still in care. Every act that takes a right away calls `retire_lost` in its own
transaction; what was taken away by other means is noticed when a calendar program next asks (`notice_lost`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, case, exists, not_, select
from sqlalchemy.orm import Session

from planner.domain.access import MATRIX, Permission, Principal, Role
from planner.domain.statuses import AppointmentStatus
from planner.services.auditing import record
from planner.store.records import (
    Account,
    AccountRole,
    AccountSite,
    Appointment,
    Chair,
    Feed,
    FeedScope,
    Patient,
    Person,
    Room,
)

#: The roles whose links may show a chair, a room or a site.
PLACE_ROLES: Final = (Role.COORDINATOR, Role.NURSE)
PLACES: Final = (FeedScope.CHAIR, FeedScope.ROOM, FeedScope.SITE)

ACCOUNT_ENDED: Final = "account ended"
RIGHTS_TAKEN: Final = "role or site taken away"
CARE_ENDED: Final = "course ended"
NOTICED: Final = "right to it gone"


def is_theirs(db: Session, feed: Feed) -> bool:
    """Whether the link's account may still see what it shows. One query."""
    return bool(db.scalar(select(_theirs()).where(Feed.id == feed.id)))


def _theirs() -> ColumnElement[bool]:
    """The rule, said of a row of `feed`."""
    active = [Account.id == Feed.account_id, Account.active]
    patient = exists().where(*active, _has_role(Role.PATIENT), Account.patient_id == Feed.subject_id)
    patient = patient.where(Patient.id == Account.patient_id, Patient.active)
    staff = exists().where(*active, _has_role(*MATRIX[Permission.OWN_FEEDS]), Account.person_id == Feed.subject_id)
    staff = staff.where(Person.id == Account.person_id, Person.active)
    chair = select(Chair.site_id).where(Chair.id == Feed.subject_id).correlate(Feed).scalar_subquery()
    room = select(Room.site_id).where(Room.id == Feed.subject_id).correlate(Feed).scalar_subquery()
    site = case((Feed.scope == FeedScope.CHAIR, chair), (Feed.scope == FeedScope.ROOM, room), else_=Feed.subject_id)
    place = exists().where(*active, _has_role(*PLACE_ROLES))
    place = place.where(AccountSite.account_id == Account.id, AccountSite.site_id == site)
    return case(
        (Feed.scope == FeedScope.PATIENT, patient.correlate(Feed)),
        (Feed.scope == FeedScope.THERAPIST, staff.correlate(Feed)),
        else_=place.correlate(Feed),
    )


def _has_role(*roles: Role) -> ColumnElement[bool]:
    held = exists().where(AccountRole.account_id == Account.id, AccountRole.role.in_(roles))
    return held.correlate(Account)


def retire_lost(
    db: Session, principal: Principal | None, account_id: int, now: datetime, reason: str = RIGHTS_TAKEN
) -> list[Feed]:
    """End the account's links whose right is gone, in the caller's transaction; the ones that ended.

    Call it after the change is flushed. `principal` is None on the command line.
    """
    db.flush()
    lost = select(Feed).where(Feed.account_id == account_id, Feed.revoked_at.is_(None), not_(_theirs()))
    return _end_all(db, principal, lost, reason, now)


def retire_care_links(db: Session, principal: Principal, patient_id: int, now: datetime) -> list[Feed]:
    """End the patient's own links with their course, unless something else is still booked for them."""
    db.flush()
    still_booked = exists().where(
        Appointment.patient_id == patient_id,
        Appointment.status == AppointmentStatus.BOOKED,
        Appointment.ends_at > now,
    )
    own = select(Feed).where(
        Feed.scope == FeedScope.PATIENT, Feed.subject_id == patient_id, Feed.revoked_at.is_(None), ~still_booked
    )
    return _end_all(db, principal, own, CARE_ENDED, now)


def give_back_care_links(db: Session, principal: Principal, patient_id: int, ended_at: datetime, now: datetime) -> None:
    """Let the links live again that ended with a course at `ended_at`, because that ending was undone."""
    ended = select(Feed).where(
        Feed.scope == FeedScope.PATIENT,
        Feed.subject_id == patient_id,
        Feed.revoked_at == ended_at,
        Feed.revoked_reason == CARE_ENDED,
        _theirs(),
    )
    for feed in db.scalars(ended.order_by(Feed.id)).all():
        feed.revoked_at, feed.revoked_reason = None, ""
        db.flush()
        audit_feed(db, principal, "feed.given_back", feed, now)


def notice_lost(db: Session, feed: Feed, now: datetime) -> bool:
    """End a link whose right went without anybody ending it; whether it did. Its 30 empty days begin `now`."""
    if feed.revoked_at is not None or is_theirs(db, feed):
        return False
    end_link(db, None, feed, NOTICED, now)
    return True


def end_link(db: Session, principal: Principal | None, feed: Feed, reason: str, now: datetime) -> None:
    """End a link at once. It answers an empty calendar for 30 days and is then gone."""
    feed.revoked_at = now
    feed.revoked_reason = reason[:40]
    db.flush()
    audit_feed(db, principal, "feed.revoked", feed, now)


def _end_all(db: Session, principal: Principal | None, query: Select[Feed], reason: str, now: datetime) -> list[Feed]:
    feeds = list(db.scalars(query.order_by(Feed.id).with_for_update(key_share=True)))
    for feed in feeds:
        end_link(db, principal, feed, reason, now)
    return feeds


def audit_feed(db: Session, principal: Principal | None, action: str, feed: Feed, now: datetime) -> None:
    """One line of history about a link: whose it is and what it shows, never its secret."""
    record(
        db,
        principal,
        action=action,
        object_type="feed",
        object_id=feed.id,
        now=now,
        patient_id=feed.subject_id if feed.scope is FeedScope.PATIENT else None,
        detail={
            "scope": feed.scope.value,
            "subject": feed.subject_id,
            "detail": feed.detail.value,
            "consent": feed.consent_version,
            **({"reason": feed.revoked_reason} if feed.revoked_reason else {}),
        },
    )
