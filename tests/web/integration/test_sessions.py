"""One therapy session: its page, moving it in and out of its window, cancelling, marking it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Clock
from tests.support.strict_client import Page, StrictClient
from tests.web.stage import ask_for, wall_of, words_of

SignIn = Callable[[str], StrictClient]
DAY = timedelta(days=1)


def whose(booked: BookedCourse, number: int) -> str:
    """Which of the cast holds a session."""
    therapist_id = booked.session(number).therapist_id
    return next(who for who, person in booked.cast.people.items() if person.id == therapist_id)


def test_the_page_of_a_session(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.session(2)
    page = coordinator.page(f"/integration/{row.id}")
    assert page.headings == ["Integration session 2 for P-101"]
    assert "Window after infusion 2" in page.words and "h after" in page.words


def test_preparation_and_consolidation_have_pages_too(coordinator: StrictClient, booked: BookedCourse) -> None:
    for row in booked.rows():
        if row.kind in (AppointmentKind.PREPARATION, AppointmentKind.CONSOLIDATION):
            assert f"{row.kind.capitalize()} session" in coordinator.page(f"/integration/{row.id}").words
            movable = row.status is AppointmentStatus.BOOKED and row.starts_at > NOW
            assert coordinator.get(f"/integration/{row.id}/move").status_code == (200 if movable else 303)


def test_therapists_move_their_own_session_to_an_offered_time(sign_in: SignIn, booked: BookedCourse) -> None:
    row, therapist = booked.session(1), sign_in(whose(booked, 1))
    path = f"/integration/{row.id}/move"
    markup = therapist.get(path).text
    start = markup.split('name="start" id="start-0" value="')[1].split('"')[0]
    preview = Page(therapist.submit(Page(markup), path, {"start": start}).text)
    done = therapist.submit(preview, path + "/apply")
    assert (done.status_code, done.location) == (303, f"/courses/{booked.course.id}")
    moved = booked.session(1)
    assert (moved.id, moved.uid) == (row.id, row.uid)
    page = therapist.page(done.location)
    undo = next(form["action"] for form in page.forms if form["action"].endswith("/undo"))
    assert therapist.submit(page, undo).status_code == 303


@pytest.mark.parametrize("who", ["nurse", "prescriber", "coordinator-south", "admin", "patient"])
def test_nobody_else_moves_it(sign_in: SignIn, booked: BookedCourse, who: str) -> None:
    client, path = sign_in(who), f"/integration/{booked.session(1).id}/move"
    assert client.get(path).status_code == 404
    assert client.send(path, {"start": "2026-03-20T15:00Z"}).status_code in (403, 404)
    assert client.send(path + "/apply", {"start": "2026-03-20T15:00Z"}).status_code in (403, 404)


def test_a_therapist_does_not_move_a_colleagues_session(sign_in: SignIn, booked: BookedCourse) -> None:
    other = "therapist" if whose(booked, 1) == "therapist-two" else "therapist-two"
    assert sign_in(other).get(f"/integration/{booked.session(1).id}/move").status_code == 404


def outside(booked: BookedCourse) -> tuple[str, dict[str, str]]:
    """The last session, moved to where its window has closed but its own therapist still works."""
    row = booked.session(6)
    wall = wall_of(row) + 5 * DAY
    while wall.weekday() not in (1, 2):
        wall += DAY
    return f"/integration/{row.id}/move", {"day": wall.date().isoformat(), "time": "16:00"}


def test_outside_its_window_a_therapist_is_told_whom_to_ask(sign_in: SignIn, booked: BookedCourse) -> None:
    path, typed = outside(booked)
    seen = sign_in(whose(booked, 6)).send(path, typed)
    assert seen.status_code == 200
    words = words_of(seen)
    assert "Ask a coordinator" in words
    assert not any(form["action"].endswith("/apply") for form in Page(seen.text).forms)


def test_outside_its_window_a_coordinator_gives_a_reason(coordinator: StrictClient, booked: BookedCourse) -> None:
    path, typed = outside(booked)
    preview = Page(coordinator.send(path, typed).text)
    done = coordinator.submit(preview, path + "/apply", {"reason-OUTSIDE_WINDOW": "A made-up reason"})
    assert done.status_code == 303
    assert "Set a rule aside: outside window" in words_of(coordinator.get(f"/courses/{booked.course.id}/changes"))


def test_a_refused_time_names_the_rule(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.session(2)
    refused = ask_for(coordinator, f"/integration/{row.id}/move", wall_of(row).replace(hour=22, minute=0))
    assert refused.status_code == 422
    assert "No therapist works for the whole session then." in words_of(refused)


def test_a_session_that_took_place_is_marked_once(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    row, therapist = booked.session(1), sign_in(whose(booked, 1))
    assert "Mark as done" not in therapist.page(f"/integration/{row.id}").words
    clock.now = row.ends_at
    therapist = sign_in(whose(booked, 1))
    page = therapist.page(f"/integration/{row.id}")
    assert therapist.submit(page, f"/integration/{row.id}/fulfil").status_code == 303
    assert booked.session(1).status is AppointmentStatus.FULFILLED
    version = booked.session(1).version
    late = therapist.send(f"/integration/{row.id}/fulfil", key="another-key-0123456789", version=version)
    assert late.status_code == 422


def test_a_session_nobody_came_to_gets_another_time_in_the_window(
    coordinator: StrictClient, booked: BookedCourse, sign_in: SignIn, clock: Clock
) -> None:
    row = booked.session(1)
    clock.now = row.starts_at + timedelta(minutes=20)
    coordinator = sign_in("coordinator")
    path = f"/integration/{row.id}/cancel"
    seen = coordinator.submit(coordinator.page(path), path, {"outcome": "noshow", "reason": ""})
    assert seen.status_code == 200
    assert "Did not come" in words_of(seen)
    assert coordinator.submit(Page(seen.text), path + "/apply").status_code == 303
    assert next(r for r in booked.rows() if r.id == row.id).status is AppointmentStatus.NOSHOW
