"""Reads about accounts, their browsers and their failed sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.store.records import (
    Account,
    AccountRole,
    AccountSite,
    AuditEntry,
    BrowserSession,
    Clinic,
    Patient,
    SecondFactor,
    SignInAttempt,
    Site,
)


def account_by_email_key(db: Session, email_key: str, *, lock: bool = False) -> Account | None:
    """The account that signs in with this casefolded address; `lock` lets one transaction at a time have it."""
    if not email_key.isprintable():
        return None  # no address is stored with such characters, and PostgreSQL refuses to be asked about some
    query = select(Account).where(Account.email_key == email_key)
    return db.scalars(query.with_for_update() if lock else query).one_or_none()


def account(db: Session, account_id: int) -> Account | None:
    """The account with this id."""
    return db.get(Account, account_id)


def accounts_by_name(db: Session) -> Sequence[Account]:
    """Every account, by name."""
    return db.scalars(select(Account).order_by(Account.name, Account.id)).all()


def any_account(db: Session) -> bool:
    """Whether anybody can sign in at all."""
    return db.scalar(select(Account.id).limit(1)) is not None


def has_factor(db: Session, account_id: int) -> bool:
    """Whether signing in to this account takes a code."""
    confirmed = select(SecondFactor.account_id).where(SecondFactor.confirmed_at.is_not(None))
    return db.scalar(confirmed.where(SecondFactor.account_id == account_id)) is not None


def lock_active_admins(db: Session) -> list[int]:
    """The accounts that may sign in as admin, locked in the order of their ids until this transaction ends."""
    return list(
        db.scalars(
            select(Account.id)
            .join(AccountRole, AccountRole.account_id == Account.id)
            .where(Account.active, AccountRole.role == Role.ADMIN)
            .order_by(Account.id)
            .with_for_update(of=Account)
        )
    )


def roles_of(db: Session, account_id: int) -> frozenset[Role]:
    """The roles of an account."""
    return frozenset(db.scalars(select(AccountRole.role).where(AccountRole.account_id == account_id)))


def roles_of_all(db: Session) -> dict[int, list[Role]]:
    """The roles of every account, by account id."""
    found: dict[int, list[Role]] = {}
    for account_id, role in db.execute(select(AccountRole.account_id, AccountRole.role)):
        found.setdefault(account_id, []).append(role)
    return found


def sites_of(db: Session, account_id: int) -> Sequence[tuple[int, str]]:
    """Id and name of the sites an account works for, by name."""
    rows = db.execute(
        select(Site.id, Site.name)
        .join(AccountSite, AccountSite.site_id == Site.id)
        .where(AccountSite.account_id == account_id)
        .order_by(Site.name)
    )
    return [(site_id, name) for site_id, name in rows]


def discharge_of(db: Session, patient_id: int) -> tuple[datetime | None, int, str] | None:
    """When a patient was discharged, how many days they may read, and their zone; None for one in care. One query."""
    row = db.execute(
        select(Patient.discharged_at, Clinic.portal_days_after_discharge, Site.zone)
        .join(Site, Site.id == Patient.site_id)
        .outerjoin(Clinic, Clinic.id == 1)
        .where(Patient.id == patient_id, Patient.active.is_(False))
    ).one_or_none()
    return None if row is None else (row[0], row[1] or 0, row[2])


def browser_with_account(db: Session, id_hash: str) -> tuple[BrowserSession, Account | None, Clinic | None] | None:
    """A browser's session, whose it is, and the clinic whose limits end it: one query."""
    row = db.execute(
        select(BrowserSession, Account, Clinic)
        .outerjoin(Account, Account.id == BrowserSession.account_id)
        .outerjoin(Clinic, Clinic.id == 1)
        .where(BrowserSession.id_hash == id_hash)
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def the_clinic(db: Session) -> Clinic | None:
    """The one clinic, once it is set up."""
    return db.get(Clinic, 1)


def browsers_of(db: Session, account_id: int) -> Sequence[BrowserSession]:
    """The browsers in which an account is signed in, the last used first."""
    return db.scalars(
        select(BrowserSession)
        .where(BrowserSession.account_id == account_id)
        .order_by(BrowserSession.seen_at.desc(), BrowserSession.id_hash)
    ).all()


def failures(
    db: Session, since: datetime, *, email_hash: str | None = None, address: str | None = None
) -> tuple[int, datetime | None]:
    """How many sign-ins failed since then, for an account, an address or both, and when the last one did."""
    query = select(func.count(), func.max(SignInAttempt.at)).where(SignInAttempt.at > since)
    if email_hash is not None:
        query = query.where(SignInAttempt.email_hash == email_hash)
    if address is not None:
        query = query.where(SignInAttempt.address == address)
    counted, last = db.execute(query).one()
    return int(counted), last


def has_signed_in_from(db: Session, account_id: int, address: str, since: datetime) -> bool:
    """Whether the account signed in from this address since then."""
    found = db.scalar(
        select(AuditEntry.id)
        .where(
            AuditEntry.object_type == "account",
            AuditEntry.object_id == account_id,
            AuditEntry.action == "account.signed_in",
            AuditEntry.address == address,
            AuditEntry.at > since,
        )
        .limit(1)
    )
    return found is not None
