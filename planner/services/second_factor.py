"""The second factor: one-time codes from a phone (RFC 6238), and recovery codes for when it is lost.

A code is good for its own half minute and the one after, and once: an update of `last_step` from a lower step is what
decides, so of two sendings of one code one counts (security.md abuse case 20).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Final

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import STAFF, Principal
from planner.domain.errors import FieldError
from planner.services.accounts import end_sign_ins
from planner.services.auditing import record
from planner.services.sealing import CannotOpen, Sealer
from planner.store.queries.accounts import the_clinic
from planner.store.records import Account, FactorRemoval, RecoveryCode, SecondFactor

STEP_SECONDS: Final = 30
#: This half minute and the one before it: somebody types slowly, and no clock runs ahead (security.md row 20).
STEPS_BACK: Final = (0, 1)
DIGITS: Final = 6
SEED_LETTERS: Final = 32  # of base32: 160 bits, as RFC 4226 recommends
CODES: Final = 10
#: Letters and digits that nobody mistakes for each other; 16 of them are 80 bits, too many to guess from a hash.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_GROUP: Final = 4

NOT_THE_CODE: Final = "This is not the code your app shows now, or it was used already. Wait for the next one."


def new_seed() -> str:
    """A new secret for a code app, in base32."""
    return pyotp.random_base32(SEED_LETTERS)


def setup_address(seed: str, email: str, issuer: str) -> str:
    """What a code app reads from a QR picture."""
    return pyotp.TOTP(seed).provisioning_uri(name=email, issuer_name=issuer)


def belongs_to(account_id: int) -> str:
    """What a sealed seed is bound to."""
    return f"second_factor {account_id}"


# Setting it up


def set_up(
    db: Session,
    principal: Principal,
    *,
    seed: str,
    code: str,
    sealer: Sealer,
    keep_browser: str | None,
    now: datetime,
) -> list[str]:
    """Take the seed whose code was just shown in place of any earlier one; the recovery codes, told this once.

    Every other sign-in of the account ends. Raises FieldError (`code`) when the code is not the seed's.
    """
    step = step_of(seed, code, now)
    if step is None:
        raise FieldError("code", NOT_THE_CODE)
    account_id = principal.account_id
    try:
        with db.begin_nested():
            db.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id))
            db.add(
                SecondFactor(
                    account_id=account_id,
                    sealed_seed=sealer.seal(seed.encode(), belongs_to(account_id)),
                    confirmed_at=now,
                    last_step=step,
                    tries=0,
                    created_at=now,
                )
            )
            db.flush()
    except IntegrityError as elsewhere:  # set up in another browser, at the same moment
        raise FieldError("code", "It was set up in another browser just now. Load the page again.") from elsewhere
    db.execute(delete(FactorRemoval).where(FactorRemoval.account_id == account_id))
    _changed(db, principal, "account.factor_set", now, keep_browser)
    return _new_codes(db, account_id)


def renew_codes(db: Session, principal: Principal, now: datetime) -> list[str]:
    """Ten new recovery codes, told this once; the old ones are dead."""
    record(
        db, principal, action="account.recovery_codes_renewed", object_type="account", object_id=principal.account_id,
        now=now,
    )  # fmt: skip
    return _new_codes(db, principal.account_id)


def turn_off(db: Session, principal: Principal, *, keep_browser: str | None, now: datetime) -> None:
    """Sign in with the password alone from now on. Raises FieldError when the clinic asks staff for a code."""
    if is_required(db, principal):
        raise FieldError("act", "The clinic asks all staff for a code. You can move it to another phone.")
    forget(db, principal.account_id)
    _changed(db, principal, "account.factor_removed", now, keep_browser)


def is_required(db: Session, principal: Principal) -> bool:
    """Whether the clinic's setting asks this person for a second factor."""
    clinic = the_clinic(db)
    return clinic is not None and clinic.staff_second_factor and bool(principal.roles & STAFF)


def forget(db: Session, account_id: int) -> None:
    """Remove the factor, its recovery codes and any request to remove it."""
    for kept in (SecondFactor, RecoveryCode, FactorRemoval):
        db.execute(delete(kept).where(kept.account_id == account_id))
    db.flush()


def _changed(db: Session, principal: Principal, action: str, now: datetime, keep_browser: str | None) -> None:
    account = db.get_one(Account, principal.account_id)
    account.version += 1
    end_sign_ins(db, account.id, keep_browser=keep_browser)
    record(db, principal, action=action, object_type="account", object_id=account.id, now=now)


def _new_codes(db: Session, account_id: int) -> list[str]:
    db.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    codes = ["-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
             for _ in range(CODES)]  # fmt: skip
    db.add_all(RecoveryCode(account_id=account_id, code_hash=_code_hash(code)) for code in codes)
    db.flush()
    return codes


def codes_left(db: Session, account_id: int) -> int:
    """How many recovery codes are unused."""
    left = select(func.count()).select_from(RecoveryCode)
    return db.scalar(left.where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))) or 0


# Using it


def step_of(seed: str, code: str, now: datetime) -> int | None:
    """The half minute, counted from 1970, whose code this is; None when it is none of those that are good now."""
    typed = "".join(code.split()).replace("-", "")
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    here = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(seed)
    fits = [step for step in (here - back for back in STEPS_BACK)
            if hmac.compare_digest(totp.generate_otp(step), typed)]  # fmt: skip
    return fits[0] if fits else None


def use_code(db: Session, account_id: int, code: str, sealer: Sealer, now: datetime) -> bool:
    """Spend a code from the app: whether it was good and nobody had used it. Raises CannotOpen."""
    factor = db.scalars(
        select(SecondFactor).where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None))
    ).one_or_none()
    if factor is None:
        return False
    seed = sealer.open(factor.sealed_seed, belongs_to(account_id))
    step = step_of(seed.decode(), code, now)
    if step is None or not spend_step(db, account_id, step):
        return False
    if sealer.is_outdated(factor.sealed_seed, belongs_to(account_id)):
        factor.sealed_seed = sealer.seal(seed, belongs_to(account_id))
        db.flush()
    return True


def spend_step(db: Session, account_id: int, step: int) -> bool:
    """Use up a half minute and all before it: of two who try at once, one does."""
    spent = db.execute(
        update(SecondFactor)
        .where(SecondFactor.account_id == account_id, SecondFactor.last_step < step)
        .values(last_step=step, tries=0)
        .returning(SecondFactor.account_id)
    ).scalar_one_or_none()
    return spent is not None


def use_recovery_code(db: Session, account_id: int, code: str, now: datetime) -> bool:
    """Spend a recovery code: whether it was good and nobody had used it."""
    spent = db.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.code_hash == _code_hash(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    ).scalar_one_or_none()
    if spent is None:
        return False
    record(db, None, action="account.recovery_code_used", object_type="account", object_id=account_id, now=now)
    return True


def last_proof(db: Session, account_id: int) -> datetime | None:
    """When the account last showed that it has its second factor, a recovery code included; None without a factor."""
    factor = db.get(SecondFactor, account_id)
    if factor is None or factor.confirmed_at is None:
        return None
    used = db.scalar(select(func.max(RecoveryCode.used_at)).where(RecoveryCode.account_id == account_id))
    shown = datetime.fromtimestamp(factor.last_step * STEP_SECONDS, UTC)
    return max(factor.confirmed_at, shown, *([used] if used else []))


def _code_hash(code: str) -> str:
    """Of the code's letters alone, however they were typed."""
    letters = "".join(letter for letter in code.casefold() if letter.isalnum())
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()


def unreadable(db: Session, sealer: Sealer) -> list[int]:
    """Accounts whose seed no key at hand opens: nobody can sign in to them with a code from the app."""
    found = []
    for factor in db.scalars(select(SecondFactor).order_by(SecondFactor.account_id)):
        try:
            sealer.open(factor.sealed_seed, belongs_to(factor.account_id))
        except CannotOpen:
            found.append(factor.account_id)
    return found
