"""Infusions that nobody is on shift for: listed by facts, gone when somebody is, whatever took the person away."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.protocols import Holding
from planner.domain.statuses import AppointmentStatus
from planner.services.leaving import person_leaves, what_ends
from planner.services.rostering import add_absence, add_shift, add_weekly_shifts
from planner.store.queries.unstaffed import left_without_prescriber, unstaffed
from planner.store.records import Appointment, OverrideRule, Person, RuleOverride, Shift
from tests import builders
from tests.builders import DOSING_HOURS, PERIODS, WEEKDAYS, at, coordinator, counted_queries, person, scenario_clinic
from tests.services.disrupted import NOW, THURSDAY, Stage, booked

PRESCRIBER, NURSE = (Holding.PRESCRIBER,), (Holding.NURSE,)


@pytest.fixture
def stage(db: Session) -> Stage:
    clinic = scenario_clinic(db)
    return Stage(db, clinic, booked(db, clinic, clinic.patient))


def found(stage: Stage, now=NOW) -> dict[int, tuple[Holding, ...]]:
    return {one.row.number: one.lacks for one in unstaffed(stage.db, stage.us, now)}


def take_shifts(stage: Stage, somebody: Person, *days) -> None:
    query = delete(Shift).where(Shift.person_id == somebody.id, Shift.starts_at > NOW)
    stage.db.execute(query.where(Shift.day.in_(days)) if days else query)
    stage.db.expire_all()


def test_nothing_is_listed_while_everybody_is_on_shift(stage: Stage) -> None:
    assert found(stage) == {}


def test_whoever_takes_the_last_prescriber_away_it_is_seen_and_ends_by_itself(stage: Stage) -> None:
    take_shifts(stage, stage.clinic.prescriber, THURSDAY)
    assert found(stage) == {4: PRESCRIBER}
    other = person(stage.db, stage.clinic.site, Role.PRESCRIBER, name="Test Prescriber Tansy")
    on_call = add_shift(stage.db, other, stage.clinic.site, THURSDAY, *DOSING_HOURS)
    on_call.on_call = True
    stage.db.flush()
    assert found(stage) == {4: PRESCRIBER}, "who is on call is not there"
    on_call.on_call = False
    stage.db.flush()
    assert found(stage) == {}


def test_an_absence_a_break_and_another_site_are_not_being_there(stage: Stage) -> None:
    prescriber, there = stage.clinic.prescriber, builders.site(stage.db)
    away = add_absence(stage.db, prescriber, at("2027-02-04 10:00"), at("2027-02-04 10:15"), now=NOW)
    assert found(stage) == {4: PRESCRIBER}
    stage.db.delete(away)
    stage.db.flush()
    shift = stage.db.scalars(select(Shift).where(Shift.person_id == prescriber.id, Shift.day == THURSDAY)).one()
    shift.break_starts_minute, shift.break_ends_minute = 610, 620
    shift.break_starts_at, shift.break_ends_at = at("2027-02-04 10:10"), at("2027-02-04 10:20")
    stage.db.flush()
    assert found(stage) == {4: PRESCRIBER}
    shift.break_starts_minute = shift.break_ends_minute = shift.break_starts_at = shift.break_ends_at = None
    shift.site_id = there.id
    stage.db.flush()
    assert found(stage) == {4: PRESCRIBER}


def test_who_has_lost_the_role_or_left_prescribes_no_more(stage: Stage) -> None:
    stage.clinic.prescriber.active = False
    stage.db.flush()
    assert set(found(stage)) == {3, 4, 5, 6} and set(found(stage).values()) == {PRESCRIBER}


def test_the_only_prescriber_who_leaves_is_told_before_and_listed_after(stage: Stage) -> None:
    somebody = stage.clinic.prescriber
    assert what_ends(stage.db, somebody.id, NOW).infusions_alone == 4
    assert left_without_prescriber(stage.db, stage.clinic.nurse.id, NOW) == 0
    person_leaves(stage.db, stage.us, somebody.id, seen_version=somebody.version, now=NOW)
    assert set(found(stage)) == {3, 4, 5, 6}
    other = person(stage.db, stage.clinic.site, Role.PRESCRIBER, name="Test Prescriber Tansy")
    for days in PERIODS:
        add_weekly_shifts(stage.db, other, stage.clinic.site, WEEKDAYS, days, DOSING_HOURS)
    assert found(stage) == {}
    assert left_without_prescriber(stage.db, somebody.id, NOW) == 0


def test_the_nurse_named_is_the_one_who_has_to_be_there(stage: Stage) -> None:
    other = person(stage.db, stage.clinic.site, Role.NURSE, name="Test Nurse Yew")
    add_shift(stage.db, other, stage.clinic.site, THURSDAY, *DOSING_HOURS)
    take_shifts(stage, stage.clinic.nurse, THURSDAY)
    assert found(stage) == {4: NURSE}
    stage.dose(4).nurse_id = other.id
    stage.db.flush()
    assert found(stage) == {}
    stage.dose(4).nurse_id = None
    stage.db.flush()
    assert found(stage) == {}, "brought in without a nurse: one is there"
    other.active = False
    stage.db.flush()
    assert found(stage) == {4: NURSE}


def test_who_left_and_is_named_is_on_the_other_list(stage: Stage) -> None:
    stage.clinic.nurse.active = False
    stage.db.flush()
    assert found(stage) == {}


def test_a_reason_on_record_excuses_the_time_it_was_given_for(stage: Stage) -> None:
    take_shifts(stage, stage.clinic.prescriber, THURSDAY)
    dose = stage.dose(4)
    stage.db.add(
        RuleOverride(
            rule=OverrideRule.OFF_HOURS, appointment_id=dose.id, reason="Dr Sorrel comes in for it",
            account_id=stage.us.account_id, role="coordinator", created_at=NOW - timedelta(hours=1),
        )
    )  # fmt: skip
    dose.changed_at = NOW - timedelta(hours=1)
    stage.db.flush()
    assert found(stage) == {}
    dose.changed_at = NOW
    stage.db.flush()
    assert found(stage) == {4: PRESCRIBER}, "it was given for another time"


@pytest.mark.parametrize(
    "status", [AppointmentStatus.CANCELLED, AppointmentStatus.PROPOSED, AppointmentStatus.FULFILLED]
)
def test_only_what_is_booked_needs_anybody(stage: Stage, status: AppointmentStatus) -> None:
    take_shifts(stage, stage.clinic.prescriber, THURSDAY)
    stage.db.execute(update(Appointment).where(Appointment.id == stage.dose(4).id).values(status=status))
    assert found(stage) == {}


def test_an_infusion_going_on_needs_who_falls_ill_and_one_over_nobody(stage: Stage) -> None:
    take_shifts(stage, stage.clinic.prescriber, THURSDAY)
    stage.dose(4).status = AppointmentStatus.ARRIVED
    stage.db.flush()
    assert found(stage, at("2027-02-04 10:30")) == {4: PRESCRIBER}
    assert 4 not in found(stage, at("2027-02-04 10:45")), "the dose is over"


def test_another_sites_coordinator_reads_nothing_of_it(stage: Stage) -> None:
    take_shifts(stage, stage.clinic.prescriber)
    there = builders.site(stage.db)
    assert unstaffed(stage.db, coordinator(stage.db, there), NOW) == []
    assert unstaffed(stage.db, stage.us, NOW, there.id) == []
    assert len(unstaffed(stage.db, stage.us, NOW, stage.clinic.site.id)) == 4


def test_it_takes_six_queries_for_one_as_for_many(stage: Stage) -> None:
    take_shifts(stage, stage.clinic.prescriber, THURSDAY)
    sent = []
    for expected in (1, 4):
        stage.db.expire_all()
        with counted_queries(stage.db) as queries:
            assert len(unstaffed(stage.db, stage.us, NOW)) == expected
        sent.append(len(queries))
        take_shifts(stage, stage.clinic.prescriber)
    assert sent == [6, 6]
