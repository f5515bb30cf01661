"""The whole wizard: five steps, each kept, and a booked course at the end."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.statuses import CourseStatus
from planner.store.records import Appointment, Course
from tests.support.cast import Cast
from tests.web.planning.wizard import Wizard


def test_five_steps_lead_to_a_booked_course(wizard: Wizard, db: Session, cast: Cast) -> None:
    wizard.to(5)
    answer = wizard.send(5, {"agree": "y"})
    assert answer.status_code == 303, answer.text
    db.expire_all()
    course = db.scalars(select(Course)).one()
    assert answer.location == f"/courses/{course.id}"
    assert (course.patient_id, course.status) == (cast.patients["alder"].id, CourseStatus.ACTIVE)
    assert len(db.scalars(select(Appointment)).all()) >= 14
