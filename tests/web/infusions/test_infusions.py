"""One infusion: its page, arriving, cancelling, recording the dose, and finding a session for it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentStatus
from planner.services.status_changes import cancel
from planner.store.records import Appointment, Encounter
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast, Clock
from tests.support.strict_client import Page, StrictClient
from tests.web.stage import wall_of, words_of

SignIn = Callable[[str], StrictClient]


def at_the_visit(booked: BookedCourse, clock: Clock, number: int = 1, **after: float) -> None:
    """Let time pass until so long after the visit began."""
    clock.now = booked.infusion(number).starts_at + timedelta(**after)


def test_the_page_of_an_infusion(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(2)
    page = coordinator.page(f"/infusions/{row.id}")
    assert page.headings == ["Infusion 2 for P-101"]
    assert "Clinic window open" in page.words and "Integration session 2" in page.words
    assert {f"/infusions/{row.id}/move", f"/infusions/{row.id}/cancel"} <= set(page.links)


@pytest.mark.parametrize(
    ("who", "reads", "changes", "marks"),
    [("nurse", 200, 404, 200), ("prescriber", 200, 404, 404), ("therapist", 200, 404, 404),
     ("coordinator-south", 404, 404, 404), ("admin", 404, 404, 404), ("patient", 404, 404, 404)],
)  # fmt: skip
def test_who_may_open_what(
    sign_in: SignIn, booked: BookedCourse, who: str, reads: int, changes: int, marks: int
) -> None:
    client, path = sign_in(who), f"/infusions/{booked.infusion(2).id}"
    assert client.get(path).status_code == reads
    assert {client.get(path + act).status_code for act in ("/move", "/cancel", "/session")} == {changes}
    assert client.get(path + "/dose").status_code == marks


def test_a_nurse_marks_an_arrival_once(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    row = booked.infusion(1)
    at_the_visit(booked, clock, minutes=-5)
    nurse = sign_in("nurse")
    page = nurse.page(f"/infusions/{row.id}")
    answers = [nurse.submit(page, f"/infusions/{row.id}/arrive") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    row = booked.infusion(1)
    assert (row.status, row.version) == (AppointmentStatus.ARRIVED, 2)


def test_an_arrival_from_an_old_page_shows_how_it_is_now(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    row = booked.infusion(1)
    at_the_visit(booked, clock, minutes=-5)
    nurse = sign_in("nurse")
    stale = nurse.page(f"/infusions/{row.id}")
    assert nurse.submit(nurse.page(f"/infusions/{row.id}"), f"/infusions/{row.id}/arrive").status_code == 303
    late = nurse.submit(stale, f"/infusions/{row.id}/arrive")
    assert late.status_code == 409
    assert "was changed by somebody else" in words_of(late)
    assert "Arrived" in words_of(late)


@pytest.mark.parametrize("follow", ["slide", "drop"])
def test_cancelling_shows_what_becomes_of_the_series_first(
    coordinator: StrictClient, booked: BookedCourse, follow: str
) -> None:
    path, before = f"/infusions/{booked.infusion(3).id}/cancel", booked.facts()
    typed = {"outcome": "cancelled", "follow": follow, "reason": "A made-up reason"}
    seen = coordinator.submit(coordinator.page(path), path, typed)
    assert seen.status_code == 200
    assert "now infusion 3" in words_of(seen)
    assert ("New: infusion 6" in words_of(seen)) is (follow == "slide")
    assert booked.facts() == before
    done = coordinator.submit(Page(seen.text), path + "/apply")
    assert (done.status_code, done.location) == (303, f"/courses/{booked.course.id}")
    lost = next(row for row in booked.rows() if f"/infusions/{row.id}/cancel" == path)
    assert (lost.status, lost.reason) == (AppointmentStatus.CANCELLED, "A made-up reason")
    course = coordinator.page(done.location)
    undo = next(form["action"] for form in course.forms if form["action"].endswith("/undo"))
    coordinator.submit(course, undo)
    assert booked.facts() == before


def test_nobody_stays_away_from_what_has_not_begun(coordinator: StrictClient, booked: BookedCourse) -> None:
    path = f"/infusions/{booked.infusion(3).id}/cancel"
    refused = coordinator.send(path, {"outcome": "noshow", "follow": "slide", "reason": "typed & kept"})
    assert refused.status_code == 422
    assert "has not begun yet" in words_of(refused)
    assert 'value="typed &amp; kept"' in refused.text


@pytest.mark.parametrize("reason", ["x" * 10_000, "two\nlines", "a\x07bell"])
def test_a_reason_that_cannot_be_kept_is_refused_at_the_field(
    coordinator: StrictClient, booked: BookedCourse, reason: str
) -> None:
    path = f"/infusions/{booked.infusion(3).id}/cancel"
    refused = coordinator.send(path, {"outcome": "cancelled", "follow": "slide", "reason": reason})
    assert refused.status_code == 422
    assert 'id="reason-error"' in refused.text


def test_a_late_dose_moves_its_window_and_is_recorded(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    row = booked.infusion(1)
    at_the_visit(booked, clock, hours=3)
    nurse = sign_in("nurse")
    path = f"/infusions/{row.id}/dose"
    end = wall_of(row) + timedelta(hours=2)
    seen = nurse.submit(nurse.page(path), path, {"end_time": end.strftime("%H:%M")})
    assert seen.status_code == 200
    assert "its window counts from then" in words_of(seen)
    done = nurse.submit(Page(seen.text), path + "/apply")
    assert done.status_code == 303
    assert booked.infusion(1).status is AppointmentStatus.FULFILLED
    encounter = booked.db.query(Encounter).filter_by(appointment_id=row.id).one()
    assert encounter.dose_ended_at == row.starts_at + timedelta(hours=2)
    assert f"Dose ended {end:%H:%M} (recorded)" in words_of(nurse.get(f"/infusions/{row.id}"))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"end_time": "00:01"}, "A dose ends after it starts."),
        ({"end_time": "23:59"}, "That is in the future."),
        ({"end_time": ""}, "Enter a time from 00:00 to 23:59"),
        ({"start_day": "2020-01-01"}, "Check-in was on Mon 9 Mar 2026 at"),
        ({"start_time": "00:10", "end_time": "00:50"}, "Enter a day and time from then on."),
        ({"start_time": "23:58", "end_time": "23:59"}, "Record a dose when it has been given."),
    ],
)
def test_dose_times_that_cannot_be(
    sign_in: SignIn, booked: BookedCourse, clock: Clock, typed: dict[str, str], sentence: str
) -> None:
    at_the_visit(booked, clock, hours=3)
    nurse, path = sign_in("nurse"), f"/infusions/{booked.infusion(1).id}/dose"
    refused = nurse.submit(nurse.page(path), path, typed)
    assert refused.status_code == 422
    assert sentence in words_of(refused)


def test_a_dose_that_ends_on_another_day_is_a_slip(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    at_the_visit(booked, clock, hours=30)
    nurse, path = sign_in("nurse"), f"/infusions/{booked.infusion(1).id}/dose"
    next_day = (wall_of(booked.infusion(1)) + timedelta(days=1)).date().isoformat()
    refused = nurse.submit(nurse.page(path), path, {"end_day": next_day})
    assert refused.status_code == 422
    assert "That is not the day of the visit. Check the date." in words_of(refused)


def dose_on(row: Appointment, started: timedelta, ended: timedelta) -> dict[str, str]:
    """What the form sends for a dose so long after check-in."""
    began, end = wall_of(row) + started, wall_of(row) + ended
    return {
        "start_day": f"{began:%Y-%m-%d}", "start_time": f"{began:%H:%M}",
        "end_day": f"{end:%Y-%m-%d}", "end_time": f"{end:%H:%M}",
    }  # fmt: skip


def test_a_dose_begins_when_the_patient_is_here_and_not_before(
    sign_in: SignIn, booked: BookedCourse, clock: Clock
) -> None:
    row, nurse = booked.infusion(1), sign_in("nurse")
    path, early, hour = f"/infusions/{row.id}/dose", timedelta(minutes=-10), timedelta(hours=1)
    at_the_visit(booked, clock, hours=3)
    nurse = sign_in("nurse")
    refused = nurse.submit(nurse.page(path), path, dose_on(row, early, hour))
    assert refused.status_code == 422
    assert 'id="start_time-error"' in refused.text
    assert f"at {wall_of(row):%H:%M}. Enter a day and time from then on." in words_of(refused)
    assert nurse.submit(nurse.page(path), path, dose_on(row, timedelta(), hour)).status_code == 200


def test_a_patient_who_came_early_may_get_the_dose_early(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    row = booked.infusion(1)
    at_the_visit(booked, clock, minutes=-20, seconds=30)
    nurse, path, hour = sign_in("nurse"), f"/infusions/{row.id}/dose", timedelta(hours=1)
    assert nurse.submit(nurse.page(f"/infusions/{row.id}"), f"/infusions/{row.id}/arrive").status_code == 303
    at_the_visit(booked, clock, hours=3)
    nurse = sign_in("nurse")
    refused = nurse.submit(nurse.page(path), path, dose_on(row, timedelta(minutes=-21), hour))
    assert refused.status_code == 422
    assert "The patient arrived on" in words_of(refused)
    assert nurse.submit(nurse.page(path), path, dose_on(row, timedelta(minutes=-20), hour)).status_code == 200


def test_an_arrival_marked_late_keeps_no_true_dose_out(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    row = booked.infusion(1)
    at_the_visit(booked, clock, minutes=40)
    nurse, path = sign_in("nurse"), f"/infusions/{row.id}/dose"
    assert nurse.submit(nurse.page(f"/infusions/{row.id}"), f"/infusions/{row.id}/arrive").status_code == 303
    at_the_visit(booked, clock, hours=3)
    nurse = sign_in("nurse")
    typed = dose_on(row, timedelta(minutes=30), timedelta(hours=1))
    assert nurse.submit(nurse.page(path), path, typed).status_code == 200


def test_a_session_is_found_for_an_infusion_that_lost_its_own(
    coordinator: StrictClient, booked: BookedCourse, db: Session, cast: Cast
) -> None:
    row, session = booked.infusion(2), booked.session(2)
    cancel(db, cast.principals["coordinator"], session.id, seen_version=session.version, now=NOW)
    db.commit()
    path = f"/infusions/{row.id}/session"
    assert path in coordinator.page("/today").links
    page = coordinator.page(path)
    assert "New: integration session 2" in page.words
    done = coordinator.submit(page, path + "/apply")
    assert (done.status_code, done.location) == (303, f"/courses/{booked.course.id}")
    assert [row.status for row in booked.rows() if row.serves_id == booked.infusion(2).id].count(
        AppointmentStatus.BOOKED
    ) == 1
    assert path not in coordinator.page("/today").links
