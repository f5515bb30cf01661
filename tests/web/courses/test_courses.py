"""The list of courses, the page of one, its dates and its history."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from planner.services.status_changes import cancel
from tests.support.booked_course import BookedCourse, book_course_for, counted_queries
from tests.support.cast import NOW, Cast
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]


def test_an_empty_list_says_how_courses_get_here(coordinator: StrictClient) -> None:
    page = coordinator.page("/courses")
    assert "No courses yet" in page.words
    assert "/courses/new" in page.links


def test_the_list_names_patient_protocol_and_what_is_next(coordinator: StrictClient, booked: BookedCourse) -> None:
    page = coordinator.page("/courses")
    assert f"/courses/{booked.course.id}" in page.links
    for words in ("P-101", "Test Patient Alder", "0 of 6", "Active"):
        assert words in page.words


def test_the_filter_hides_what_has_another_status(coordinator: StrictClient, booked: BookedCourse) -> None:
    page = coordinator.page("/courses?show=completed")
    assert f"/courses/{booked.course.id}" not in page.links
    assert "Clear the filter" in page.words


@pytest.mark.parametrize("asked", ["show=made-up", "site=x&therapist=-1", "site=9999999999"])
def test_a_filter_that_makes_no_sense_is_no_fault(coordinator: StrictClient, booked: BookedCourse, asked: str) -> None:
    page = coordinator.page(f"/courses?{asked}")
    assert f"/courses/{booked.course.id}" in page.links
    assert "Clear the filter" not in page.words


def test_a_course_shows_policy_windows_dates_and_ways_on(coordinator: StrictClient, booked: BookedCourse) -> None:
    page = coordinator.page(f"/courses/{booked.course.id}")
    words = " ".join(page.words.split())
    assert "P-101 Test Patient Alder" in page.headings[0]
    assert "Clinic window: 12 to 72 h after dosing (preferred 18 to 48 h)" in words
    assert words.count("Clinic window open") >= 6
    assert "1 of 1 integration session is inside" in words
    assert "in the preferred time" in words
    for number in range(1, 7):
        assert f"/infusions/{booked.infusion(number).id}/move" in page.links
        assert f"/integration/{booked.session(number).id}/move" in page.links
    assert "Proposed booster 1" in words


def test_a_dose_that_lost_its_session_is_said_with_a_way_out(
    coordinator: StrictClient, booked: BookedCourse, db: Session, cast: Cast
) -> None:
    session = booked.session(2)
    cancel(db, cast.principals["coordinator"], session.id, seen_version=session.version, now=NOW)
    db.commit()
    page = coordinator.page(f"/courses/{booked.course.id}")
    assert "Infusion 2 has no integration session." in page.words
    assert f"/infusions/{booked.infusion(2).id}/session" in page.links


def test_the_printed_dates_leave_cancelled_ones_out(
    coordinator: StrictClient, booked: BookedCourse, db: Session, cast: Cast
) -> None:
    session = booked.session(2)
    cancel(db, cast.principals["coordinator"], session.id, seen_version=session.version, now=NOW)
    db.commit()
    words = coordinator.page(f"/courses/{booked.course.id}/dates").words
    assert "Infusion 6" in words and "Integration session 3" in words
    assert "Cancelled" not in words


def test_the_history_says_who_did_what(
    coordinator: StrictClient, booked: BookedCourse, db: Session, cast: Cast
) -> None:
    session = booked.session(2)
    cancel(db, cast.principals["coordinator"], session.id, seen_version=session.version, now=NOW)
    db.commit()
    words = " ".join(coordinator.page(f"/courses/{booked.course.id}/changes").words.split())
    assert "Booked the course" in words and "Test Coordinator, coordinator" in words
    assert "booked → cancelled" in words


@pytest.mark.parametrize(
    ("who", "status"),
    [("nurse", 200), ("prescriber", 200), ("therapist", 200), ("coordinator-south", 404), ("admin", 404),
     ("patient", 404), ("patient-two", 404)],
)  # fmt: skip
def test_who_may_open_a_course(sign_in: SignIn, booked: BookedCourse, who: str, status: int) -> None:
    client = sign_in(who)
    found = {client.get(f"/courses/{booked.course.id}{path}").status_code for path in ("", "/dates", "/changes")}
    assert found == {status}


def test_a_course_that_does_not_exist_is_not_there(coordinator: StrictClient) -> None:
    assert coordinator.get("/courses/999999999").status_code == 404


@pytest.mark.parametrize("path", ["/courses", "/today", "/patients"])
def test_more_rows_take_no_more_queries(
    coordinator: StrictClient, booked: BookedCourse, db: Session, cast: Cast, path: str
) -> None:
    coordinator.page(path)
    with counted_queries(db) as before:
        coordinator.page(path)
    book_course_for(db, cast, "birch", at_work=booked.at_work)
    with counted_queries(db) as after:
        coordinator.page(path)
    assert len(after) == len(before) > 0


def test_a_course_with_fewer_dates_takes_as_many_queries(
    coordinator: StrictClient, booked: BookedCourse, db: Session, cast: Cast
) -> None:
    path = f"/courses/{booked.course.id}"
    coordinator.page(path)
    with counted_queries(db) as before:
        coordinator.page(path)
    for number in (3, 4, 5):
        row = booked.session(number)
        cancel(db, cast.principals["coordinator"], row.id, seen_version=row.version, now=NOW)
    db.commit()
    with counted_queries(db) as after:
        coordinator.page(path)
    assert len(after) == len(before) > 0
