"""What the pages about accounts list. A patient's account is never among those of staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import NotFound
from planner.store.records import (
    Account,
    AccountRole,
    AccountSite,
    AuditEntry,
    Clinic,
    FactorRemoval,
    Invitation,
    Person,
    SecondFactor,
    Site,
)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account; `last_signed_in_at` comes from the history."""

    id: int
    name: str
    email: str
    active: bool
    version: int
    person_name: str | None
    has_factor: bool
    last_signed_in_at: datetime | None
    roles: tuple[Role, ...]
    sites: tuple[tuple[int, str], ...]

    @property
    def site_names(self) -> str:
        """The sites in one line."""
        return ", ".join(name for _, name in self.sites)


def staff_accounts(db: Session) -> list[AccountRow]:
    """Every account that is no patient's: active ones first, by name. Three queries."""
    return _rows(db, None)


def staff_account(db: Session, account_id: int) -> AccountRow:
    """One of them. Raises NotFound, also for a patient's."""
    found = _rows(db, account_id)
    if not found:
        raise NotFound
    return found[0]


def _rows(db: Session, account_id: int | None) -> list[AccountRow]:
    last = (
        select(func.max(AuditEntry.at))
        .where(
            AuditEntry.object_type == "account",
            AuditEntry.object_id == Account.id,
            AuditEntry.action == "account.signed_in",
        )
        .correlate(Account)
        .scalar_subquery()
    )
    query = (
        select(Account, Person.name, SecondFactor.confirmed_at, last)
        .outerjoin(Person, Person.id == Account.person_id)
        .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
        .where(Account.patient_id.is_(None))
        .order_by(Account.active.desc(), Account.name, Account.id)
    )
    if account_id is not None:
        query = query.where(Account.id == account_id)
    roles, sites = _roles(db), _sites(db)
    return [
        AccountRow(
            id=account.id,
            name=account.name,
            email=account.email,
            active=account.active,
            version=account.version,
            person_name=person_name,
            has_factor=confirmed_at is not None,
            last_signed_in_at=signed_in_at,
            roles=tuple(role for role in Role if role in roles.get(account.id, ())),
            sites=tuple(sites.get(account.id, ())),
        )
        for account, person_name, confirmed_at, signed_in_at in db.execute(query)
    ]


def _roles(db: Session) -> dict[int, list[Role]]:
    found: dict[int, list[Role]] = {}
    for account_id, role in db.execute(select(AccountRole.account_id, AccountRole.role)):
        found.setdefault(account_id, []).append(role)
    return found


def _sites(db: Session) -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    query = select(AccountSite.account_id, Site.id, Site.name).join(Site, Site.id == AccountSite.site_id)
    for account_id, site_id, name in db.execute(query.order_by(Site.name)):
        found.setdefault(account_id, []).append((site_id, name))
    return found


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """One invitation that was neither used nor withdrawn; it may have run out."""

    id: int
    email: str
    name: str
    roles: tuple[Role, ...]
    invited_by: str | None
    expires_at: datetime
    patient_id: int | None


def open_invitations(db: Session, *, patient_id: int | None = None) -> list[InvitationRow]:
    """Invitations waiting to be taken up: those to staff, or those to one patient. One query."""
    whose = Invitation.patient_id.is_(None) if patient_id is None else Invitation.patient_id == patient_id
    query = (
        select(Invitation, Account.name)
        .outerjoin(Account, Account.id == Invitation.created_by_id)
        .where(whose, Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None))
        .order_by(Invitation.id.desc())
    )
    return [
        InvitationRow(
            id=invitation.id,
            email=invitation.email,
            name=invitation.name,
            roles=tuple(Role(word) for word in invitation.roles),
            invited_by=invited_by,
            expires_at=invitation.expires_at,
            patient_id=invitation.patient_id,
        )
        for invitation, invited_by in db.execute(query)
    ]


def active_sites(db: Session) -> list[tuple[int, str]]:
    """Id and name of every site in use, by name."""
    return [
        (site_id, name)
        for site_id, name in db.execute(select(Site.id, Site.name).where(Site.active).order_by(Site.name))
    ]


def staff_without_account(db: Session) -> list[tuple[int, str]]:
    """Id and name of active members of staff who have no account, by name."""
    query = (
        select(Person.id, Person.name)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Person.active, Account.id.is_(None))
        .order_by(Person.name, Person.id)
    )
    return [(person_id, name) for person_id, name in db.execute(query)]


def staff_names(db: Session) -> list[tuple[int, str]]:
    """Id and name of every account that is no patient's, ended ones included, by name."""
    query = select(Account.id, Account.name).where(Account.patient_id.is_(None)).order_by(Account.name, Account.id)
    return [(account_id, name) for account_id, name in db.execute(query)]


@dataclass(frozen=True, slots=True)
class RemovalRow:
    """Who asked when for the removal of a lost second factor."""

    asked_by_id: int
    asked_by: str
    asked_at: datetime


def removal_asked(db: Session, account_id: int, since: datetime) -> RemovalRow | None:
    """Whether somebody asked, after `since`, to remove this account's second factor."""
    row = db.execute(
        select(FactorRemoval.asked_by_id, Account.name, FactorRemoval.asked_at)
        .join(Account, Account.id == FactorRemoval.asked_by_id)
        .where(FactorRemoval.account_id == account_id, FactorRemoval.asked_at > since)
    ).one_or_none()
    return None if row is None else RemovalRow(*row)


#: What people are told about their own account, and how.
ACCOUNT_CHANGES: Final = {
    "account.created": "The account was made",
    "account.password_changed": "The password was changed",
    "account.reset_started": "A link for a new password was made by the clinic",
    "account.password_reset": "A new password was set by a link",
    "account.factor_set": "Codes from a phone were set up",
    "account.factor_removed": "Codes from a phone were turned off",
    "account.factor_lost": "Codes from a lost phone were turned off by the clinic",
    "account.recovery_code_used": "A recovery code was used",
    "account.recovery_codes_renewed": "New recovery codes were made",
    "account.rights_changed": "Roles or sites were changed",
    "account.sign_ins_ended": "The clinic signed you out everywhere",
    "account.deactivated": "The account was ended",
    "account.reactivated": "The account was opened again",
}
_MOST_CHANGES: Final = 6


def account_changes(db: Session, account_id: int) -> list[tuple[str, datetime]]:
    """The last changes to an account that its owner should know of, newest first. One query."""
    query = (
        select(AuditEntry.action, AuditEntry.at)
        .where(
            AuditEntry.object_type == "account",
            AuditEntry.object_id == account_id,
            AuditEntry.action.in_(list(ACCOUNT_CHANGES)),
        )
        .order_by(AuditEntry.id.desc())
        .limit(_MOST_CHANGES)
    )
    return [(action, at) for action, at in db.execute(query)]


def lost_factor_news(db: Session, account_id: int) -> bool:
    """Whether codes were removed as lost between the last sign-in but one and the last one. Two queries."""
    about = (AuditEntry.object_type == "account", AuditEntry.object_id == account_id)
    signed_in = select(AuditEntry.id).where(*about, AuditEntry.action == "account.signed_in")
    last_two = list(db.scalars(signed_in.order_by(AuditEntry.id.desc()).limit(2)))
    if not last_two:
        return False
    before = last_two[1] if len(last_two) > 1 else 0
    lost = select(AuditEntry.id).where(*about, AuditEntry.action == "account.factor_lost", AuditEntry.id > before)
    return db.scalar(lost.limit(1)) is not None


def clinic_zone(db: Session) -> str:
    """The zone in which pages about accounts show times."""
    return db.scalar(select(Clinic.zone).where(Clinic.id == 1)) or "UTC"
