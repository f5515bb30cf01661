"""Claims on and off: who and what is held, for which span, by which appointment or hold.

The database alone judges whether somebody would be held twice (`planner.store.guards`); here its refusal is put into
a sentence. Everything runs inside the caller's transaction. Locks are taken in the order of holdable ids, so that two
bookings that want the same things wait for each other instead of standing in each other's way (security.md 8.1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.intervals import Interval, instant_of
from planner.domain.walltime import day_and_year, to_wall
from planner.store.integrity import is_overlap
from planner.store.records import Appointment, Chair, Hold, Holdable, NurseLane, Occupancy, Patient, Person, Room


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One holdable for one half-open span of aware instants. `override_id` names the override it overlaps under."""

    holdable_id: int
    span: Interval
    override_id: int | None = None


def claims_of(holds: Iterable[tuple[int, int, int]]) -> tuple[Claim, ...]:
    """Claims from a placement's holds: (holdable id, from, to) in UTC minutes since 1970, in a steady order."""
    return tuple(
        sorted(Claim(holdable, Interval(instant_of(start), instant_of(end))) for holdable, start, end in holds)
    )


def lock_holdables(db: Session, holdable_ids: Iterable[int]) -> None:
    """Make other writers of these holdables wait until this transaction ends.

    Call it once per transaction with all of them, before the first claim. On SQLite the transaction already is the
    only writer.
    """
    wanted = sorted(set(holdable_ids))
    if wanted and db.get_bind().dialect.name == "postgresql":
        db.execute(
            select(Holdable.id).where(Holdable.id.in_(wanted)).order_by(Holdable.id).with_for_update(key_share=True)
        )


def held_by(db: Session, appointment_ids: Iterable[int]) -> dict[int, tuple[Claim, ...]]:
    """What each appointment holds now, in a steady order; an appointment that holds nothing is left out."""
    rows = db.execute(
        select(Occupancy.appointment_id, Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at,
               Occupancy.override_id).where(Occupancy.appointment_id.in_(set(appointment_ids)))
    )  # fmt: skip
    found: defaultdict[int, list[Claim]] = defaultdict(list)
    for appointment_id, holdable_id, start, end, override_id in rows:
        found[appointment_id or 0].append(Claim(holdable_id, Interval(start, end), override_id))
    return {owner: tuple(sorted(claims, key=lambda c: (c.holdable_id, c.span))) for owner, claims in found.items()}


def hold_for(db: Session, appointment: Appointment, claims: Iterable[Claim]) -> None:
    """Hold people and things for one appointment. Raises Refused with every claim that is in somebody's way."""
    hold_all(db, {appointment.id: tuple(claims)}, appointment.zone)


def hold_all(db: Session, wanted: Mapping[int, Sequence[Claim]], zone: str) -> None:
    """Hold for several appointments (by id) at once, all or nothing. Sentences tell times in `zone`.

    The caller has locked the holdables and let expired holds go. Raises Refused.
    """
    _claim(
        db,
        [_row(claim) | {"appointment_id": owner} for owner, claims in wanted.items() for claim in claims],
        lambda: conflicts_with(db, [(owner, claim) for owner in wanted for claim in wanted[owner]], zone),
    )


def keep_for(db: Session, hold: Hold, claims: Sequence[Claim], zone: str) -> None:
    """Let a hold block people and things until it expires. Raises Refused, telling times in `zone`."""
    _claim(
        db,
        [_row(claim) | {"hold_id": hold.id} for claim in claims],
        lambda: conflicts_with(db, [(None, claim) for claim in claims], zone),
    )


def release(db: Session, appointment_ids: Iterable[int]) -> None:
    """Give back everything these appointments hold."""
    db.execute(delete(Occupancy).where(Occupancy.appointment_id.in_(set(appointment_ids))))


def release_hold_rows(db: Session, hold_id: int) -> None:
    """Give back everything one hold blocks."""
    db.execute(delete(Occupancy).where(Occupancy.hold_id == hold_id))


def release_expired(db: Session, holdable_ids: Iterable[int], now: datetime) -> None:
    """Give back what holds that have run out still block of these (locked) holdables."""
    expired = select(Hold.id).where(Hold.expires_at <= now)
    db.execute(delete(Occupancy).where(Occupancy.holdable_id.in_(set(holdable_ids)), Occupancy.hold_id.in_(expired)))


def _row(claim: Claim) -> dict[str, Any]:
    return {
        "holdable_id": claim.holdable_id,
        "starts_at": claim.span.start,
        "ends_at": claim.span.end,
        "override_id": claim.override_id,
        "appointment_id": None,
        "hold_id": None,
    }


def _claim(db: Session, rows: list[dict[str, Any]], explain: Callable[[], Sequence[Conflict]]) -> None:
    if not rows:
        return
    db.flush()
    # A savepoint, because PostgreSQL answers nothing more in a transaction after a refusal, and we have to ask why.
    try:
        with db.begin_nested():
            # RETURNING makes it one statement; a pipeline of many would log every refusal.
            rows = sorted(rows, key=lambda row: (row["holdable_id"], row["starts_at"]))
            db.execute(insert(Occupancy).returning(Occupancy.id), rows).all()
    except IntegrityError as error:
        if not is_overlap(error):
            raise
        raise Refused(explain() or (Conflict(Rule.OVERLAP, _UNNAMED),)) from error


_UNNAMED = "Somebody or something needed for this is already held at that time. Choose another time."


def conflicts_with(db: Session, wanted: Sequence[tuple[int | None, Claim]], zone: str) -> tuple[Conflict, ...]:
    """What stands in the way of claims, each with the appointment that would own it: one conflict per row in the way.

    Claims of one list that overlap each other are told too. Found by a query that shares nothing with the guards.
    """
    clashes = [clash for part in _parts(wanted) for clash in _stored_clashes(db, part)] + _own_clashes(wanted)
    names = holdable_names(db, {holdable_id for holdable_id, _, _, _ in clashes})
    return tuple(
        Conflict(
            Rule.OVERLAP,
            f"{names[holdable_id]} is already held {tell_span(span, zone)}, {by}.",
            starts_at=span.start,
            ends_at=span.end,
            holdable_id=holdable_id,
            appointment_id=other_id,
        )
        for holdable_id, span, by, other_id in clashes
    )


Clash = tuple[int, Interval, str, int | None]


def _parts(wanted: Sequence[tuple[int | None, Claim]]) -> Iterable[Sequence[tuple[int | None, Claim]]]:
    # Databases limit how long one condition may be.
    return (wanted[i : i + 100] for i in range(0, len(wanted), 100))


def _stored_clashes(db: Session, wanted: Sequence[tuple[int | None, Claim]]) -> list[Clash]:
    rows = db.execute(
        select(Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at, Occupancy.appointment_id,
               Appointment.kind)
        .outerjoin(Appointment, Appointment.id == Occupancy.appointment_id)
        .where(or_(*(_in_the_way(owner, claim) for owner, claim in wanted)))
        .order_by(Occupancy.starts_at, Occupancy.holdable_id)
    )  # fmt: skip
    return [
        (holdable_id, Interval(start, end), f"by another {kind}" if kind else "while somebody plans", other)
        for holdable_id, start, end, other, kind in rows
    ]


def _in_the_way(owner: int | None, claim: Claim) -> ColumnElement[bool]:
    return and_(
        Occupancy.holdable_id == claim.holdable_id,
        Occupancy.starts_at < claim.span.end,
        Occupancy.ends_at > claim.span.start,
        or_(Occupancy.appointment_id.is_(None), Occupancy.appointment_id != (owner if owner is not None else -1)),
    )


def _own_clashes(wanted: Sequence[tuple[int | None, Claim]]) -> list[Clash]:
    claims = sorted((claim.holdable_id, claim.span) for _, claim in wanted)
    return [
        (holdable_id, span, "by this very plan", None)
        for (holdable_id, span), (other_id, other) in pairwise(claims)
        if holdable_id == other_id and span.overlaps(other)
    ]


def tell_span(span: Interval, zone: str) -> str:
    """A span as wall time in `zone`: “on Tue 2 Feb 2027 from 09:00 to 11:30”."""
    start, end = to_wall(span.start, zone), to_wall(span.end, zone)
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%a} {end.day} {end:%b} {end:%H:%M}"
    return f"on {day_and_year(start)} from {start:%H:%M} to {until} ({zone})"


def holdable_names(db: Session, holdable_ids: Iterable[int]) -> dict[int, str]:
    """What to call each holdable: a chair's, room's or person's name, a patient's code."""
    wanted = set(holdable_ids)
    lane = select(NurseLane.holdable_id, Person.name).join(Person, Person.id == NurseLane.person_id)
    named = union_all(
        select(Chair.holdable_id, Chair.name).where(Chair.holdable_id.in_(wanted)),
        select(Room.holdable_id, Room.name).where(Room.holdable_id.in_(wanted)),
        select(Person.holdable_id, Person.name).where(Person.holdable_id.in_(wanted)),
        lane.where(NurseLane.holdable_id.in_(wanted)),
        select(Patient.holdable_id, Patient.code).where(Patient.holdable_id.in_(wanted)),
    )
    return dict.fromkeys(wanted, "What is needed") | {row[0]: row[1] for row in db.execute(named)}
