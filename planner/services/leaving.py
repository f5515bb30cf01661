"""A member of staff leaves: sign-in, calendars and shifts end at once; what they were booked for waits for others.

Appointments stay booked with their name until somebody takes them over: none is cancelled or moved by itself. They are
those to come whose therapist or nurse is not active, so that a booking made at the same moment is among them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import NotFound, NotPermitted
from planner.services import auditing
from planner.services.accounts import end_account
from planner.services.current import take_to_change
from planner.services.feed_rights import retire_lost
from planner.services.roster_leaving import take_off_rosters
from planner.services.staffing import clinic_day, demand_theirs, may_choose_site
from planner.store.base import Base
from planner.store.queries.places import STANDING
from planner.store.queries.unstaffed import left_without_prescriber
from planner.store.records import (
    Account,
    AccountRole,
    Appointment,
    BrowserSession,
    DraftShift,
    Feed,
    Invitation,
    Patient,
    Person,
    PersonSite,
    Shift,
    ShiftPattern,
    Site,
)


@dataclass(frozen=True, slots=True)
class Leaving:
    """What ends with somebody's leaving. `appointments` are those to come that somebody else has to take over.

    `infusions_alone` are those through which nobody prescribes without them; they wait on Today then.
    """

    has_account: bool
    sign_ins: int
    links: int
    shifts: int
    draft_shifts: int
    patterns: int
    appointments: int
    infusions_alone: int
    patients: int


def what_ends(db: Session, person_id: int, now: datetime) -> Leaving:
    """What would end now. Raises NotFound."""
    if db.get(Person, person_id) is None:
        raise NotFound
    account = db.scalar(select(Account).where(Account.person_id == person_id, Account.active))
    account_id = account.id if account else None
    today = clinic_day(db, now)
    return Leaving(
        has_account=account is not None,
        sign_ins=_count(db, BrowserSession, BrowserSession.account_id == account_id) if account else 0,
        links=_count(db, Feed, Feed.account_id == account_id, Feed.revoked_at.is_(None)) if account else 0,
        shifts=_count(db, Shift, Shift.person_id == person_id, Shift.starts_at > now),
        draft_shifts=_count(db, DraftShift, DraftShift.person_id == person_id, DraftShift.day >= today),
        patterns=_count(
            db,
            ShiftPattern,
            ShiftPattern.person_id == person_id,
            or_(ShiftPattern.until_day.is_(None), ShiftPattern.until_day >= today),
        ),
        appointments=_count(
            db,
            Appointment,
            or_(Appointment.therapist_id == person_id, Appointment.nurse_id == person_id),
            Appointment.status.in_(STANDING),
            Appointment.ends_at > now,
        ),
        infusions_alone=left_without_prescriber(db, person_id, now),
        patients=_count(db, Patient, Patient.primary_therapist_id == person_id, Patient.active.is_(True)),
    )


def person_leaves(db: Session, principal: Principal, person_id: int, *, seen_version: int, now: datetime) -> Leaving:
    """Let somebody have left, in one transaction; what ended by it.

    Raises NotFound, StaleVersion, NotPermitted for oneself, an administrator's account or sites of others, and
    FieldError for the only administrator left.
    """
    require(principal, Permission.PEOPLE_WRITE)
    demand_theirs(db, principal, person_id)
    refuse_to_end(db, principal, person_id)
    person = take_to_change(db, Person, person_id, seen_version, "This person")
    ended = what_ends(db, person_id, now)
    person.active = False
    account = db.scalar(select(Account).where(Account.person_id == person_id))
    if account is not None:
        if account.active:
            end_account(db, principal, account, now)
        retire_lost(db, principal, account.id, now)
    _withdraw_invitations(db, person_id, now)
    take_off_rosters(db, principal, person_id, now)
    db.flush()
    auditing.record(
        db, principal, action="person.left", object_type="person", object_id=person_id, now=now,
        detail={"shifts": ended.shifts, "appointments": ended.appointments, "links": ended.links},
    )  # fmt: skip
    return ended


def person_returns(db: Session, principal: Principal, person_id: int, *, seen_version: int, now: datetime) -> None:
    """Let somebody be planned with again. Their account stays ended and their shifts gone.

    Raises NotFound, StaleVersion, NotPermitted.
    """
    require(principal, Permission.PEOPLE_WRITE)
    demand_theirs(db, principal, person_id)
    person = take_to_change(db, Person, person_id, seen_version, "This person")
    person.active = True
    db.flush()
    auditing.record(db, principal, action="person.returned", object_type="person", object_id=person_id, now=now)


def refuse_to_end(db: Session, principal: Principal, person_id: int) -> None:
    """Raise NotPermitted where somebody else has to do it, and say who."""
    if principal.person_id == person_id:
        raise NotPermitted("This is you. Somebody else has to say that you have left.")
    sites = db.execute(
        select(Site.id, Site.name).join(PersonSite, PersonSite.site_id == Site.id)
        .where(PersonSite.person_id == person_id).order_by(Site.name)
    )  # fmt: skip
    foreign = [name for site_id, name in sites if not may_choose_site(principal, site_id)]
    if foreign:
        raise NotPermitted(
            f"This person works at {foreign[0]} too. Somebody who coordinates all of their sites, or an administrator, "
            "has to do this."
        )
    is_admin = db.scalar(
        select(Account.id)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(Account.person_id == person_id, Account.active, AccountRole.role == Role.ADMIN)
    )
    if is_admin is not None and Role.ADMIN not in principal.roles:
        raise NotPermitted("This person is an administrator here. Another administrator has to do this.")


def _withdraw_invitations(db: Session, person_id: int, now: datetime) -> None:
    db.execute(
        update(Invitation)
        .where(Invitation.person_id == person_id, Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
    )


def _count(db: Session, kind: type[Base], *conditions: ColumnElement[bool]) -> int:
    return db.scalar(select(func.count()).select_from(kind).where(*conditions)) or 0
