"""What the database refuses has the same name on both engines."""

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.statuses import CourseStatus
from planner.store.integrity import is_overlap, violated
from planner.store.records import Account, Course, IdempotencyKey, Patient
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic


@pytest.fixture
def clinic(db: Session) -> SmallClinic:
    return make_small_clinic(db)


def refusal(db: Session, statement: object, times: int = 2) -> str:
    with pytest.raises(IntegrityError) as error, db.begin_nested():
        for _ in range(times):
            db.execute(statement)  # type: ignore[call-overload]
    assert not is_overlap(error.value)
    return violated(error.value)


def test_a_second_open_course_is_named(db: Session, clinic: SmallClinic) -> None:
    course = insert(Course).values(
        patient_id=clinic.patients[0].id, protocol_version_id=clinic.version_id, site_id=clinic.site_id,
        status=CourseStatus.ACTIVE, created_at=NOW,
    )  # fmt: skip
    assert refusal(db, course) == "uq_course_open_patient"


@pytest.mark.parametrize("status", [CourseStatus.COMPLETED, CourseStatus.REVOKED])
def test_courses_that_are_over_are_no_obstacle(db: Session, clinic: SmallClinic, status: CourseStatus) -> None:
    values = {"patient_id": clinic.patients[0].id, "protocol_version_id": clinic.version_id, "site_id": clinic.site_id}
    for word in (status, status, CourseStatus.ACTIVE):
        db.execute(insert(Course).values(status=word, created_at=NOW, **values))


def test_a_request_sent_twice_is_named(db: Session, clinic: SmallClinic) -> None:
    key = insert(IdempotencyKey).values(
        account_id=clinic.account_id, key="k" * 16, route="x", body_hash="x", created_at=NOW
    )
    assert refusal(db, key) == "pk_idempotency_key"


def test_an_address_that_is_taken_is_named(db: Session) -> None:
    account = insert(Account).values(
        email="a@example.test", email_key="a@example.test", password_hash="!", name="Test", created_at=NOW
    )
    assert refusal(db, account) == "uq_account_email_key"


def test_a_patients_code_that_is_taken_is_named(db: Session, clinic: SmallClinic) -> None:
    taken = db.get_one(Patient, clinic.patients[0].id).code
    assert (
        refusal(
            db, text("UPDATE patient SET code = :code WHERE id = :id").bindparams(
                code=taken, id=clinic.patients[1].id
            ), times=1,
        )
        == "uq_patient_code"
    )  # fmt: skip


def test_a_check_is_named(db: Session, clinic: SmallClinic) -> None:
    wrong = text("UPDATE patient SET preferred_from_minute = 2000 WHERE id = :id")
    assert refusal(db, wrong.bindparams(id=clinic.patients[0].id), times=1) == "ck_patient_preferred"


def test_a_missing_parent_is_not_taken_for_something_else(db: Session, clinic: SmallClinic) -> None:
    wrong = text("UPDATE patient SET site_id = 0 WHERE id = :id").bindparams(id=clinic.patients[0].id)
    assert refusal(db, wrong, times=1) in {"fk_patient_site_id_site", "FOREIGN KEY constraint failed"}
