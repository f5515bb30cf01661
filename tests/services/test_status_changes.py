"""Single appointments and courses change status by the table, with the version that was seen."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import Rule
from planner.domain.errors import NotFound, Refused, StaleVersion
from planner.domain.statuses import HOLDING, AppointmentStatus, CourseStatus, may_become
from planner.scheduling.decisions import LineKind
from planner.services.status_changes import (
    arrive,
    cancel,
    change_course_status,
    change_status,
    complete_course,
    fulfil,
    mark_entered_in_error,
    mark_no_show,
)
from planner.store.occupying import held_by
from planner.store.records import AuditEntry
from tests.services.booked import LATER, Booked, booked_course

VERBS = {
    arrive: AppointmentStatus.ARRIVED,
    fulfil: AppointmentStatus.FULFILLED,
    cancel: AppointmentStatus.CANCELLED,
    mark_no_show: AppointmentStatus.NOSHOW,
    mark_entered_in_error: AppointmentStatus.ENTERED_IN_ERROR,
}


@pytest.fixture
def booked(db: Session) -> Booked:
    return booked_course(db)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_each_verb_leads_to_its_status_and_keeps_or_gives_back_the_time(booked: Booked, verb: object) -> None:
    row = booked.dose(1)
    change_set = verb(booked.db, booked.clinic.coordinator, row.id, seen_version=1, now=LATER)  # type: ignore[operator]
    status = VERBS[verb]  # type: ignore[index]
    assert (row.status, row.version) == (status, 2)
    assert bool(held_by(booked.db, [row.id])) == (status in HOLDING)
    assert change_set.kind == f"appointment.{status}"
    entry = booked.db.scalars(select(AuditEntry).where(AuditEntry.change_set_id == change_set.id)).one()
    assert entry.detail == {"appointment_id": row.id}


@pytest.mark.parametrize("first", [AppointmentStatus.ARRIVED, AppointmentStatus.CANCELLED, AppointmentStatus.FULFILLED])
@pytest.mark.parametrize("then", list(AppointmentStatus))
def test_the_table_decides(booked: Booked, first: AppointmentStatus, then: AppointmentStatus) -> None:
    row, who = booked.dose(1), booked.clinic.coordinator
    change_status(booked.db, who, appointment_id=row.id, status=first, seen_version=1, now=LATER)
    if may_become(first, then):
        change_status(booked.db, who, appointment_id=row.id, status=then, seen_version=2, now=LATER)
        assert row.status is then
        return
    with pytest.raises(Refused) as refusal:
        change_status(booked.db, who, appointment_id=row.id, status=then, seen_version=2, now=LATER)
    assert [conflict.rule for conflict in refusal.value.conflicts] == [Rule.STATUS]
    booked.db.refresh(row)
    assert (row.status, row.version) == (first, 2)


def test_the_same_mark_twice_is_stale_the_second_time(booked: Booked) -> None:
    cancel(booked.db, booked.clinic.coordinator, booked.dose(1).id, seen_version=1, now=LATER)
    with pytest.raises(StaleVersion):
        cancel(booked.db, booked.clinic.coordinator, booked.dose(1).id, seen_version=1, now=LATER)


def test_a_reason_is_kept_and_cut_where_the_column_ends(booked: Booked) -> None:
    row = booked.dose(1)
    cancel(booked.db, booked.clinic.coordinator, row.id, seen_version=1, now=LATER, reason="x" * 10_000)
    booked.db.refresh(row)
    assert len(row.reason) == 200


def test_what_is_not_there_is_not_found(booked: Booked) -> None:
    with pytest.raises(NotFound):
        cancel(booked.db, booked.clinic.coordinator, 0, seen_version=1, now=LATER)
    with pytest.raises(NotFound):
        complete_course(booked.db, booked.clinic.coordinator, 0, seen_version=1, now=LATER)


def test_a_course_with_appointments_to_come_is_not_complete(booked: Booked) -> None:
    with pytest.raises(Refused, match="6 open appointments"):
        complete_course(booked.db, booked.clinic.coordinator, booked.course.id, seen_version=1, now=LATER)
    booked.db.refresh(booked.course)
    assert booked.course.status is CourseStatus.ACTIVE


def test_a_finished_course_is_completed(booked: Booked) -> None:
    booked.apply([booked.line(LineKind.MARKED, row, status=AppointmentStatus.FULFILLED) for row in booked.all()])
    complete_course(booked.db, booked.clinic.coordinator, booked.course.id, seen_version=1, now=LATER)
    assert (booked.course.status, booked.course.version) == (CourseStatus.COMPLETED, 2)


def test_a_course_pauses_and_goes_on(booked: Booked) -> None:
    who = booked.clinic.coordinator
    for seen, status in ((1, CourseStatus.ON_HOLD), (2, CourseStatus.ACTIVE)):
        change_course_status(booked.db, who, course_id=booked.course.id, status=status, seen_version=seen, now=LATER)
        assert booked.course.status is status
    with pytest.raises(StaleVersion, match="This course"):
        change_course_status(
            booked.db, who, course_id=booked.course.id, status=CourseStatus.ON_HOLD, seen_version=1, now=LATER
        )
