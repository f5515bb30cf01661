"""Whose reads of a week are worth a question: no appointment, no course, no site; refused; very many in an hour."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.errors import NotPermitted
from planner.domain.reads import CARE_AROUND, CHARTS_AN_HOUR
from planner.domain.statuses import AppointmentKind
from planner.services import auditing
from planner.store.queries.read_reviews import ReadReview, read_reviews
from planner.store.records import AccountSite, Patient
from tests import builders
from tests.support.cast import NOW, Cast, make_cast

SINCE, UNTIL = NOW - timedelta(days=2), NOW + timedelta(days=5)
Look = Callable[..., None]


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


@pytest.fixture
def look(db: Session, cast: Cast) -> Look:
    def at(who: str, patient: Patient, when: datetime = NOW, outcome: str = "ok", action: str = "patient.read") -> None:
        auditing.record(
            db, cast.principals[who], action=action, object_type="patient", object_id=patient.id,
            patient_id=patient.id, now=when, outcome=outcome,
        )  # fmt: skip

    return at


def reviews(db: Session, cast: Cast) -> dict[str, ReadReview]:
    return {line.name: line for line in read_reviews(db, cast.principals["admin"], SINCE, UNTIL)}


def test_only_an_admin_may_look_reads_over(db: Session, cast: Cast) -> None:
    for who in ("coordinator", "nurse", "patient"):
        with pytest.raises(NotPermitted):
            read_reviews(db, cast.principals[who], SINCE, UNTIL)


def test_each_record_counts_once_and_lists_and_changes_not_at_all(db: Session, cast: Cast, look: Look) -> None:
    alder, birch = cast.patients["alder"], cast.patients["birch"]
    for patient, action in ((alder, "patient.read"), (alder, "course.read"), (birch, "appointment.read")):
        look("nurse", patient, action=action)
    look("nurse", cast.patients["cedar"], action="patient.change")
    auditing.record(db, cast.principals["nurse"], action="list.read", object_type="patients", object_id=None, now=NOW)
    look("nurse", cast.patients["cedar"], SINCE - timedelta(seconds=1))
    look("nurse", cast.patients["cedar"], UNTIL)
    look("patient-two", alder, outcome="refused")
    (line,) = read_reviews(db, cast.principals["admin"], SINCE, UNTIL)
    assert (line.name, line.charts, line.refused, line.most_in_an_hour) == ("Test Nurse", 2, 0, 2)
    assert not line.is_to_look_at


def test_a_site_of_theirs_is_a_relation_and_no_care(db: Session, cast: Cast, look: Look) -> None:
    look("coordinator", cast.patients["alder"])
    look("coordinator", cast.patients["cedar"])  # of South
    line = reviews(db, cast)["Test Coordinator"]
    assert (line.charts, line.not_in_care, line.unrelated) == (2, 2, 1)
    assert line.is_to_look_at
    db.add(AccountSite(account_id=cast.accounts["coordinator"].id, site_id=cast.south.id))
    db.flush()
    line = reviews(db, cast)["Test Coordinator"]
    assert (line.not_in_care, line.unrelated, line.is_to_look_at) == (2, 0, False)


def test_a_patient_s_own_therapist_cares_for_them(db: Session, cast: Cast, look: Look) -> None:
    look("therapist", cast.patients["alder"])
    look("therapist", cast.patients["birch"])
    line = reviews(db, cast)["Test Therapist"]
    assert (line.charts, line.not_in_care) == (2, 1)


@pytest.mark.parametrize(
    ("away", "cares"),
    [
        (timedelta(), True),
        (CARE_AROUND - timedelta(days=3), True),
        (timedelta(days=1) - CARE_AROUND, True),
        (CARE_AROUND + timedelta(days=6), False),
        (timedelta(days=-3) - CARE_AROUND, False),
    ],
)
def test_an_appointment_around_the_week_is_a_relation(
    db: Session, cast: Cast, look: Look, away: timedelta, *, cares: bool
) -> None:
    """Somebody from North who sat with a patient of South."""
    cedar = cast.patients["cedar"]
    builders.appointment(
        db, cedar, NOW + away, 50, kind=AppointmentKind.INTEGRATION, therapist=cast.people["therapist"], now=NOW
    )
    look("therapist", cedar)
    line = reviews(db, cast)["Test Therapist"]
    assert (line.not_in_care, line.unrelated) == ((0, 0) if cares else (1, 1))


def test_refused_reads_are_counted_by_record(db: Session, cast: Cast, look: Look) -> None:
    for minutes in (0, 10, 20):
        look("therapist", cast.patients["birch"], NOW + timedelta(minutes=minutes), outcome="refused")
    look("admin", cast.patients["alder"], outcome="refused")
    found = reviews(db, cast)
    assert {name: (line.charts, line.refused) for name, line in found.items()} == {
        "Test Therapist": (0, 1), "Test Admin": (0, 1),
    }  # fmt: skip
    assert all(line.is_to_look_at for line in found.values())


@pytest.mark.parametrize(("charts", "asked"), [(CHARTS_AN_HOUR, False), (CHARTS_AN_HOUR + 1, True)])
def test_very_many_in_an_hour_are_asked_about(db: Session, cast: Cast, look: Look, charts: int, *, asked: bool) -> None:
    patients = [builders.patient(db, cast.north, now=NOW) for _ in range(charts)]
    for number, patient in enumerate(patients):
        look("coordinator", patient, NOW + timedelta(seconds=number * 60))
    line = reviews(db, cast)["Test Coordinator"]
    assert (line.charts, line.most_in_an_hour, line.is_to_look_at) == (charts, charts, asked)
