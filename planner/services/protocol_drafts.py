"""Changes to a protocol: kept as one draft, thrown away, or signed as the next version.

A draft is one row per protocol for ever, so that its version tells every change apart; one that says what the newest
version says counts as none. Courses keep the version they were planned on; plans being made move to the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.domain.protocol_errors import ProtocolInvalid
from planner.domain.protocol_parsing import parse_protocol
from planner.services.auditing import record
from planner.services.places import one_line
from planner.services.protocols import refuse_same_name, save_version
from planner.store.queries.protocols import Standing, standing
from planner.store.records import Account, PlanDraft, ProtocolDraft, ProtocolRecord, ProtocolVersion

SHORTEST_NOTE, LONGEST_NOTE = 3, 300
LAST_WITHOUT_DATES = 4
"""The step of a plan at which dates are chosen: the furthest one that opens without them."""


def keep_draft(
    db: Session,
    principal: Principal,
    protocol_id: int,
    document: Mapping[str, Any],
    *,
    seen_version: int,
    base: int,
    now: datetime,
) -> ProtocolDraft:
    """Keep a changed document until a prescriber signs it. `base` is the version number it was changed from.

    Raises NotPermitted, NotFound, StaleVersion when the draft or the newest version is not the one seen or the draft
    began from an older version, FieldError (`slug`), and ProtocolInvalid with every fault at its dotted path.
    """
    require(principal, Permission.PROTOCOLS_WRITE)
    stands = _locked(db, protocol_id, seen_version, base)
    _refuse_draft_of_old(stands)
    protocol = parse_protocol(document)
    if protocol.slug != stands.slug:
        raise FieldError("slug", f"This document is about another protocol; here it must be “{stands.slug}”.")
    return _write(
        db, principal, stands.id, dict(document), stands.number, "protocol.draft", now, previous=stands.working
    )


def undo_change(
    db: Session, principal: Principal, protocol_id: int, *, seen_version: int, base: int, now: datetime
) -> ProtocolDraft:
    """Put the draft back to what it said before its last change.

    Raises NotPermitted, NotFound, StaleVersion, and ProtocolInvalid when there is none left to undo.
    """
    require(principal, Permission.PROTOCOLS_WRITE)
    stands = _locked(db, protocol_id, seen_version, base)
    draft = db.scalar(select(ProtocolDraft).where(ProtocolDraft.protocol_id == protocol_id))
    if not stands.can_undo or draft is None or draft.previous is None:
        raise ProtocolInvalid([("", "There is no change left to undo.")])
    return _write(db, principal, stands.id, dict(draft.previous), stands.number, "protocol.draft", now)


def discard_changes(
    db: Session, principal: Principal, protocol_id: int, *, seen_version: int, base: int, now: datetime
) -> None:
    """Go back to what the newest version says. Raises NotPermitted, NotFound, StaleVersion."""
    require(principal, Permission.PROTOCOLS_WRITE)
    stands = _locked(db, protocol_id, seen_version, base)
    _write(db, principal, stands.id, dict(stands.document), stands.number, "protocol.discard", now)


def sign_version(
    db: Session,
    principal: Principal,
    protocol_id: int,
    *,
    note: str,
    seen_version: int,
    base: int,
    now: datetime,
) -> ProtocolVersion:
    """Sign the draft as the next version, or adopt as it is what nobody here has signed yet. It cannot be taken back.

    `note` says why. Plans being made move to the new version. Raises NotPermitted, NotFound, StaleVersion when the
    draft or the newest version is not the one seen or the draft began from an older version, FieldError at `note`.
    """
    require(principal, Permission.PROTOCOLS_SIGN)
    stands = _locked(db, protocol_id, seen_version, base)
    _refuse_draft_of_old(stands)
    note = one_line(note, "note", LONGEST_NOTE)
    if len(note) < SHORTEST_NOTE:
        raise FieldError("note", "Say in a few words why.")
    if not stands.has_draft and stands.signed_at is not None:
        raise FieldError("note", f"Nothing has changed since version {stands.number} was signed.")
    refuse_same_name(db, str(stands.working["name"]), besides=protocol_id, field="note")
    name = db.get_one(Account, principal.account_id).name
    version = save_version(db, principal, protocol_id, stands.working, name, now, note=note)
    _write(db, principal, protocol_id, dict(stands.working), version.number, None, now)
    moved = _move_plans(db, protocol_id, version, now)
    record(
        db,
        principal,
        action="protocol.sign",
        object_type="protocol",
        object_id=protocol_id,
        now=now,
        detail={"version": version.number, "plans_moved": moved},
    )
    return version


def _locked(db: Session, protocol_id: int, seen_version: int, base: int) -> Standing:
    """The protocol as it stands; another who would change it waits until this transaction ends."""
    row = db.scalar(select(ProtocolRecord.id).where(ProtocolRecord.id == protocol_id).with_for_update())
    if row is None:
        raise NotFound("There is no such protocol.")
    stands = standing(db, protocol_id)
    if base != stands.number:
        raise StaleVersion(base, stands.number, "This protocol")
    if seen_version != stands.draft_version:
        raise StaleVersion(seen_version, stands.draft_version, "This draft")
    return stands


def _refuse_draft_of_old(stands: Standing) -> None:
    """Signing or going on with it would put back what the newer version changed."""
    if stands.is_stale:
        raise StaleVersion(stands.draft_base or 0, stands.number, "This protocol")


def _write(
    db: Session,
    principal: Principal,
    protocol_id: int,
    document: dict[str, Any],
    base: int,
    action: str | None,
    now: datetime,
    *,
    previous: dict[str, Any] | None = None,
) -> ProtocolDraft:
    draft = db.scalar(select(ProtocolDraft).where(ProtocolDraft.protocol_id == protocol_id))
    if draft is None:
        draft = ProtocolDraft(protocol_id=protocol_id, version=0)
        db.add(draft)
    draft.base_number, draft.document, draft.previous = base, document, previous
    draft.updated_by_id, draft.updated_at = principal.account_id, now
    draft.version += 1
    db.flush()
    if action is not None:
        record(
            db,
            principal,
            action=action,
            object_type="protocol",
            object_id=protocol_id,
            now=now,
            detail={"draft": draft.version, "base": base},
        )
    return draft


def _move_plans(db: Session, protocol_id: int, version: ProtocolVersion, now: datetime) -> int:
    """Put every plan being made on the new version; its dates stay only where the version says the same as before.

    Who is reading such a plan is told: the plan has another version of its own now.
    """
    others = select(ProtocolVersion.id, ProtocolVersion.document).where(
        ProtocolVersion.protocol_id == protocol_id, ProtocolVersion.id != version.id
    )
    older = {version_id: document for version_id, document in db.execute(others)}
    plans = db.scalars(
        select(PlanDraft)
        .where(PlanDraft.course_id.is_(None), PlanDraft.answers["protocol_version_id"].as_integer().in_(list(older)))
        .order_by(PlanDraft.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for plan in plans:
        # As stored, not as read: an answer of long ago that cannot be read must not keep a prescriber from signing.
        answers: dict[str, Any] = dict(plan.answers) | {"protocol_version_id": version.id}
        if older[plan.answers["protocol_version_id"]] != version.document:
            had_dates = plan.answers.get("proposal") is not None
            answers |= {"proposal": None, "by_hand": False, "moved_to": version.number if had_dates else None}
            plan.step = min(plan.step, LAST_WITHOUT_DATES)
        plan.answers, plan.updated_at = answers, now
        plan.version += 1
    db.flush()
    return len(plans)
