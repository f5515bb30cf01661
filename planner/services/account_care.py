"""Looking after somebody else's account: rights, sign-ins, its end.

Admins look after the accounts of staff, coordinators after those of the patients they may change. Nobody sees the
others', so that an admin learns of no patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, may
from planner.domain.errors import FieldError, NotFound
from planner.services import accounts, rights
from planner.services.auditing import record
from planner.store.queries import accounts as find
from planner.store.queries.scopes import the_one, visible_patients
from planner.store.records import Account, Patient


def account_in_care(db: Session, principal: Principal, account_id: int) -> Account:
    """The account, if it is the principal's to look after. Raises NotFound otherwise, and for one that is not there."""
    account = db.get(Account, account_id)
    if account is None:
        raise NotFound
    if account.patient_id is not None:
        the_one(db, visible_patients(principal, Permission.PATIENTS_WRITE), Patient.id == account.patient_id)
    elif not may(principal, Permission.ACCOUNTS_MANAGE):
        raise NotFound
    return account


def account_of_patient(db: Session, principal: Principal, patient_id: int) -> Account | None:
    """The patient's account, if they have one. Raises NotFound for a patient who is not theirs to change."""
    the_one(db, visible_patients(principal, Permission.PATIENTS_WRITE), Patient.id == patient_id)
    return db.scalars(select(Account).where(Account.patient_id == patient_id)).one_or_none()


def change_access(
    db: Session,
    principal: Principal,
    account_id: int,
    *,
    roles: Iterable[Role],
    site_ids: Iterable[int],
    seen_version: int,
    now: datetime,
) -> Account:
    """Let a member of staff have exactly these roles and sites, from their next request on.

    Raises what `rights.change_rights` raises, StaleVersion included.
    """
    account_in_care(db, principal, account_id)
    return rights.change_rights(
        db, principal, account_id, roles=roles, site_ids=site_ids, seen_version=seen_version, now=now
    )


def end_account(db: Session, principal: Principal, account_id: int, *, seen_version: int, now: datetime) -> Account:
    """End an account: its sign-ins and calendar links stop at once.

    Raises FieldError for one's own and for the last admin's, StaleVersion, NotFound.
    """
    account = account_in_care(db, principal, account_id)
    if account.id == principal.account_id:
        raise FieldError("email", "This is your own account. Ask another admin to end it.")
    find.lock_active_admins(db)  # in this order everywhere, so that two admins who end each other do not lock up
    rights.claim_version(db, account, seen_version)
    accounts.end_account(db, principal, account, now)
    return account


def reopen_account(db: Session, principal: Principal, account_id: int, *, seen_version: int, now: datetime) -> Account:
    """Let an ended account sign in again, with the password and second factor it had. Raises StaleVersion, NotFound."""
    account = account_in_care(db, principal, account_id)
    rights.claim_version(db, account, seen_version)
    accounts.reopen_account(db, principal, account, now)
    return account


def end_sign_ins(db: Session, principal: Principal, account_id: int, now: datetime) -> Account:
    """Sign the account out in every browser. Raises NotFound."""
    account = account_in_care(db, principal, account_id)
    accounts.end_sign_ins(db, account.id)
    record(
        db, principal, action="account.sign_ins_ended", object_type="account", object_id=account.id, now=now,
        patient_id=account.patient_id,
    )  # fmt: skip
    return account
