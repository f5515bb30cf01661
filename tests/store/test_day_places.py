"""The sessions that count on a therapist's day, and the last place of a day, where a booking is written."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.intervals import minute_of
from planner.domain.statuses import SESSIONS, AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.services.alternatives import blocked_placements, free_alternatives
from planner.services.applying import apply_decision
from planner.services.booking import book_course
from planner.services.holding import place_hold
from planner.services.status_changes import cancel
from planner.services.undoing import undo
from planner.store.records import Appointment, ChangeSet, Person
from planner.store.sheets.day_sessions import load_sessions
from tests.services.booked import DAY, LATER, MORNING, Booked, booked_course
from tests.support.small_clinic import (
    NOW,
    ZONE,
    SmallClinic,
    make_small_clinic,
    placement_of,
    proposal,
    sheet_of,
    shifted,
)

TUESDAY = MORNING + DAY


@pytest.fixture
def clinic(db: Session) -> SmallClinic:
    return make_small_clinic(db, patients=6)


def limit(db: Session, clinic: SmallClinic, most: int | None, therapist: int = 0) -> None:
    db.get_one(Person, clinic.therapists[therapist].id).most_sessions_a_day = most
    db.flush()


def course_with(clinic: SmallClinic, patient: int, start: datetime, **session: object) -> list[Placement]:
    """A dose on Monday, and a session at `start`."""
    at = MORNING + timedelta(hours=3 * (patient % 3))
    dose = clinic.infusion(patient, at, chair=patient % 2)
    return [dose, clinic.session(patient, start, **session)]  # type: ignore[arg-type]


def book(db: Session, clinic: SmallClinic, patient: int, start: datetime, **session: object) -> list[Appointment]:
    placements = course_with(clinic, patient, start, **session)
    course = book_course(
        db, clinic.coordinator, patient_id=clinic.patients[patient].id, protocol_version_id=clinic.version_id,
        site_id=clinic.site_id, wishes={}, proposal=proposal(placements), now=NOW, undo_minutes=10,
    )  # fmt: skip
    rows = db.scalars(select(Appointment).where(Appointment.course_id == course.id).order_by(Appointment.id))
    return list(rows)


def counted(db: Session, clinic: SmallClinic, **how: int) -> list[datetime]:
    span = minute_of(TUESDAY - DAY), minute_of(TUESDAY + DAY)
    starts = load_sessions(db, [clinic.therapists[0].id], span, NOW, **how).get(clinic.therapists[0].id, ())
    return [TUESDAY + timedelta(minutes=start - minute_of(TUESDAY)) for start in starts]


# -- what counts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(AppointmentKind))
def test_every_kind_but_an_infusion_counts(db: Session, clinic: SmallClinic, kind: AppointmentKind) -> None:
    _, row = book(db, clinic, 0, TUESDAY)
    row.kind = kind
    db.flush()
    assert counted(db, clinic) == ([TUESDAY] if kind in SESSIONS else [])
    assert (kind in SESSIONS) is (kind is not AppointmentKind.INFUSION)


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        (AppointmentStatus.BOOKED, True),
        (AppointmentStatus.ARRIVED, True),
        (AppointmentStatus.FULFILLED, True),
        (AppointmentStatus.CANCELLED, False),
        (AppointmentStatus.NOSHOW, False),
        (AppointmentStatus.ENTERED_IN_ERROR, False),
    ],
)
def test_what_holds_its_therapist_counts(
    db: Session, clinic: SmallClinic, status: AppointmentStatus, counts: bool
) -> None:
    _, row = book(db, clinic, 0, TUESDAY)
    row.status = status
    db.flush()
    assert bool(counted(db, clinic)) is counts


def test_an_appointment_of_no_course_counts_and_those_of_the_course_in_question_do_not(
    db: Session, clinic: SmallClinic
) -> None:
    _, row = book(db, clinic, 0, TUESDAY)
    assert counted(db, clinic, without_course_id=row.course_id or 0) == []
    _, brought = book(db, clinic, 1, TUESDAY + timedelta(hours=2))
    brought.course_id = None
    db.flush()
    assert counted(db, clinic, without_course_id=row.course_id or 0) == [TUESDAY + timedelta(hours=2)]


def test_a_promise_counts_its_sessions_and_not_its_visits_while_it_lasts(db: Session, clinic: SmallClinic) -> None:
    visit, talk = course_with(clinic, 0, TUESDAY)
    therapist = clinic.therapists[0].holdable_id
    beside = (therapist, visit.start, visit.start + 60)
    hold = place_hold(db, clinic.coordinator, [*visit.holds, beside, *talk.holds], None, 20, NOW)
    assert counted(db, clinic) == [TUESDAY]
    assert counted(db, clinic, without_hold_id=hold.id) == []
    span = minute_of(TUESDAY), minute_of(TUESDAY + DAY)
    assert load_sessions(db, [clinic.therapists[0].id], span, hold.expires_at) == {}


# -- the last place of a day -------------------------------------------------------------------------------------------


def test_a_booking_above_the_limit_is_refused_whole_and_names_the_therapist(db: Session, clinic: SmallClinic) -> None:
    limit(db, clinic, 2)
    for patient, hours in ((0, 0), (1, 2)):
        book(db, clinic, patient, TUESDAY + timedelta(hours=hours))
    plan = course_with(clinic, 2, TUESDAY + timedelta(hours=4))
    with pytest.raises(Refused) as refusal, db.begin_nested():
        book(db, clinic, 2, TUESDAY + timedelta(hours=4))
    (conflict,) = refusal.value.conflicts
    assert (conflict.rule, conflict.sentence) == (
        Rule.DAY_FULL,
        "Test Therapist 1 has 2 sessions on Tue 12 Jan 2027 already; 2 is the most set for them.",
    )
    assert len(counted(db, clinic)) == 2
    assert blocked_placements(plan, refusal.value.conflicts) == (plan[1],)
    offered = free_alternatives(db, plan[1], NOW, most=40)
    assert offered
    assert all((start - timedelta(hours=6)).date() != TUESDAY.date() for start in offered)
    book(db, clinic, 2, TUESDAY + DAY)
    book(db, clinic, 3, TUESDAY + timedelta(hours=4), therapist=1)


def test_the_day_is_local_to_the_site(db: Session, clinic: SmallClinic) -> None:
    """19:00 in Chicago is 01:00 UTC the day after."""
    limit(db, clinic, 1)
    evening = TUESDAY + timedelta(hours=10)
    assert evening.date() != TUESDAY.date()
    book(db, clinic, 0, evening)
    with pytest.raises(Refused), db.begin_nested():
        book(db, clinic, 1, TUESDAY)
    book(db, clinic, 1, TUESDAY + DAY)


def test_two_sessions_of_one_plan_count_together(db: Session, clinic: SmallClinic) -> None:
    limit(db, clinic, 1)
    placements = course_with(clinic, 0, TUESDAY)
    second = clinic.session(0, TUESDAY + timedelta(hours=3), serves=None, kind=AppointmentKind.CONSOLIDATION)
    with pytest.raises(Refused) as refusal, db.begin_nested():
        book_course(
            db, clinic.coordinator, patient_id=clinic.patients[0].id, protocol_version_id=clinic.version_id,
            site_id=clinic.site_id, wishes={}, proposal=proposal([*placements, second]), now=NOW,
        )  # fmt: skip
    assert [conflict.rule for conflict in refusal.value.conflicts] == [Rule.DAY_FULL]


def test_a_promise_above_the_limit_is_refused_and_one_within_it_keeps_the_place(
    db: Session, clinic: SmallClinic
) -> None:
    limit(db, clinic, 1)

    def promise(patient: int, hours: int) -> int:
        placements = course_with(clinic, patient, TUESDAY + timedelta(hours=hours))
        holds = [held for placement in placements for held in placement.holds]
        with db.begin_nested():
            return place_hold(db, clinic.coordinator, holds, None, 20, NOW, zone=ZONE, placements=placements).id

    kept = promise(0, 0)
    with pytest.raises(Refused):
        promise(1, 2)
    with pytest.raises(Refused), db.begin_nested():
        book(db, clinic, 1, TUESDAY + timedelta(hours=2))
    placements = course_with(clinic, 0, TUESDAY)
    book_course(
        db, clinic.coordinator, patient_id=clinic.patients[0].id, protocol_version_id=clinic.version_id,
        site_id=clinic.site_id, wishes={}, proposal=proposal(placements), now=NOW, hold_id=kept,
    )  # fmt: skip
    assert counted(db, clinic) == [TUESDAY]


# -- moving and undoing ------------------------------------------------------------------------------------------------


def move(db: Session, clinic: SmallClinic, row: Appointment, after: Placement, **more: object) -> ChangeSet:
    line = Line(LineKind.MOVED, "Moved.", before=sheet_of(db, row), after=after)
    with db.begin_nested():
        return apply_decision(
            db, clinic.coordinator, course_id=row.course_id or 0, decision=Decision("move", (line,), **more),  # type: ignore[arg-type]
            seen_versions={row.id: row.version}, now=LATER, undo_minutes=10,
        )  # fmt: skip


def test_a_move_onto_a_full_day_is_refused_and_one_within_the_day_is_not(db: Session, clinic: SmallClinic) -> None:
    limit(db, clinic, 1)
    book(db, clinic, 0, TUESDAY)
    _, row = book(db, clinic, 1, TUESDAY + DAY)
    with pytest.raises(Refused) as refusal:
        move(db, clinic, row, shifted(placement_of(db, row), -22 * 60))
    assert [conflict.rule for conflict in refusal.value.conflicts] == [Rule.DAY_FULL]
    move(db, clinic, row, shifted(placement_of(db, row), 60))


@pytest.fixture
def above(db: Session, clinic: SmallClinic) -> list[Appointment]:
    """Three sessions on Tuesday with a therapist whose limit is one by now."""
    rows = [book(db, clinic, patient, TUESDAY + timedelta(hours=2 * patient))[1] for patient in range(3)]
    limit(db, clinic, 1)
    return rows


def test_a_lowered_limit_leaves_what_is_booked_as_it_is_and_lets_it_change_within_its_day(
    db: Session, clinic: SmallClinic, above: list[Appointment]
) -> None:
    move(db, clinic, above[0], shifted(placement_of(db, above[0]), 60))
    assert len(counted(db, clinic)) == 3
    with pytest.raises(Refused), db.begin_nested():
        book(db, clinic, 3, TUESDAY + timedelta(hours=7))


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_an_undo_restores_a_day_above_its_limit(
    db: Session, clinic: SmallClinic, above: list[Appointment], act: str
) -> None:
    row, was = above[0], counted(db, clinic)
    acts: dict[str, Callable[[], ChangeSet]] = {
        "move": lambda: move(db, clinic, row, shifted(placement_of(db, row), 24 * 60)),
        "cancel": lambda: cancel(db, clinic.coordinator, row.id, seen_version=row.version, now=LATER),
    }
    change_set = acts[act]()
    assert len(counted(db, clinic)) == 2
    undo(db, clinic.coordinator, change_set.id, LATER)
    assert counted(db, clinic) == was


def test_two_sessions_of_one_decision_may_change_days(db: Session) -> None:
    """All is given back before anything is claimed: the days are counted at the end."""
    booked: Booked = booked_course(db)
    clinic = booked.clinic
    limit(db, clinic, 1)
    one, two = booked.session(1), booked.session(2)
    lines = [booked.move(one, 7 * 24 * 60), booked.move(two, -7 * 24 * 60)]
    booked.apply(lines)
    assert one.starts_at - two.starts_at == 7 * DAY


def test_without_a_limit_nothing_is_counted(db: Session, clinic: SmallClinic) -> None:
    for patient in range(3):
        book(db, clinic, patient, TUESDAY + timedelta(hours=2 * patient))
    assert len(counted(db, clinic)) == 3
