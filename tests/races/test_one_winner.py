"""Several people, one appointment: exactly one change is written, and everybody else is told (security.md R13)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from planner.domain.conflicts import Rule
from planner.domain.errors import PlannerError, Refused, StaleVersion
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.services.alternatives import free_alternatives
from planner.services.applying import apply_decision
from planner.services.booking import book_course
from planner.services.holding import place_hold
from planner.services.status_changes import arrive, cancel, mark_no_show
from planner.services.undoing import undo
from planner.store.engine import Store
from planner.store.records import Appointment, ChangeSet, Hold, Person
from tests.races.judge import OVERLAPS
from tests.services.booked import LATER, MORNING, Booked, booked_course
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic, proposal, sheet_of, shifted

PEOPLE = 6


def all_at_once(store: Store, acts: list[Callable[[Session], object]]) -> list[PlannerError | None]:
    """Run each act in a transaction and thread of its own, started together; what each was refused with."""
    ready = Barrier(len(acts))

    def take_part(act: Callable[[Session], object]) -> PlannerError | None:
        ready.wait(30)
        try:
            store.transact(act)
        except PlannerError as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(acts)) as people:
        return list(people.map(take_part, acts))


def winners(outcomes: list[PlannerError | None]) -> int:
    return outcomes.count(None)


@pytest.fixture
def booked_store(fresh_store: Store) -> tuple[Store, Booked]:
    with fresh_store.writing() as db:
        booked = booked_course(db)
    return fresh_store, booked


def test_changes_of_one_appointment_seen_at_one_version_have_one_winner(booked_store: tuple[Store, Booked]) -> None:
    store, booked = booked_store
    with store.reading() as db:
        row = Booked(db, booked.clinic, booked.course).dose(3)
        before, place = sheet_of(db, row), booked.clinic.infusion(0, row.starts_at, number=3)

    def move(minutes: int) -> Callable[[Session], object]:
        line = Line(LineKind.MOVED, "Moved.", before=before, after=shifted(place, minutes))
        return lambda db: apply_decision(
            db, booked.clinic.coordinator, course_id=booked.course.id, decision=Decision("move", (line,)),
            seen_versions={before.id: before.version}, now=LATER, undo_minutes=3,
        )  # fmt: skip

    def mark(verb: Callable[..., object]) -> Callable[[Session], object]:
        return lambda db: verb(db, booked.clinic.coordinator, before.id, seen_version=before.version, now=LATER)

    outcomes = all_at_once(store, [move(60), move(75), mark(cancel), mark(arrive), mark(mark_no_show), move(90)])
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, StaleVersion) for outcome in outcomes if outcome is not None)
    with store.reading() as db:
        assert db.scalars(select(Appointment.version).where(Appointment.id == before.id)).one() == 2
        assert db.scalars(select(func.count()).select_from(ChangeSet)).one() == 2


def test_a_change_is_undone_by_one_of_all_who_try(booked_store: tuple[Store, Booked]) -> None:
    store, booked = booked_store
    with store.writing() as db:
        row = Booked(db, booked.clinic, booked.course).dose(1)
        change_set = cancel(db, booked.clinic.coordinator, row.id, seen_version=1, now=LATER)
    outcomes = all_at_once(
        store, [lambda db: undo(db, booked.clinic.coordinator, change_set.id, LATER) for _ in range(PEOPLE)]
    )
    assert winners(outcomes) == 1
    assert {str(outcome) for outcome in outcomes if outcome} == {"This change was undone already."}


def on_tuesday(clinic: SmallClinic, person: int) -> list[Placement]:
    """A dose for each on a day of their own, and a session on one and the same Tuesday, an hour each."""
    dose = clinic.infusion(person, MORNING - timedelta(days=person))
    return [dose, clinic.session(person, MORNING + timedelta(days=1, hours=person - 2))]


def sessions_of_therapist(store: Store, clinic: SmallClinic) -> int:
    mine = Appointment.therapist_id == clinic.therapists[0].id
    with store.reading() as db:
        return db.scalars(select(func.count()).select_from(Appointment).where(mine)).one()


@pytest.mark.parametrize("left", [1, 2])
def test_the_last_places_of_a_therapists_day_go_to_as_many_as_there_are(fresh_store: Store, left: int) -> None:
    with fresh_store.writing() as db:
        clinic: SmallClinic = make_small_clinic(db, patients=PEOPLE)
        db.get_one(Person, clinic.therapists[0].id).most_sessions_a_day = left

    def book(person: int) -> Callable[[Session], object]:
        return lambda db: book_course(
            db, clinic.coordinator, patient_id=clinic.patients[person].id, protocol_version_id=clinic.version_id,
            site_id=clinic.site_id, wishes={}, proposal=proposal(on_tuesday(clinic, person)), now=NOW,
        )  # fmt: skip

    outcomes = all_at_once(fresh_store, [book(person) for person in range(PEOPLE)])
    assert winners(outcomes) == left
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert {c.rule for outcome in refused if isinstance(outcome, Refused) for c in outcome.conflicts} == {Rule.DAY_FULL}
    assert all(isinstance(outcome, Refused) for outcome in refused)
    assert sessions_of_therapist(fresh_store, clinic) == left
    with fresh_store.reading() as db:
        (talk,) = (p for p in on_tuesday(clinic, 0) if p.session)
        assert free_alternatives(db, talk, NOW, most=1)


def test_moves_onto_one_day_leave_it_at_its_limit(fresh_store: Store) -> None:
    """Everybody's session is on a day of its own, and all are moved to the same Tuesday at once."""
    with fresh_store.writing() as db:
        clinic: SmallClinic = make_small_clinic(db, patients=PEOPLE)
        db.get_one(Person, clinic.therapists[0].id).most_sessions_a_day = 1
        courses = []
        for person in range(PEOPLE):
            dose, talk = on_tuesday(clinic, person)
            courses.append(
                book_course(
                    db, clinic.coordinator, patient_id=clinic.patients[person].id,
                    protocol_version_id=clinic.version_id, site_id=clinic.site_id, wishes={},
                    proposal=proposal([dose, shifted(talk, (person + 1) * 24 * 60)]), now=NOW,
                ).id
            )  # fmt: skip
    with fresh_store.reading() as db:
        rows = {
            row.course_id: row for row in db.scalars(select(Appointment).where(Appointment.therapist_id.is_not(None)))
        }
        befores = [sheet_of(db, rows[course_id]) for course_id in courses]

    def move(person: int) -> Callable[[Session], object]:
        (talk,) = (p for p in on_tuesday(clinic, person) if p.session)
        line = Line(LineKind.MOVED, "Moved.", before=befores[person], after=talk)
        return lambda db: apply_decision(
            db, clinic.coordinator, course_id=courses[person], decision=Decision("move", (line,)),
            seen_versions={befores[person].id: befores[person].version}, now=LATER, undo_minutes=3,
        )  # fmt: skip

    outcomes = all_at_once(fresh_store, [move(person) for person in range(PEOPLE)])
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, Refused) for outcome in outcomes if outcome is not None)
    assert sessions_of_therapist(fresh_store, clinic) == PEOPLE


def test_a_time_is_promised_to_one_person(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        clinic: SmallClinic = make_small_clinic(db, patients=PEOPLE)

    def hold(patient: int) -> Callable[[Session], object]:
        holds = clinic.infusion(patient, MORNING).holds
        return lambda db: place_hold(db, clinic.coordinator, holds, None, 20, NOW)

    outcomes = all_at_once(fresh_store, [hold(patient) for patient in range(PEOPLE)])
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, Refused) for outcome in outcomes if outcome is not None)
    with fresh_store.reading() as db:
        assert db.scalars(select(func.count()).select_from(Hold)).one() == 1
        assert db.execute(text(OVERLAPS)).scalar_one() == 0
