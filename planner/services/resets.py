"""A new password by a link that works once. It never stands in for the second factor (ASVS 6.4.3).

Who starts one never learns the password, and every sign-in of the account ends when the link is used. The link dies
with the right of who started it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from planner.domain.access import MATRIX, Permission, Principal
from planner.domain.errors import FieldError, NotFound
from planner.services.account_care import account_in_care
from planner.services.accounts import end_sign_ins
from planner.services.auditing import record
from planner.services.link_tokens import new_token, token_hash
from planner.services.signing_in import may_sign_in
from planner.store.queries.scopes import works_with
from planner.store.records import Account, AccountRole, PasswordReset

LASTS: Final = timedelta(hours=24)


def start_reset(db: Session, principal: Principal, account_id: int, now: datetime) -> tuple[Account, str]:
    """A link for somebody else to choose a new password with; earlier links of theirs are dead.

    Raises FieldError for one's own account and for an ended one, and NotFound.
    """
    account = account_in_care(db, principal, account_id)
    if account.id == principal.account_id:
        raise FieldError("email", "Change your own password on the page of your account.")
    if not account.active:
        raise FieldError("email", "This account has ended. Let it sign in again first.")
    if not may_sign_in(db, account, now):
        raise FieldError("email", "This patient is discharged, and the time to read is over. Take them up again first.")
    db.execute(delete(PasswordReset).where(PasswordReset.account_id == account.id, PasswordReset.used_at.is_(None)))
    token = new_token()
    db.add(
        PasswordReset(
            account_id=account.id,
            token_hash=token_hash(token),
            started_by_id=principal.account_id,
            created_at=now,
            expires_at=now + LASTS,
        )
    )
    db.flush()
    record(
        db, principal, action="account.reset_started", object_type="account", object_id=account.id, now=now,
        patient_id=account.patient_id,
    )  # fmt: skip
    return account, token


def account_to_reset(db: Session, token: str, now: datetime) -> Account:
    """Whose password the link changes. Raises NotFound for one unknown, used, run out, or without backing."""
    account = db.scalars(
        select(Account)
        .join(PasswordReset, PasswordReset.account_id == Account.id)
        .where(Account.active, PasswordReset.token_hash == token_hash(token), *_is_open(now), _is_backed())
    ).one_or_none()
    if account is None:
        raise NotFound
    return account


def use_reset(db: Session, token: str, *, password_hash: str, now: datetime, address: str) -> Account:
    """Take the new password and end every sign-in: of two who try at once, one does. Raises as `account_to_reset`.

    The password was checked and hashed before, outside the transaction.
    """
    account = account_to_reset(db, token, now)
    used = db.execute(
        update(PasswordReset)
        .where(PasswordReset.token_hash == token_hash(token), *_is_open(now))
        .values(used_at=now)
        .returning(PasswordReset.id)
    ).scalar_one_or_none()
    if used is None:
        raise NotFound
    account.password_hash = password_hash
    account.version += 1
    end_sign_ins(db, account.id)
    record(
        db, None, action="account.password_reset", object_type="account", object_id=account.id, now=now,
        address=address, patient_id=account.patient_id,
    )  # fmt: skip
    return account


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return PasswordReset.used_at.is_(None), PasswordReset.expires_at > now


def _is_backed() -> ColumnElement[bool]:
    """Who started it may still do so; for a patient, only while they work at the patient's site."""
    return or_(
        PasswordReset.started_by_id.is_(None),
        and_(Account.patient_id.is_(None), _holds(Permission.ACCOUNTS_MANAGE)),
        and_(
            Account.patient_id.is_not(None),
            _holds(Permission.PATIENTS_WRITE),
            works_with(PasswordReset.started_by_id, Account.patient_id).correlate(PasswordReset, Account),
        ),
    )


def _holds(permission: Permission) -> ColumnElement[bool]:
    starter = Account.__table__.alias("starter")
    return exists().where(
        starter.c.id == PasswordReset.started_by_id,
        starter.c.active,
        AccountRole.account_id == starter.c.id,
        AccountRole.role.in_(list(MATRIX[permission])),
    )
