"""A coordinator signs in, plans six infusions with their sessions against a real roster, and books all of them."""

import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.app import create_app
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.store.engine import Store
from planner.store.records import Appointment, Course, Hold, Occupancy
from tests.support.cast import NOW, PASSWORD, Cast, Clock, make_cast
from tests.support.planning_clinic import put_to_work
from tests.support.strict_client import StrictClient
from tests.web.conftest import SETTINGS
from tests.web.planning.wizard import Wizard

#: The shipped protocol's default window, in hours after the end of the dose, and where the dose ends in the visit.
OPENS_H, CLOSES_H, DOSE_ENDS_MIN = 12, 72, 70


def signed_in(store: Store, clock: Clock) -> StrictClient:
    """A browser that came in through the sign-in page."""
    app = create_app(SETTINGS, clock=clock, store=store)
    app.test_client_class = StrictClient
    client: Any = app.test_client()
    typed = {"email": "coordinator@clinic.example", "password": PASSWORD}
    assert client.submit(client.page("/sign-in"), "/sign-in", typed).status_code == 303
    return client  # type: ignore[no-any-return]


def opened_clinic(store: Store) -> tuple[int, int]:
    """The cast at work; the ids of patient Alder and of the twice-weekly protocol."""
    with store.writing() as db:
        cast: Cast = make_cast(db)
        work = put_to_work(db, cast)
        return cast.patients["alder"].id, work.twice_weekly.id


def test_a_coordinator_plans_six_infusions_and_books_them_in_one_step(fresh_store: Store) -> None:
    patient_id, version_id = opened_clinic(fresh_store)
    client = signed_in(fresh_store, Clock(NOW))
    wizard = Wizard(client, patient_id, version_id).to(4)
    chosen = wizard.page(4)
    assert "Suggested" in chosen.words
    assert wizard.send(4, page=chosen).location == wizard.url("4/dates")
    move_infusion_two(wizard)
    assert wizard.send("4/dates").location == wizard.url(5)
    answer = wizard.send(5, {"agree": "y"})
    assert answer.status_code == 303, answer.text
    with fresh_store.reading() as db:
        check_course(db, answer.location or "", patient_id)


def move_infusion_two(wizard: Wizard) -> None:
    """Take another day for infusion 2, its session with it."""
    place = wizard.send("4/dates", {"other": "4"}).location or ""
    text = wizard.client.get(place).text
    offers = re.findall(r'name="time" id="time-\d+" value="(\d+)"', text)
    assert len(offers) > 1
    assert wizard.client.submit(wizard.client.page(place), place, {"time": offers[-1]}).status_code == 303


def check_course(db: Session, location: str, patient_id: int) -> None:
    """Every appointment is there once, each session inside its window, and the occupancy free of overlaps."""
    [course] = db.scalars(select(Course)).all()
    assert location == f"/courses/{course.id}"
    rows = db.scalars(select(Appointment).order_by(Appointment.starts_at)).all()
    booked = [row for row in rows if row.status is AppointmentStatus.BOOKED]
    assert {row.patient_id for row in rows} == {patient_id}
    kinds = [row.kind for row in booked]
    assert kinds.count(AppointmentKind.INFUSION) == kinds.count(AppointmentKind.INTEGRATION) == 6
    assert kinds.count(AppointmentKind.PREPARATION) == kinds.count(AppointmentKind.CONSOLIDATION) == 1
    infusions = [row for row in booked if row.kind is AppointmentKind.INFUSION]
    assert [row.number for row in infusions] == [1, 2, 3, 4, 5, 6]
    following = dict(zip([row.id for row in infusions], [row.starts_at for row in infusions[1:]], strict=False))
    for infusion in infusions:
        [session] = [row for row in booked if row.serves_id == infusion.id]
        check_session(session, infusion, following.get(infusion.id))
    assert booked[0].kind is AppointmentKind.PREPARATION
    assert all(row.uid and row.sequence == 0 for row in rows)
    check_occupancy(db, booked)


def check_session(session: Appointment, infusion: Appointment, next_check_in: datetime | None) -> None:
    """Inside the clinic's window, and over two hours before the next check-in."""
    dose_end = infusion.starts_at + timedelta(minutes=DOSE_ENDS_MIN)
    assert timedelta(hours=OPENS_H) <= session.starts_at - dose_end <= timedelta(hours=CLOSES_H)
    assert next_check_in is None or session.ends_at <= next_check_in - timedelta(hours=2)


def check_occupancy(db: Session, booked: list[Appointment]) -> None:
    """Each appointment holds its patient, its people and its things; nobody and nothing is held twice."""
    held = db.scalars(select(Occupancy).order_by(Occupancy.holdable_id, Occupancy.starts_at)).all()
    assert db.scalars(select(Hold)).all() == []
    assert {row.appointment_id for row in held} == {row.id for row in booked}
    for row in booked:
        # A dose: patient, chair, nurse's place. A session: patient, therapist, and a room unless it is by video.
        mine = {claim.holdable_id for claim in held if claim.appointment_id == row.id}
        assert len(mine) == (3 if row.chair_id or row.room_id else 2)
    for one, other in pairwise(held):
        assert one.holdable_id != other.holdable_id or one.ends_at <= other.starts_at
