"""The second step of signing in: the password fitted, the code is waited for.

Until it comes nobody is signed in. What is waited for is kept with a browser session of its own that is not signed
in, for five minutes; five wrong codes end it. Each try is counted with the account's other tries before it is looked
at, so that tries sent at once are all counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from planner.services.auditing import record
from planner.services.sealing import Sealer
from planner.services.second_factor import codes_left, use_code, use_recovery_code
from planner.services.signing_in import (
    SignedIn,
    SignInTry,
    finish_sign_in,
    hash_of,
    may_sign_in,
    open_unsigned_browser,
    wait_for_next_try,
)
from planner.store.records import Account, BrowserSession, SecondFactor, SignInAttempt

WAITS: Final = timedelta(minutes=5)
MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whose code is waited for. `version` is the account's when its password fitted: any change since ends this."""

    account_id: int
    version: int
    until: int

    def kept(self) -> dict[str, int]:
        """As a browser session keeps it."""
        return {"account": self.account_id, "version": self.version, "until": self.until}


class CodeOutcome(StrEnum):
    """What became of a code."""

    SIGNED_IN = "signed in"
    WRONG = "wrong"
    LIMITED = "limited"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class CodeTry:
    """The answer to a code. After a recovery code `codes_left` says how many there are."""

    outcome: CodeOutcome
    retry_after: timedelta | None = None
    cookie: str = ""
    person: SignedIn | None = None
    codes_left: int | None = None


def waiting_in(data: Mapping[str, Any], now: datetime) -> Waiting | None:
    """What a browser session that is not signed in waits for; None for nothing or when its time is over."""
    kept = data.get("code_for")
    if not isinstance(kept, dict):
        return None
    waiting = Waiting(int(kept["account"]), int(kept["version"]), int(kept["until"]))
    return waiting if now.timestamp() < waiting.until else None


def wait_for_code(
    db: Session,
    tried: SignInTry,
    *,
    old_cookie: str | None,
    new_hash: str | None,
    address: str,
    agent: str,
    now: datetime,
) -> tuple[str, dict[str, Any]]:
    """The password fitted: a new cookie that is not signed in, and what its session keeps.

    This try was no failure and counts no more; earlier ones do until the code has fitted, too.
    """
    account = db.get_one(Account, tried.account_id)
    if new_hash is not None:
        account.password_hash = new_hash
    db.execute(delete(SignInAttempt).where(SignInAttempt.id == tried.attempt_id))
    db.execute(update(SecondFactor).where(SecondFactor.account_id == account.id).values(tries=0))
    if old_cookie is not None:
        db.execute(delete(BrowserSession).where(BrowserSession.id_hash == hash_of(old_cookie)))
    waiting = Waiting(account.id, account.version, int((now + WAITS).timestamp()))
    data = {"code_for": waiting.kept()}
    return open_unsigned_browser(db, data, address, agent, now), data


def try_code(
    db: Session,
    waiting: Waiting,
    *,
    code: str,
    recovery_code: str,
    old_cookie: str | None,
    sealer: Sealer,
    address: str,
    agent: str,
    now: datetime,
) -> CodeTry:
    """Look at a code from the app or a recovery code; when it fits, sign in with a new cookie.

    Nothing is raised for a wrong one, because the try has to be kept. Raises CannotOpen.
    """
    account = db.scalars(select(Account).where(Account.id == waiting.account_id).with_for_update()).one_or_none()
    if account is None or not may_sign_in(db, account, now) or account.version != waiting.version:
        return CodeTry(CodeOutcome.OVER)
    email_hash = hash_of(account.email_key)
    wait = wait_for_next_try(db, email_hash, account.id, address, now)
    if wait is not None:
        return CodeTry(CodeOutcome.LIMITED, wait)
    tries = _count_try(db, account.id)
    if tries is None:
        return CodeTry(CodeOutcome.OVER)
    if not _fits(db, account.id, code, recovery_code, sealer, now):
        db.add(SignInAttempt(email_hash=email_hash, address=address, at=now))
        record(
            db, None, action="account.code_refused", object_type="account", object_id=account.id, now=now,
            outcome="refused", address=address, patient_id=account.patient_id,
        )  # fmt: skip
        return CodeTry(CodeOutcome.OVER if tries >= MOST_TRIES else CodeOutcome.WRONG)
    tried = replace(SignInTry(None, account.id, account.password_hash), factor_passed=True)
    cookie, person = finish_sign_in(
        db, tried, old_cookie=old_cookie, new_hash=None, data={}, address=address, agent=agent, now=now
    )
    left = codes_left(db, account.id) if recovery_code else None
    return CodeTry(CodeOutcome.SIGNED_IN, cookie=cookie, person=person, codes_left=left)


def _count_try(db: Session, account_id: int) -> int | None:
    """How many tries this is since the password fitted; None when there were too many."""
    return db.execute(
        update(SecondFactor)
        .where(SecondFactor.account_id == account_id, SecondFactor.tries < MOST_TRIES)
        .values(tries=SecondFactor.tries + 1)
        .returning(SecondFactor.tries)
    ).scalar_one_or_none()


def _fits(db: Session, account_id: int, code: str, recovery_code: str, sealer: Sealer, now: datetime) -> bool:
    if recovery_code:
        return use_recovery_code(db, account_id, recovery_code, now)
    return use_code(db, account_id, code, sealer, now)
