"""An instance is brought in and its patients planned with the planner's own services; a checker of the tests' own
finds no rule of the file broken."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError, NotPermitted
from planner.domain.statuses import AppointmentStatus
from planner.services.instances.bringing import bring_in, may_bring_in
from planner.services.instances.fields import InstanceInvalid
from planner.services.instances.parsing import parse_instance
from planner.services.instances.planning import begin_plans, plan_everyone, waiting
from planner.services.instances.plans import CHANGED, plan_to_json
from planner.services.instances.runs import take_in
from planner.services.instances.taking import take_out
from planner.services.plan_answers import Answers
from planner.services.signing_in import signed_in_as
from planner.store.records import (
    Appointment,
    AuditEntry,
    Holdable,
    HoldableKind,
    ImportRun,
    NurseLane,
    Occupancy,
    Patient,
    Person,
    PlanDraft,
    Shift,
    Site,
)
from tests.support.cast import make_cast
from tests.support.instances import HARD, account, brought_in, content_of, day_before, document_of
from tests.support.plan_checker import broken_rules

Document = dict[str, Any]


def planned(db: Session, document: Document) -> tuple[Document, list[str]]:
    """The plan of everybody whom a document asks for, and what it breaks."""
    clinic = brought_in(db, json.dumps(document).encode())
    plan_everyone(db, clinic.coordinator, clinic.now)
    plan = plan_to_json(db, clinic.coordinator, clinic.now)
    return plan, broken_rules(document, plan)


def test_the_small_clinic_is_planned_and_nothing_is_broken(db: Session) -> None:
    plan, broken = planned(db, document_of("S"))
    assert broken == []
    assert len(plan["unplanned"]) <= 1
    assert len(plan["appointments"]) >= 5 * 10


def test_wishes_that_are_stricter_are_kept_too(db: Session) -> None:
    """A therapist at the infusion, the primary one only, longer buffers, closed days, a nurse who watches one."""
    document = document_of("S")
    first, second, third, *_ = document["patients"]
    first["therapist_present"] = True
    second["continuity"] = "required"
    third["latest_first"] = "2026-10-21"
    third["modes"] = ["telehealth"]
    document["buffers"] |= {"patient": 60, "therapist": 15}
    document["holidays"] = ["2026-10-24", "2026-10-27"]
    plan, broken = planned(db, document)
    assert broken == []
    assert plan["appointments"]
    assert {one["patient"] for one in plan["unplanned"]} < {one["id"] for one in document["patients"]}
    with_somebody = [one for one in plan["appointments"] if one["kind"] == "infusion" and "therapist" in one]
    assert {one["patient"] for one in with_somebody} <= {"p001"}


@pytest.mark.parametrize(("name", "left"), list(zip(HARD, (0, 1, 0), strict=True)))
def test_the_hard_cases(db: Session, name: str, left: int) -> None:
    """The window before a weekend is met, the one that cannot be is told, and a second order leads out of the trap."""
    plan, broken = planned(db, document_of(name))
    assert broken == []
    assert len(plan["unplanned"]) == left
    reasons = [reason for one in plan["unplanned"] for reason in one["reasons"]]
    assert reasons == ["No nurse has a free place often enough.",
                       "There is no therapy session in the clinic's window after every dose."][: 2 * left]  # fmt: skip


def test_one_order_alone_falls_into_the_trap(db: Session) -> None:
    clinic = brought_in(db, content_of("a14-greedy-trap"))
    assert len(plan_everyone(db, clinic.coordinator, clinic.now, rounds=1).refused) == 1


def test_somebody_at_two_sites_is_planned_at_the_one_that_has_room(db: Session) -> None:
    document = document_of("a04-weekend-window")
    document["sites"].insert(0, {"id": "B", "hours": {"mon": [["09:00", "10:00"]]}})
    document["patients"][0]["sites"] = ["B", "A"]
    plan, broken = planned(db, document)
    assert broken == []
    assert {one.get("site") for one in plan["appointments"]} == {"A"}


def test_nothing_before_the_earliest_day_not_even_preparation(db: Session) -> None:
    document = document_of("a04-weekend-window")
    document["patients"][0]["earliest"] = "2027-01-12"
    plan, broken = planned(db, document)
    assert broken == []
    assert min(one["start"] for one in plan["appointments"]) > "2027-01-12"


def test_somebody_who_can_never_come_is_not_planned(db: Session) -> None:
    document = document_of("a04-weekend-window")
    document["patients"][0]["available"] = {}
    plan, broken = planned(db, document)
    assert (broken, plan["appointments"]) == ([], [])


def test_telehealth_is_not_offered_on_a_closed_day(db: Session) -> None:
    document = document_of("a04-weekend-window")
    document["patients"][0]["modes"] = ["telehealth"]
    for person in document["staff"]:
        if person["role"] == "therapist":
            person["shifts"] = [[start, end, "remote"] for start, end, _ in person["shifts"]]
    document["holidays"] = ["2027-01-12", "2027-01-21"]
    plan, broken = planned(db, document)
    assert broken == []
    assert plan["appointments"]


# What the file becomes


def test_bookings_hold_what_they_name_and_no_more(db: Session) -> None:
    clinic = brought_in(db, content_of("S"))
    assert held_by_kind(db) == {
        HoldableKind.CHAIR: 94, HoldableKind.LANE: 94, HoldableKind.ROOM: 70, HoldableKind.PERSON: 152
    }  # fmt: skip
    assert all(db.scalars(select(Appointment.pinned)))
    stand_in = db.scalars(select(Patient).where(~Patient.active)).one()
    assert stand_in.code == "X-0001"
    assert {ask.patient_id for ask in waiting(db, clinic.coordinator)} == set(
        db.scalars(select(Patient.id).where(Patient.active))
    )


def held_by_kind(db: Session) -> dict[HoldableKind, int]:
    """How many spans of each kind of thing are held."""
    rows = db.execute(
        select(Holdable.kind, func.count())
        .join(Occupancy, Occupancy.holdable_id == Holdable.id)
        .group_by(Holdable.kind)
    )
    return {kind: count for kind, count in rows}


def test_a_nurse_has_as_many_places_as_patients_she_watches(db: Session) -> None:
    brought_in(db, content_of("S"))
    lanes = db.execute(select(NurseLane.person_id, func.count()).group_by(NurseLane.person_id)).all()
    assert [count for _, count in lanes] == [2, 2]


def test_names_are_numbers_and_only_the_hash_of_the_file_stays(db: Session) -> None:
    brought_in(db, content_of("S"))
    assert set(db.scalars(select(Person.name))) >= {"Nurse A-n1", "Therapist t01", "Prescriber A-d1"}
    run = db.scalars(select(ImportRun)).one()
    assert run.content is None
    assert len(run.content_hash) == 64
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "instance.import")).one()
    assert entry.detail["bookings"] == 246


# Who may, and when


def test_an_instance_goes_into_an_empty_clinic_only(db: Session) -> None:
    clinic = brought_in(db, content_of("a14-greedy-trap"))
    before = db.scalar(select(func.count()).select_from(Shift))
    assert not may_bring_in(db)
    with pytest.raises(FieldError, match="goes into a clinic that has none"):
        bring_in(db, clinic.admin, clinic.instance, content=b"", now=clinic.now)
    with pytest.raises(FieldError, match="goes into a clinic that has none"):
        take_in(db, clinic.admin, content_of("S"), clinic.now)
    assert db.scalar(select(func.count()).select_from(Shift)) == before


def test_only_an_admin_brings_in_and_only_a_coordinator_plans_and_takes_out(db: Session) -> None:
    instance = parse_instance(content_of("a14-greedy-trap"))
    now = day_before(instance)
    coordinator = signed_in_as(db, account(db, "early", Role.COORDINATOR, now)).principal("127.0.0.1")
    with pytest.raises(NotPermitted):
        bring_in(db, coordinator, instance, content=b"", now=now)
    clinic = brought_in(db, content_of("a14-greedy-trap"))
    for refused in (
        lambda: plan_everyone(db, clinic.admin, now),
        lambda: begin_plans(db, clinic.admin, now),
        lambda: take_out(db, clinic.admin, now=now),
        lambda: plan_to_json(db, clinic.admin, now),
    ):
        with pytest.raises(NotPermitted):
            refused()
    with pytest.raises(FieldError):  # came before the sites and works for none of them
        plan_to_json(db, coordinator, now)


def test_a_file_with_faults_writes_nothing(db: Session) -> None:
    admin = signed_in_as(db, account(db, "admin", Role.ADMIN, day_before(parse_instance(content_of("S"))))).principal(
        ""
    )
    document = document_of("S") | {"grid_min": 7}
    with pytest.raises(InstanceInvalid):
        take_in(db, admin, json.dumps(document).encode(), day_before(parse_instance(content_of("S"))))
    assert db.scalar(select(func.count()).select_from(ImportRun)) == 0
    assert db.scalar(select(func.count()).select_from(Site)) == 0


# Plans begun, and plans that changed


def test_a_plan_is_begun_for_everybody_once_as_the_file_asks(db: Session) -> None:
    clinic = brought_in(db, content_of("S"))
    assert begin_plans(db, clinic.coordinator, clinic.now) == 6
    assert begin_plans(db, clinic.coordinator, clinic.now) == 0
    drafts = [Answers.from_json(answers) for answers in db.scalars(select(PlanDraft.answers).order_by(PlanDraft.id))]
    assert [draft.earliest_day for draft in drafts] == [patient.earliest for patient in clinic.instance.patients]
    assert all(draft.therapist_ids is not None and len(draft.therapist_ids) == 3 for draft in drafts)
    assert drafts[3].modes[0] == "telehealth"


def test_a_course_that_is_not_whole_any_more_is_told_as_unplanned(db: Session) -> None:
    clinic = brought_in(db, content_of("a04-weekend-window"))
    plan_everyone(db, clinic.coordinator, clinic.now)
    session = db.scalars(select(Appointment).where(Appointment.serves_id.is_not(None))).first()
    assert session is not None
    session.become(AppointmentStatus.CANCELLED, clinic.now + timedelta(hours=1))
    db.flush()
    plan = plan_to_json(db, clinic.coordinator, clinic.now)
    assert plan["appointments"] == []
    assert plan["unplanned"] == [{"patient": "p1", "reasons": [CHANGED]}]


def test_a_clinic_that_came_from_no_instance_has_no_plan_in_its_terms(db: Session) -> None:
    cast = make_cast(db)
    with pytest.raises(FieldError, match="came from no planning instance"):
        plan_to_json(db, cast.principals["coordinator"], cast.accounts["coordinator"].created_at)
