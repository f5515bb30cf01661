"""The clinic's worked scenarios, from planning to undo, through the services and a real database."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.windows import WindowStatus
from planner.scheduling.decisions import LineKind
from planner.services.booking import book_course
from planner.services.disruptions import Away, CloseDay, apply_disruption, preview_disruption
from planner.services.planning import plan_for, propose
from planner.services.rescheduling import EndDose, Lose, Move, apply, preview
from planner.services.undoing_groups import undo_change
from planner.store.records import Absence, Appointment, Closure, Course, Occupancy
from planner.store.sheets import Wishes
from tests.builders import ScenarioClinic, at, occupy, scenario_clinic, wall

MON_THU = frozenset({0, 3})
BOOKED_AT = at("2027-01-20 12:00")


def told(row: Appointment) -> str:
    return f"{row.starts_at.astimezone(_zone()):%a %d %b %H:%M}"


def _zone() -> object:
    from zoneinfo import ZoneInfo

    return ZoneInfo("America/Chicago")


def book_scenario_a(db: Session, clinic: ScenarioClinic) -> Course:
    plan = plan_for(
        db,
        clinic.coordinator,
        patient_id=clinic.patient.id,
        protocol_version_id=clinic.version.id,
        site_id=clinic.site.id,
        wishes=Wishes(date(2027, 1, 25)),
        now=BOOKED_AT,
    )
    chosen = next(p for p in propose(plan).proposals if p.pattern == MON_THU)
    return book_course(
        db,
        clinic.coordinator,
        patient_id=clinic.patient.id,
        protocol_version_id=clinic.version.id,
        site_id=clinic.site.id,
        wishes=Wishes(date(2027, 1, 25), pattern=MON_THU).to_json(),
        proposal=chosen,
        now=BOOKED_AT,
    )


def rows(db: Session, course: Course, kind: AppointmentKind) -> list[Appointment]:
    db.expire_all()
    found = select(Appointment).where(Appointment.course_id == course.id, Appointment.kind == kind)
    return list(db.scalars(found.order_by(Appointment.starts_at, Appointment.id)))


def firm(db: Session, course: Course, kind: AppointmentKind) -> list[Appointment]:
    return [row for row in rows(db, course, kind) if row.status is AppointmentStatus.BOOKED]


def dose(db: Session, course: Course, number: int) -> Appointment:
    return next(row for row in firm(db, course, AppointmentKind.INFUSION) if row.number == number)


def everything(db: Session, course: Course) -> dict[int, tuple[object, ...]]:
    """Every appointment and what it holds, but for the counters that only go up."""
    db.expire_all()
    found = {}
    for row in db.scalars(select(Appointment).where(Appointment.course_id == course.id)):
        held = db.execute(
            select(Occupancy.holdable_id, Occupancy.starts_at, Occupancy.ends_at)
            .where(Occupancy.appointment_id == row.id)
            .order_by(Occupancy.holdable_id, Occupancy.starts_at)
        ).all()
        found[row.id] = (
            row.uid,
            row.kind,
            row.number,
            row.serves_id,
            row.status,
            row.starts_at,
            row.ends_at,
            row.therapist_id,
            row.chair_id,
            row.nurse_id,
            row.room_id,
            row.mode,
            row.starts_wall,
            tuple(map(tuple, held)),
        )
    return found


def test_scenario_a_is_planned_and_booked_with_its_exact_times(db: Session) -> None:
    clinic = scenario_clinic(db)
    course = book_scenario_a(db, clinic)
    doses = firm(db, course, AppointmentKind.INFUSION)
    sessions = firm(db, course, AppointmentKind.INTEGRATION)
    assert [told(row) for row in doses] == [
        "Mon 25 Jan 09:30",
        "Thu 28 Jan 09:30",
        "Mon 01 Feb 09:30",
        "Thu 04 Feb 09:30",
        "Mon 08 Feb 09:30",
        "Thu 11 Feb 09:30",
    ]
    assert [told(row) for row in sessions] == [
        "Tue 26 Jan 11:00",
        "Fri 29 Jan 11:00",
        "Tue 02 Feb 11:00",
        "Fri 05 Feb 11:00",
        "Tue 09 Feb 11:00",
        "Fri 12 Feb 11:00",
    ]
    assert [row.therapist_id for row in sessions] == [clinic.r.id, clinic.k.id] * 3
    assert [row.serves_id for row in sessions] == [row.id for row in doses]
    assert [told(row) for row in firm(db, course, AppointmentKind.CONSOLIDATION)] == ["Thu 18 Feb 11:00"]
    boosters = [r for r in rows(db, course, AppointmentKind.INFUSION) if r.status is AppointmentStatus.PROPOSED]
    assert [told(row) for row in boosters] == ["Thu 11 Mar 09:30"]


def test_scenario_b1_a_dose_repaired_in_place_moves_itself_and_its_session_only(db: Session) -> None:
    clinic = scenario_clinic(db)
    course = book_scenario_a(db, clinic)
    before, now = everything(db, course), at("2027-01-29 12:00")
    act = Move(dose(db, course, 3).id, at("2027-02-02 09:30"))
    found = preview(db, clinic.coordinator, act, now=now)
    assert [line.kind for line in found.decision.lines] == [LineKind.MOVED, LineKind.MOVED]
    change = apply(db, clinic.coordinator, act, key=found.key, now=now)
    after = everything(db, course)
    assert sum(before[i] != after[i] for i in before) == 2
    assert told(dose(db, course, 3)) == "Tue 02 Feb 09:30"
    moved = next(r for r in firm(db, course, AppointmentKind.INTEGRATION) if r.number == 3)
    assert told(moved) == "Wed 03 Feb 11:00" and moved.therapist_id == clinic.r.id and moved.sequence == 1
    undo_change(db, clinic.coordinator, change.id, now)
    assert everything(db, course) == before


def test_scenario_b2_a_no_show_slides_the_tail_and_relinks_what_stays(db: Session) -> None:
    clinic = scenario_clinic(db)
    course = book_scenario_a(db, clinic)
    blocker = scenario_blockers(db, clinic)
    assert blocker
    before, now = everything(db, course), at("2027-02-01 09:45")
    act = Lose(dose(db, course, 3).id, AppointmentStatus.NOSHOW)
    found = preview(db, clinic.coordinator, act, now=now)
    kinds = [line.kind for line in found.decision.lines]
    assert kinds.count(LineKind.MARKED) == 1
    assert kinds.count(LineKind.RENUMBERED) == 3
    assert kinds.count(LineKind.RELINKED) == 3
    assert kinds.count(LineKind.RELEASED) == 1
    assert kinds.count(LineKind.CREATED) == 2
    sentences = " ".join(remark.sentence for remark in found.decision.remarks)
    assert "7 days" in sentences and "22 days" in sentences
    kept = {row.id: (row.uid, row.sequence, row.changed_at) for row in rows(db, course, AppointmentKind.INTEGRATION)}
    change = apply(db, clinic.coordinator, act, key=found.key, now=now)
    doses = firm(db, course, AppointmentKind.INFUSION)
    assert [(row.number, told(row)) for row in doses] == [
        (1, "Mon 25 Jan 09:30"),
        (2, "Thu 28 Jan 09:30"),
        (3, "Thu 04 Feb 09:30"),
        (4, "Mon 08 Feb 09:30"),
        (5, "Thu 11 Feb 09:30"),
        (6, "Tue 16 Feb 09:30"),
    ]
    sessions = firm(db, course, AppointmentKind.INTEGRATION)
    assert [(row.number, told(row)) for row in sessions] == [
        (1, "Tue 26 Jan 11:00"),
        (2, "Fri 29 Jan 11:00"),
        (3, "Fri 05 Feb 11:00"),
        (4, "Tue 09 Feb 11:00"),
        (5, "Fri 12 Feb 11:00"),
        (6, "Wed 17 Feb 11:00"),
    ]
    for row in sessions[2:5]:
        assert (row.uid, row.sequence, row.changed_at) == kept[row.id]
    assert [told(row) for row in firm(db, course, AppointmentKind.CONSOLIDATION)] == ["Tue 23 Feb 11:00"]
    undo_change(db, clinic.coordinator, change.id, now)
    assert everything(db, course) == before


def scenario_blockers(db: Session, clinic: ScenarioClinic) -> bool:
    """Somebody else has the chair on Tuesday 2 and Wednesday 3 February."""
    from planner.domain.intervals import Interval
    from tests.builders import appointment, patient

    somebody = patient(db, clinic.site)
    for day in ("2027-02-02", "2027-02-03"):
        row = appointment(db, somebody, at(f"{day} 09:30"), kind=AppointmentKind.INFUSION, chair=clinic.chair)
        held = db.scalar(
            select(Occupancy.id).where(
                Occupancy.appointment_id == row.id, Occupancy.holdable_id == clinic.chair.holdable_id
            )
        )
        if held is None:
            occupy(db, clinic.chair.holdable_id, Interval(at(f"{day} 09:30"), at(f"{day} 11:55")), appointment=row)
    return True


def test_a_late_end_of_fifty_minutes_keeps_the_session_and_raises_no_alarm(db: Session) -> None:
    clinic = scenario_clinic(db)
    course = book_scenario_a(db, clinic)
    now = at("2027-01-25 11:45")
    act = EndDose(dose(db, course, 1).id, at("2027-01-25 10:50"), at("2027-01-25 11:30"))
    found = preview(db, nurse(clinic), act, now=now)
    assert [line.kind for line in found.decision.lines] == [LineKind.MARKED]
    apply(db, nurse(clinic), act, key=found.key, now=now)
    session = next(r for r in firm(db, course, AppointmentKind.INTEGRATION) if r.number == 1)
    assert told(session) == "Tue 26 Jan 11:00" and session.sequence == 0


def nurse(clinic: ScenarioClinic) -> object:
    from dataclasses import replace

    from planner.domain.access import Role

    return replace(clinic.coordinator, roles=frozenset({Role.NURSE, Role.COORDINATOR}))


def test_scenario_c1_a_dose_before_thanksgiving_is_never_booked_silently(db: Session) -> None:
    clinic = scenario_clinic(db, prepared=False)
    now = at("2027-11-02 08:00")
    plan = plan_for(
        db,
        clinic.coordinator,
        patient_id=clinic.patient.id,
        protocol_version_id=clinic.version.id,
        site_id=clinic.site.id,
        wishes=Wishes(date(2027, 11, 8)),
        now=now,
    )
    for proposal in propose(plan).proposals:
        assert "Wed 24 Nov 09:30" not in [wall(p.start) for p in proposal.of_kind(AppointmentKind.INFUSION)]
        assert all(
            p.window_status in (WindowStatus.PEAK, WindowStatus.IN_WINDOW_EARLY, WindowStatus.IN_WINDOW_LATE)
            for p in proposal.of_kind(AppointmentKind.INTEGRATION)
        )


def test_a_closed_day_moves_all_it_touches_and_is_undone_as_one(db: Session) -> None:
    clinic = scenario_clinic(db)
    course = book_scenario_a(db, clinic)
    before, now = everything(db, course), at("2027-01-29 12:00")
    act = CloseDay(clinic.site.id, date(2027, 2, 4), "burst pipe")
    found = preview_disruption(db, clinic.coordinator, act, now=now)
    assert len(found.changes) == 1 and found.unsaved == 0
    change = apply_disruption(db, clinic.coordinator, act, key=found.key, now=now)
    assert db.scalars(select(Closure).where(Closure.day == date(2027, 2, 4))).one()
    doses = [told(row) for row in firm(db, course, AppointmentKind.INFUSION)]
    assert "Thu 04 Feb 09:30" not in doses and len(doses) == 6
    undo_change(db, clinic.coordinator, change.id, now)
    assert everything(db, course) == before
    assert db.scalars(select(Closure).where(Closure.day == date(2027, 2, 4))).first() is None


def test_a_therapist_away_is_covered_inside_the_window_and_undone_as_one(db: Session) -> None:
    clinic = scenario_clinic(db)
    course = book_scenario_a(db, clinic)
    before, now = everything(db, course), at("2027-02-01 18:00")
    act = Away(clinic.r.id, at("2027-02-02 00:00"), at("2027-02-03 00:00"), "away")
    found = preview_disruption(db, clinic.coordinator, act, now=now)
    change = apply_disruption(db, clinic.coordinator, act, key=found.key, now=now)
    session = next(r for r in firm(db, course, AppointmentKind.INTEGRATION) if r.number == 3)
    assert session.starts_at >= at("2027-02-01 22:40") and session.starts_at <= at("2027-02-04 10:40")
    assert not (session.therapist_id == clinic.r.id and told(session).startswith("Tue 02 Feb"))
    assert session.sequence == 1 and session.uid == next(iter([before[session.id][0]]))
    undo_change(db, clinic.coordinator, change.id, now)
    assert everything(db, course) == before
    assert db.scalars(select(Absence)).first() is None
