"""Holding times for a few minutes while a person makes up their mind. A hold blocks like a booking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import NotFound
from planner.scheduling.placements import Placement
from planner.services import auditing
from planner.store.day_places import day_places
from planner.store.occupying import claims_of, keep_for, lock_holdables, release_expired, release_hold_rows
from planner.store.records import Clinic, Hold, Occupancy


def place_hold(
    db: Session,
    principal: Principal,
    holds: Iterable[tuple[int, int, int]],
    draft_id: int | None,
    minutes: int,
    now: datetime,
    *,
    zone: str | None = None,
    placements: Iterable[Placement] = (),
) -> Hold:
    """Block (holdable id, from, to), in UTC minutes since 1970, until `minutes` from `now`.

    An earlier hold of the same account for the same draft is given back first. Raises Refused with sentences in
    `zone` (the clinic's, when not given), also when sessions among the `placements`, whose site is there, are more
    than somebody's day admits.
    """
    claims, planned = claims_of(holds), tuple(placements)
    zone = zone or db.scalar(select(Clinic.zone)) or "UTC"
    with db.begin_nested():
        # The earlier hold's things are locked along with the new ones: all at once, in one order.
        earlier = _holds_of_draft(db, principal, draft_id)
        wanted = {claim.holdable_id for claim in claims} | _blocked(db, earlier)
        lock_holdables(db, wanted)
        release_expired(db, wanted, now)
        places = day_places(db, planned, {placement.site_id: zone for placement in planned}, now)
        for hold_id in earlier:
            _drop(db, hold_id)
        hold = Hold(
            account_id=principal.account_id,
            draft_id=draft_id,
            expires_at=now + timedelta(minutes=minutes),
            created_at=now,
        )
        db.add(hold)
        db.flush()
        keep_for(db, hold, claims, zone)
        places.check(db)
        auditing.record(db, principal, action="hold.place", object_type="hold", object_id=hold.id, now=now)
    return hold


def release_hold(db: Session, principal: Principal, hold_id: int, now: datetime) -> None:
    """Give a hold of one's own back. Raises NotFound for another's, or one that is gone."""
    use_hold(db, principal, hold_id)
    auditing.record(db, principal, action="hold.release", object_type="hold", object_id=hold_id, now=now)


def use_hold(db: Session, principal: Principal, hold_id: int) -> None:
    """Give a hold of one's own back, because what it kept is being booked. Raises NotFound.

    A hold that ran out is no obstacle: somebody else may have the times by now, and then the booking is refused.
    """
    owner = db.scalar(select(Hold.account_id).where(Hold.id == hold_id))
    if owner != principal.account_id:
        raise NotFound("That hold has ended.")
    _drop(db, hold_id)


def sweep_expired(db: Session, now: datetime) -> int:
    """Remove holds that have run out, and how many there were. They block nothing by then: this only tidies up."""
    expired = set(db.scalars(select(Hold.id).where(Hold.expires_at <= now)))
    lock_holdables(db, _blocked(db, expired))
    for hold_id in sorted(expired):
        _drop(db, hold_id)
    return len(expired)


def _holds_of_draft(db: Session, principal: Principal, draft_id: int | None) -> set[int]:
    if draft_id is None:
        return set()
    return set(db.scalars(select(Hold.id).where(Hold.draft_id == draft_id, Hold.account_id == principal.account_id)))


def _blocked(db: Session, hold_ids: Iterable[int]) -> set[int]:
    return set(db.scalars(select(Occupancy.holdable_id).where(Occupancy.hold_id.in_(set(hold_ids)))))


def _drop(db: Session, hold_id: int) -> None:
    release_hold_rows(db, hold_id)
    db.execute(delete(Hold).where(Hold.id == hold_id))
