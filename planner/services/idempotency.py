"""The same form sent twice is done once: the second sending gets the first one's answer (security.md 8.2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, RequestReused
from planner.store.records import IdempotencyKey

KEPT = timedelta(hours=48)
_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
#: Fields that differ between two sendings of one form, or say nothing about what is asked.
_NOT_CONTENT = frozenset({"csrf_token", "idempotency_key"})


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """What the first sending was answered."""

    status: int
    location: str


def body_hash(path: str, fields: Iterable[tuple[str, str]]) -> str:
    """One hash over the address and every field that says what is asked; passwords leave no trace in it."""
    digest = hashlib.sha256(path.encode())
    for name, value in sorted(fields):
        if name not in _NOT_CONTENT and "password" not in name:
            digest.update(f"\0{len(name)}:{name}={len(value)}:{value}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def remember_request(
    db: Session, principal: Principal, key: str, route: str, content: str, now: datetime
) -> EarlierAnswer | None:
    """Claim `key` before anything else in the transaction; the earlier answer when it was claimed before.

    A second sending that comes while the first still runs waits for it. `content` is a `body_hash`.
    Raises FieldError for a key that none of our pages made, RequestReused for the same key with other content.
    """
    _refuse_foreign(key)
    try:
        with db.begin_nested():
            db.execute(
                insert(IdempotencyKey).values(
                    account_id=principal.account_id, key=key, route=route, body_hash=content, created_at=now
                )
            )
    except IntegrityError:
        return earlier_answer(db, principal, key, content)
    return None


def remember_answer(db: Session, principal: Principal, key: str, status: int, location: str) -> None:
    """Keep the answer beside its key, in the same transaction."""
    db.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.account_id == principal.account_id, IdempotencyKey.key == key)
        .values(status=status, location=location)
    )


def forget_old_requests(db: Session, now: datetime) -> None:
    """Remove keys older than 48 hours."""
    db.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT))


def earlier_answer(db: Session, principal: Principal, key: str, content: str) -> EarlierAnswer | None:
    """The answer an earlier sending with this key got.

    Raises FieldError for a key that none of our pages made, RequestReused when the content was another.
    """
    _refuse_foreign(key)
    found = db.get(IdempotencyKey, (principal.account_id, key), populate_existing=True)
    if found is None:
        return None
    if found.body_hash != content:
        raise RequestReused("This form was already sent with other answers. Load the page again and start from there.")
    return EarlierAnswer(found.status, found.location)


def _refuse_foreign(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise FieldError("idempotency_key", "This form is incomplete. Load the page again and send it once more.")
