"""Undoing: as if it had not been made, as one, once, in time, and never against somebody else's change."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.conflicts import Conflict, Rule
from planner.domain.errors import NotFound, NotPermitted, Refused
from planner.domain.intervals import minute_of
from planner.domain.statuses import AppointmentStatus, CourseStatus
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.services.applying import apply_decision
from planner.services.booking import book_course
from planner.services.status_changes import cancel, complete_course
from planner.services.undoing import undo
from planner.store.records import (
    Appointment,
    AuditEntry,
    CalendarVersion,
    ChangeLine,
    ChangeSet,
    Course,
    Encounter,
    FeedScope,
    Occupancy,
    RuleOverride,
)
from tests.services.booked import DAY, DAY_MINUTES, LATER, MORNING, NOW, Booked, booked_course
from tests.support.small_clinic import proposal

UNDONE = LATER + timedelta(minutes=2)
COUNTERS = {"version", "sequence", "changed_at"}


@pytest.fixture
def booked(db: Session) -> Booked:
    return booked_course(db)


def rows_of(db: Session, record: type) -> list[dict[str, Any]]:
    """Every row as the database has it now, without its counters; rows of occupancy without their own id."""
    table = record.__table__  # type: ignore[attr-defined]
    left_out = COUNTERS | ({"id"} if record is Occupancy else set())
    db.flush()
    found = db.execute(select(*(column for column in table.c if column.key not in left_out))).mappings()
    return sorted((dict(row) for row in found), key=lambda row: str(sorted(row.items(), key=str)))


def stored(db: Session) -> dict[str, list[dict[str, Any]]]:
    return {record.__name__: rows_of(db, record) for record in (Appointment, Course, Encounter, Occupancy)}


def counters(db: Session) -> dict[int, tuple[Any, ...]]:
    found = db.execute(select(Appointment.id, Appointment.version, Appointment.sequence, Appointment.changed_at))
    return {number: (version, sequence, changed) for number, version, sequence, changed in found}


def go_back(booked: Booked, change_set: ChangeSet, **more: Any) -> ChangeSet:
    return undo(booked.db, more.get("principal", booked.clinic.coordinator), change_set.id, more.get("now", UNDONE))


def test_a_move_that_is_undone_leaves_everything_as_it_was_but_counts_on(booked: Booked) -> None:
    row, before = booked.dose(3), stored(booked.db)
    change_set = booked.apply([booked.move(row, 60)])
    go_back(booked, change_set)
    assert stored(booked.db) == before
    assert (row.version, row.sequence) == (3, 2)
    assert row.changed_at == UNDONE
    assert row.starts_at == MORNING + 14 * DAY


def test_what_calendars_could_not_see_is_undone_without_their_notice(booked: Booked) -> None:
    row = booked.session(2)
    change_set = booked.apply([booked.line(LineKind.RELINKED, row, replace(booked.place(row), serves=1))])
    go_back(booked, change_set)
    assert row.serves_id == booked.dose(2).id
    assert (row.version, row.sequence) == (3, 0)


def everything_at_once(booked: Booked) -> Decision:
    """A missed dose and all that follows, with an encounter."""
    kept, stays = booked.dose(3), booked.session(3)
    end = minute_of(booked.dose(1).starts_at) + 100
    return Decision(
        "no-show",
        (
            booked.line(LineKind.MARKED, booked.dose(1), status=AppointmentStatus.FULFILLED, dose_end=end),
            booked.line(LineKind.MARKED, booked.dose(2), status=AppointmentStatus.NOSHOW),
            booked.line(LineKind.RENUMBERED, kept, replace(booked.place(kept), number=2)),
            booked.line(LineKind.RELEASED, booked.session(2)),
            booked.line(LineKind.RELINKED, stays, replace(booked.place(stays), number=2, serves=2)),
            booked.move(booked.session(1), 30),
            Line(LineKind.CREATED, "New.", after=booked.clinic.infusion(0, MORNING + 21 * DAY, number=3)),
            Line(LineKind.CREATED, "New.", after=booked.clinic.session(0, MORNING + 22 * DAY, number=3, serves=3)),
        ),
    )


def test_a_change_of_many_rows_is_undone_as_one(booked: Booked) -> None:
    before = stored(booked.db)
    change_set = booked.decide(everything_at_once(booked))
    assert len(stored(booked.db)["Encounter"]) == 1
    go_back(booked, change_set)
    assert stored(booked.db) == before


def test_undoing_is_a_change_of_its_own_with_its_line_of_history(booked: Booked) -> None:
    change_set = booked.decide(everything_at_once(booked))
    back = go_back(booked, change_set)
    assert (back.kind, back.undoes_id, back.account_id) == ("undo", change_set.id, booked.clinic.account_id)
    assert change_set.undone_at == UNDONE
    entry = booked.db.scalars(select(AuditEntry).where(AuditEntry.change_set_id == back.id)).one()
    assert (entry.action, entry.patient_id) == ("undo", booked.clinic.patients[0].id)
    lines = booked.db.scalars(select(ChangeLine).where(ChangeLine.change_set_id == back.id)).all()
    # What was made and is gone again is still told there.
    assert sum(line.after is None for line in lines) == 3


def test_undoing_wakes_the_calendars_again(booked: Booked) -> None:
    change_set = booked.apply([booked.move(booked.dose(3), 60)])
    key = (FeedScope.PATIENT, booked.clinic.patients[0].id)
    row = booked.db.get_one(CalendarVersion, key, populate_existing=True)
    before = (row.version, row.changed_at)
    go_back(booked, change_set)
    booked.db.refresh(row)
    assert row.version == before[0] + 1
    assert row.changed_at > before[1]


def test_nothing_is_undone_twice(booked: Booked) -> None:
    change_set = booked.apply([booked.move(booked.dose(3), 60)])
    back = go_back(booked, change_set)
    before = (stored(booked.db), counters(booked.db))
    with pytest.raises(Refused, match="undone already"):
        go_back(booked, change_set)
    with pytest.raises(Refused, match="already was an undo"):
        go_back(booked, back)
    assert (stored(booked.db), counters(booked.db)) == before


def test_the_grace_time_ends(booked: Booked) -> None:
    change_set = booked.apply([booked.move(booked.dose(3), 60)])
    with pytest.raises(Refused, match="time to undo this is over"):
        go_back(booked, change_set, now=LATER + timedelta(minutes=3, seconds=1))
    go_back(booked, change_set, now=LATER + timedelta(minutes=3))


def test_a_later_change_of_the_same_row_stands_in_the_way(booked: Booked) -> None:
    first = booked.apply([booked.move(booked.dose(3), 60), booked.move(booked.session(3), 15)])
    booked.apply([booked.move(booked.session(3), 15)])
    before = stored(booked.db)
    with pytest.raises(Refused, match="changed again since"):
        go_back(booked, first)
    assert stored(booked.db) == before


def test_a_later_change_of_another_row_does_not(booked: Booked) -> None:
    first = booked.apply([booked.move(booked.dose(3), 60)])
    booked.apply([booked.move(booked.session(1), 15)])
    go_back(booked, first)
    assert booked.dose(3).starts_at == MORNING + 14 * DAY


def test_changes_are_undone_one_after_the_other_newest_first(booked: Booked) -> None:
    before = stored(booked.db)
    changes = [booked.apply([booked.move(booked.dose(3), 15)]) for _ in range(3)]
    for change_set in reversed(changes):
        go_back(booked, change_set)
    assert stored(booked.db) == before


def test_a_change_past_the_history_stands_in_the_way(booked: Booked) -> None:
    change_set = booked.apply([booked.move(booked.dose(3), 60)])
    booked.dose(3).pinned = True
    booked.dose(3).touch(LATER, visible=False)
    with pytest.raises(Refused, match="changed again since"):
        go_back(booked, change_set)


def test_a_later_session_tied_to_a_new_dose_stands_in_the_way(booked: Booked) -> None:
    new = Line(LineKind.CREATED, "New.", after=booked.clinic.infusion(0, MORNING + 21 * DAY, number=4))
    made = booked.apply([new])
    row = booked.session(3)
    booked.apply([booked.line(LineKind.RELINKED, row, replace(booked.place(row), serves=4))])
    with pytest.raises(Refused, match="changed again since"):
        go_back(booked, made)


def test_when_somebody_took_the_time_meanwhile_it_says_who(booked: Booked) -> None:
    clinic, db = booked.clinic, booked.db
    change_set = booked.apply([booked.move(booked.dose(3), 3 * DAY_MINUTES)])
    book_course(
        db, clinic.coordinator, patient_id=clinic.patients[1].id, protocol_version_id=clinic.version_id,
        site_id=clinic.site_id, wishes={}, now=LATER,
        proposal=proposal([clinic.infusion(1, MORNING + 14 * DAY + timedelta(hours=1))]),
    )  # fmt: skip
    before = stored(db)
    with pytest.raises(Refused) as refusal:
        go_back(booked, change_set)
    assert {conflict.rule for conflict in refusal.value.conflicts} == {Rule.OVERLAP}
    assert "Chair 1 is already held on Mon 25 Jan 2027 from 10:00" in str(refusal.value)
    assert stored(db) == before
    assert change_set.undone_at is None


def test_who_may_undo(booked: Booked) -> None:
    change_set = booked.apply([booked.move(booked.dose(3), 60)])
    stranger = Principal(0, frozenset({Role.THERAPIST}))
    with pytest.raises(NotPermitted):
        go_back(booked, change_set, principal=stranger)
    actor = Principal(booked.clinic.account_id, frozenset({Role.PATIENT}))
    go_back(booked, change_set, principal=actor)


def test_what_is_not_there_is_not_found(booked: Booked) -> None:
    with pytest.raises(NotFound):
        undo(booked.db, booked.clinic.coordinator, 0, UNDONE)


def test_a_cancellation_is_undone(booked: Booked) -> None:
    before = stored(booked.db)
    change_set = cancel(booked.db, booked.clinic.coordinator, booked.dose(3).id, seen_version=1, now=LATER)
    assert booked.dose(3).status is AppointmentStatus.CANCELLED
    go_back(booked, change_set)
    assert stored(booked.db) == before


def test_completing_is_not_undone_over_a_newer_course(booked: Booked) -> None:
    clinic, db = booked.clinic, booked.db
    booked.apply([booked.line(LineKind.RELEASED, row) for row in booked.all()])
    done = complete_course(db, clinic.coordinator, booked.course.id, seen_version=1, now=LATER)
    booked_course(db, clinic=clinic)
    with pytest.raises(Refused, match="another open course"):
        go_back(booked, done)
    db.refresh(booked.course)
    assert booked.course.status is CourseStatus.COMPLETED


def test_an_appointment_that_history_names_stays_as_entered_in_error(booked: Booked) -> None:
    """A made appointment with an override cannot go: the override is never rewritten, and it names it."""
    new = Line(LineKind.CREATED, "Late.", after=booked.clinic.session(0, MORNING + 30 * DAY, number=4, serves=3))
    rule = Conflict(Rule.OUTSIDE_WINDOW, "Outside the window.")
    change_set = booked.decide(
        Decision("late", (new,), overrides=(rule,)), override_reasons={Rule.OUTSIDE_WINDOW: "Travels"}
    )
    override = booked.db.scalars(select(RuleOverride)).one()
    go_back(booked, change_set)
    row = booked.db.get_one(Appointment, override.appointment_id)
    assert (row.status, row.serves_id) == (AppointmentStatus.ENTERED_IN_ERROR, None)
    assert booked.db.scalars(select(Occupancy.id).where(Occupancy.appointment_id == row.id)).all() == []


def test_an_overlap_set_aside_before_is_put_back_as_it_was(db: Session, booked: Booked) -> None:
    clinic = booked.clinic
    other = booked_course(db, patient=1, clinic=clinic, chair=1)
    row, in_the_way = booked.session(1), other.session(1)
    after = replace(clinic.session(0, row.starts_at + timedelta(minutes=30), room=0, therapist=1), serves=1)
    overlap = Conflict(
        Rule.OVERLAP, "Held.", starts_at=in_the_way.starts_at, ends_at=in_the_way.ends_at,
        holdable_id=clinic.therapists[1].holdable_id, appointment_id=in_the_way.id,
    )  # fmt: skip
    decision = Decision("move", (booked.line(LineKind.MOVED, row, after),), overrides=(overlap,))
    booked.decide(decision, override_reasons={Rule.OVERLAP: "Group session"})
    before = stored(db)
    away = booked.apply([booked.move(row, DAY_MINUTES)])
    go_back(booked, away)
    assert stored(db) == before


# A change is drawn as what happens to each of the six appointments; None leaves it alone.
MOVES = st.tuples(st.just("move"), st.integers(-40, 40).map(lambda quarters: 15 * quarters))
ACTS = st.one_of(
    st.none(),
    MOVES,
    st.tuples(st.sampled_from(["release", "no-show", "arrive", "fulfil"]), st.just(0)),
    st.tuples(st.just("relink"), st.integers(1, 3)),
)


def drawn_lines(booked: Booked, acts: list[Any], made: list[int]) -> list[Line]:
    statuses = {
        "no-show": AppointmentStatus.NOSHOW,
        "arrive": AppointmentStatus.ARRIVED,
        "fulfil": AppointmentStatus.FULFILLED,
    }
    rows = booked.all()
    gone = {
        row.number
        for row, act in zip(rows, acts, strict=True)
        if row.serves_id is None and act and act[0] in ("release", "no-show")
    }
    lines = [
        Line(LineKind.CREATED, "New.", after=booked.clinic.infusion(0, MORNING + (21 + n) * DAY, number=10 + n))
        for n in sorted(set(made))
    ]
    for row, act in zip(rows, acts, strict=True):
        if act is None:
            continue
        word, amount = act
        place = booked.place(row)
        if place.serves in gone:
            place = replace(place, serves=None)
        if word == "move":
            moved = booked.place(row, amount)
            lines.append(booked.line(LineKind.MOVED, row, replace(moved, serves=place.serves)))
        elif word == "release":
            lines.append(booked.line(LineKind.RELEASED, row))
        elif word == "relink" and row.serves_id is not None:
            lines.append(booked.line(LineKind.RELINKED, row, replace(place, serves=None if amount in gone else amount)))
        elif word in statuses:
            lines.append(booked.line(LineKind.MARKED, row, status=statuses[word]))
    return lines


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(
            st.lists(ACTS, min_size=6, max_size=6),
            st.lists(st.integers(0, 2), max_size=2),
        ),
        min_size=1,
        max_size=2,
    )
)
def test_any_change_undone_restores_every_row_and_counters_only_grow(db: Session, changes: list[Any]) -> None:
    with db.begin_nested() as example:
        booked = booked_course(db)
        done: list[tuple[ChangeSet, Any]] = []
        for acts, made in changes:
            before, counted = stored(db), counters(db)
            rows = booked.all()[:6]
            try:
                if len(booked.all()) > 6:
                    break
                change_set = booked.apply(drawn_lines(booked, acts, made))
            except Refused:
                assert (stored(db), counters(db)) == (before, counted)
                continue
            assert [row.id for row in rows] == [row.id for row in booked.all()[:6]]
            done.append((change_set, before))
        for change_set, before in reversed(done):
            counted = counters(db)
            go_back(booked, change_set)
            assert stored(db) == before
            for number, (version, sequence, changed) in counters(db).items():
                assert version >= counted[number][0]
                assert sequence >= counted[number][1]
                assert changed >= counted[number][2]
        example.rollback()


def test_nothing_is_written_when_undoing_fails(booked: Booked) -> None:
    change_set = apply_decision(
        booked.db, booked.clinic.coordinator, course_id=booked.course.id, now=NOW, undo_minutes=0,
        decision=Decision("move", (booked.move(booked.dose(3), 60),)), seen_versions={},
    )  # fmt: skip
    before = (stored(booked.db), rows_of(booked.db, ChangeSet), rows_of(booked.db, AuditEntry))
    with pytest.raises(Refused):
        go_back(booked, change_set)
    assert (stored(booked.db), rows_of(booked.db, ChangeSet), rows_of(booked.db, AuditEntry)) == before
