"""Who must have a second factor, and how a lost one is removed: by two people, never by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, literal, select, update
from sqlalchemy.orm import Session, aliased

from planner.domain.access import MATRIX, Permission, Principal, require
from planner.domain.errors import FieldError, StaleVersion
from planner.services.account_care import account_in_care
from planner.services.accounts import end_sign_ins
from planner.services.auditing import record
from planner.services.second_factor import forget
from planner.services.two_people import IN_USE_FOR, are_two_people
from planner.store.queries.accounts import has_factor, the_clinic
from planner.store.queries.scopes import works_with
from planner.store.records import Account, AccountRole, Clinic, FactorRemoval

#: A request nobody agreed to within this time counts for nothing.
REQUEST_LASTS: Final = timedelta(days=7)
NOT_TWO: Final = (
    "You and {asker} do not count as two people here, because one of these accounts came from the other or is too "
    f"new (it has to be in use for {IN_USE_FOR.days} days, with codes of its own): ask another colleague to agree, let "
    "{whose} use a recovery code, or have “accounts remove-factor” run on the server."
)


def require_of_staff(db: Session, principal: Principal, *, required: bool, seen_version: int, now: datetime) -> None:
    """Ask all staff for a second factor at sign-in, or leave it to each.

    Raises FieldError (`required`) unless who turns it on has one, StaleVersion, NotPermitted.
    """
    require(principal, Permission.ACCOUNTS_MANAGE)
    if required and not has_factor(db, principal.account_id):
        raise FieldError("required", "Set up codes for your own account first, so that you do not lock yourself out.")
    changed = db.execute(
        update(Clinic)
        .where(Clinic.id == 1, Clinic.version == seen_version)
        .values(staff_second_factor=required, version=Clinic.version + 1)
        .returning(Clinic.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    clinic = the_clinic(db)
    if clinic is not None:
        db.refresh(clinic)
    if changed is None:
        raise StaleVersion(seen_version, clinic.version if clinic else 0, "This setting")
    record(
        db, principal, action="clinic.second_factor_rule", object_type="clinic", object_id=1, now=now,
        detail={"required": required},
    )  # fmt: skip


# A lost second factor


def ask_removal(db: Session, principal: Principal, account_id: int, now: datetime) -> Account:
    """Ask that somebody's lost second factor be removed; another one has to agree.

    Raises FieldError for one's own account, for one without a factor and when it was asked already, and NotFound.
    """
    account = account_in_care(db, principal, account_id)
    if account.id == principal.account_id:
        raise FieldError("act", "Change your own second factor on the page of your account, or ask a colleague.")
    db.execute(select(Account.id).where(Account.id == account.id).with_for_update())
    if not has_factor(db, account.id):
        raise FieldError("act", "This account has no second factor.")
    db.execute(
        delete(FactorRemoval).where(
            FactorRemoval.account_id == account.id, FactorRemoval.asked_at <= now - REQUEST_LASTS
        )
    )
    if db.scalar(select(FactorRemoval.id).where(FactorRemoval.account_id == account.id)) is not None:
        raise FieldError("act", "Somebody has asked for this already. Another one of you has to agree.")
    db.add(FactorRemoval(account_id=account.id, asked_by_id=principal.account_id, asked_at=now))
    db.flush()
    _audit(db, principal, "account.factor_removal_asked", account, now)
    return account


def agree_removal(db: Session, principal: Principal, account_id: int, now: datetime) -> Account:
    """Agree to what another one asked: the factor and its recovery codes are gone, and every sign-in ends.

    Raises FieldError when nobody else asked, whoever did may not any more, or the two do not count as two people
    (`two_people`), and NotFound.
    """
    account = account_in_care(db, principal, account_id)
    if account.id == principal.account_id:
        raise FieldError("act", "Nobody agrees to this for their own account. Ask a colleague.")
    asked = db.execute(
        select(FactorRemoval.asked_by_id, FactorRemoval.asked_at, Account.name)
        .join(Account, Account.id == FactorRemoval.asked_by_id)
        .where(*_good_request(account), FactorRemoval.asked_by_id != principal.account_id, _is_open(now))
    ).one_or_none()
    if asked is None:
        raise FieldError("act", "It takes two: one who asks, and another one who agrees.")
    asked_by, asked_at, asker = asked
    if not are_two_people(db, asked_by, principal.account_id, account.id, asked_at):
        raise FieldError("act", NOT_TWO.format(asker=asker, whose=account.name))
    taken = db.execute(
        delete(FactorRemoval)
        .where(*_good_request(account), FactorRemoval.asked_by_id == asked_by, _is_open(now))
        .returning(FactorRemoval.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if taken is None:  # somebody else agreed, or took it back, at the same moment
        raise FieldError("act", "It takes two: one who asks, and another one who agrees.")
    remove_lost_factor(db, principal, account, now, asked_by=asked_by)
    return account


def _is_open(now: datetime) -> ColumnElement[bool]:
    return FactorRemoval.asked_at > now - REQUEST_LASTS


def _good_request(account: Account) -> tuple[ColumnElement[bool], ...]:
    """A request about this account whose maker may still make it."""
    permission = Permission.ACCOUNTS_MANAGE if account.patient_id is None else Permission.PATIENTS_WRITE
    asker = aliased(Account)
    asker_may: ColumnElement[bool] = exists().where(
        asker.id == FactorRemoval.asked_by_id,
        asker.active,
        AccountRole.account_id == asker.id,
        AccountRole.role.in_(list(MATRIX[permission])),
    )
    if account.patient_id is not None:
        asker_may = and_(asker_may, works_with(FactorRemoval.asked_by_id, literal(account.patient_id)))
    return FactorRemoval.account_id == account.id, asker_may


def may_agree(db: Session, principal: Principal, account_id: int, now: datetime) -> bool:
    """Whether this person could agree to what somebody else asked for the account. Up to a few queries."""
    asked = db.execute(
        select(FactorRemoval.asked_by_id, FactorRemoval.asked_at).where(
            FactorRemoval.account_id == account_id, FactorRemoval.asked_by_id != principal.account_id, _is_open(now)
        )
    ).one_or_none()
    return asked is not None and are_two_people(db, asked[0], principal.account_id, account_id, asked[1])


def remove_lost_factor(
    db: Session, principal: Principal | None, account: Account, now: datetime, **detail: int
) -> None:
    """Remove a factor for who was found to be allowed to; the command line passes no principal.

    Raises FieldError (`email`) for an account without one.
    """
    if not has_factor(db, account.id):
        raise FieldError("email", "This account has no second factor.")
    forget(db, account.id)
    account.version += 1
    end_sign_ins(db, account.id)
    _audit(db, principal, "account.factor_lost", account, now, **detail)


def keep_factor(db: Session, principal: Principal, account_id: int, now: datetime) -> Account:
    """Take back or turn down the request; the factor stays. Raises NotFound."""
    account = account_in_care(db, principal, account_id)
    db.execute(delete(FactorRemoval).where(FactorRemoval.account_id == account.id))
    _audit(db, principal, "account.factor_kept", account, now)
    return account


def _audit(
    db: Session, principal: Principal | None, action: str, account: Account, now: datetime, **detail: int
) -> None:
    record(
        db, principal, action=action, object_type="account", object_id=account.id, now=now,
        patient_id=account.patient_id, detail=detail,
    )  # fmt: skip
