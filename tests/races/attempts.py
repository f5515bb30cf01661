"""What one racing process does: try to book or move, and when it comes second, ask for free times instead."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

from sqlalchemy import select

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused, StaleVersion
from planner.domain.statuses import AppointmentKind
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.services.alternatives import blocked_placements, free_alternatives
from planner.services.applying import apply_decision
from planner.services.booking import book_course
from planner.store.engine import Store
from planner.store.occupying import claims_of, conflicts_with
from planner.store.records import Appointment
from tests.support.small_clinic import (
    NOW,
    SESSION_MINUTES,
    VISIT_MINUTES,
    ZONE,
    SmallClinic,
    placement_of,
    proposal,
    sheet_of,
    shifted,
)

MONDAY = datetime(2027, 2, 1, 14, 0, tzinfo=UTC)
SAME_SLOTS = 40
MODES = ("same", "mixed", "claims", "moves")
#: What one booked course is made of in each mode: appointments, and rows of occupancy.
WHOLE = {"same": (2, 5), "mixed": (2, 5), "claims": (7, 21), "moves": (2, 5)}


@dataclass(frozen=True)
class Job:
    """One process's share of a race."""

    url: str
    clinic: SmallClinic
    mode: str
    process: int
    processes: int
    attempts: int
    unguarded: bool = False
    seed: int = 1


@dataclass
class Outcome:
    """What a process saw, by its own account."""

    booked: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    refused: int = 0
    stale: int = 0
    untold: int = 0
    without_alternative: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def take_part(job: Job, ready: Callable[[], object]) -> Outcome:
    """Make this process's attempts, once all are `ready`."""
    store = Store(job.url)
    outcome = Outcome()
    chance = random.Random(job.seed * 1000 + job.process)
    try:
        with store.reading() as db:
            db.scalars(select(Appointment.id).limit(1)).first()
        ready()
        for number in range(job.attempts):
            started = perf_counter()
            attempt = move_something if job.mode == "moves" else book_something
            attempt(store, job, number, chance, outcome)
            outcome.seconds.append(perf_counter() - started)
    finally:
        store.dispose()
    return outcome


def book_something(store: Store, job: Job, number: int, chance: random.Random, outcome: Outcome) -> None:
    """Book a course for a patient nobody else books; only staff and things are contested."""
    patient = number * job.processes + job.process
    placements = PLANS[job.mode](job.clinic, patient, number, chance)
    if job.unguarded and _looks_taken(store, placements):
        outcome.refused += 1
        return
    clinic = job.clinic
    try:
        course_id = store.transact(
            lambda db: book_course(
                db, clinic.coordinator, patient_id=clinic.patients[patient].id,
                protocol_version_id=clinic.version_id, site_id=clinic.site_id, wishes={},
                proposal=proposal(placements), now=NOW,
            ).id
        )  # fmt: skip
    except Refused as refusal:
        _ask_again(store, placements, refusal, outcome)
    else:
        outcome.booked.append(course_id)


def move_something(store: Store, job: Job, number: int, chance: random.Random, outcome: Outcome) -> None:
    """Move an appointment of somebody's course to a random time, as a person does who read the page before."""
    with store.reading() as db:
        row = chance.choice(db.scalars(select(Appointment).where(Appointment.site_id == job.clinic.site_id)).all())
        before, now = sheet_of(db, row), placement_of(db, row)
    course_id, after = row.course_id, shifted(now, _random_shift(chance, before.start))
    if job.unguarded and _looks_taken(store, [after]):
        outcome.refused += 1
        return
    decision = Decision("move", (Line(LineKind.MOVED, "Moved.", before=before, after=after),))
    try:
        store.transact(
            lambda db: apply_decision(
                db, job.clinic.coordinator, course_id=course_id or 0, decision=decision,
                seen_versions={before.id: before.version}, now=NOW, undo_minutes=3,
            )
        )  # fmt: skip
    except Refused as refusal:
        _ask_again(store, [after], refusal, outcome)
    except StaleVersion:
        outcome.stale += 1
    else:
        outcome.moved.append(before.id)


def _looks_taken(store: Store, placements: Sequence[Placement]) -> bool:
    """The check an application without guards would make: before the transaction that writes."""
    wanted = [(None, claim) for placement in placements for claim in claims_of(placement.holds)]
    with store.reading() as db:
        return bool(conflicts_with(db, wanted, ZONE))


def _ask_again(store: Store, placements: Sequence[Placement], refusal: Refused, outcome: Outcome) -> None:
    outcome.refused += 1
    outcome.reasons.update(str(conflict.rule) for conflict in refusal.conflicts)
    blocked = blocked_placements(placements, refusal.conflicts)
    told = all(c.rule is Rule.OVERLAP and "already held" in c.sentence for c in refusal.conflicts)
    outcome.untold += not (told and blocked)
    with store.reading() as db:
        if not all(free_alternatives(db, placement, NOW, most=1) for placement in blocked):
            outcome.without_alternative += 1


def same_slot(clinic: SmallClinic, patient: int, number: int, chance: random.Random) -> list[Placement]:
    """All processes walk through the same few slots in the same order."""
    slot = number % SAME_SLOTS
    start = MONDAY + timedelta(days=slot // 2, hours=4 * (slot % 2))
    return [clinic.infusion(patient, start), clinic.session(patient, start + timedelta(days=1, hours=slot % 2))]


def anywhere(clinic: SmallClinic, patient: int, number: int, chance: random.Random) -> list[Placement]:
    """A random day, time, chair and therapist."""
    start = _random_start(chance, VISIT_MINUTES, days=60)
    return [
        clinic.infusion(patient, start, chair=chance.randrange(len(clinic.chairs))),
        clinic.session(
            patient, start + timedelta(days=1), therapist=chance.randrange(len(clinic.therapists)),
        ),
    ]  # fmt: skip


def many_claims(clinic: SmallClinic, patient: int, number: int, chance: random.Random) -> list[Placement]:
    """Three doses, each with a session in a room, and a preparation: 21 claims, told in any order."""
    first = _random_start(chance, VISIT_MINUTES, days=90)
    made = [
        clinic.session(
            patient, first - timedelta(days=2), serves=None, kind=AppointmentKind.PREPARATION,
            therapist=chance.randrange(len(clinic.therapists)), room=chance.randrange(len(clinic.rooms)),
        )
    ]  # fmt: skip
    for dose in (1, 2, 3):
        start = first + timedelta(days=4 * (dose - 1))
        made.append(clinic.infusion(patient, start, number=dose, chair=chance.randrange(len(clinic.chairs))))
        made.append(
            clinic.session(
                patient, start + timedelta(days=1), number=dose, serves=dose,
                therapist=chance.randrange(len(clinic.therapists)), room=chance.randrange(len(clinic.rooms)),
            )
        )  # fmt: skip
    chance.shuffle(made)
    return [replace(p, holds=tuple(chance.sample(p.holds, len(p.holds)))) for p in made]


Plan = Callable[[SmallClinic, int, int, random.Random], list[Placement]]
PLANS: dict[str, Plan] = {"same": same_slot, "mixed": anywhere, "claims": many_claims}


def _random_start(chance: random.Random, minutes: int, *, days: int) -> datetime:
    latest = 12 * 60 - minutes
    return MONDAY + timedelta(days=chance.randrange(days), minutes=15 * chance.randrange(latest // 15))


def _random_shift(chance: random.Random, start: int) -> int:
    """Minutes to another grid point of the same four weeks."""
    day_start = int(MONDAY.timestamp()) // 60
    target = day_start + 24 * 60 * chance.randrange(28) + 15 * chance.randrange((12 * 60 - SESSION_MINUTES) // 15)
    return target - start or 15
