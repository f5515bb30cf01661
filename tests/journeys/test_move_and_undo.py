"""A coordinator moves an infusion, sees everything that follows before it is saved, and takes it all back as one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from planner.domain.walltime import to_wall
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import Cast, Clock
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]


@pytest.fixture
def booked(app: Flask, db: Session, cast: Cast) -> BookedCourse:
    return book_course_for(db, cast)


@pytest.fixture
def coordinator(sign_in: SignIn) -> StrictClient:
    return sign_in("coordinator")


def ask(client: StrictClient, booked: BookedCourse, number: int = 3, days: int = 1) -> TestResponse:
    """Ask for an infusion to move by whole days, as typed into the boxes beside the offered times."""
    row = booked.infusion(number)
    wall = to_wall(row.starts_at, row.zone) + timedelta(days=days)
    path = f"/infusions/{row.id}/move"
    typed = {"day": wall.date().isoformat(), "time": wall.strftime("%H:%M")}
    return client.submit(Page(own_form_first(client.get(path).text)), path, typed)


def own_form_first(markup: str) -> str:
    """The page from the form with the boxes on: its two forms post to one address."""
    return markup[markup.index('id="own-heading"') :]


def undo_address(page: Page) -> str:
    return next(form["action"] for form in page.forms if form["action"].endswith("/undo"))


def test_from_today_to_the_course_to_the_move_and_back(coordinator: StrictClient, booked: BookedCourse) -> None:
    before = booked.facts()
    course = f"/courses/{booked.course.id}"
    assert "/courses" in coordinator.page("/today").links
    assert course in coordinator.page("/courses").links
    assert f"/infusions/{booked.infusion(3).id}/move" in coordinator.page(course).links

    seen = ask(coordinator, booked)
    assert seen.status_code == 200
    preview = Page(seen.text)
    assert "Nothing is saved yet" in preview.words
    assert "Infusion 3" in preview.words and "Integration session 3" in preview.words
    assert booked.facts() == before, "a preview writes nothing"

    done = coordinator.submit(preview, f"/infusions/{booked.infusion(3).id}/move/apply")
    assert (done.status_code, done.location) == (303, course)
    after = booked.facts()
    assert after != before
    assert {facts[1] for facts in after} == {facts[1] for facts in before}, "everybody keeps their UID"

    page = coordinator.page(course)
    assert "You can undo this until" in page.words
    undone = coordinator.submit(page, undo_address(page))
    assert (undone.status_code, undone.location) == (303, course)
    assert booked.facts() == before
    assert "You can undo this until" not in coordinator.page(course).words


def test_an_offered_time_is_two_presses_away(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(2)
    path = f"/infusions/{row.id}/move"
    markup = coordinator.get(path).text
    start = markup.split('name="start" id="start-0" value="')[1].split('"')[0]
    preview = Page(coordinator.submit(Page(markup), path, {"start": start}).text)
    assert coordinator.submit(preview, path + "/apply").status_code == 303
    assert booked.infusion(2).starts_at.strftime("%Y-%m-%dT%H:%MZ") == start


def test_pressing_move_twice_moves_once(coordinator: StrictClient, booked: BookedCourse) -> None:
    preview = Page(ask(coordinator, booked).text)
    path = f"/infusions/{booked.infusion(3).id}/move/apply"
    first = coordinator.submit(preview, path)
    after = booked.facts()
    again = coordinator.submit(preview, path)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.location == again.location
    assert booked.facts() == after


def test_what_changed_meanwhile_is_shown_and_nothing_overwritten(
    coordinator: StrictClient, booked: BookedCourse
) -> None:
    stale = Page(ask(coordinator, booked, number=3).text)
    newer = Page(ask(coordinator, booked, number=6).text)
    assert coordinator.submit(newer, f"/infusions/{booked.infusion(6).id}/move/apply").status_code == 303
    between = booked.facts()

    path = f"/infusions/{booked.infusion(3).id}/move/apply"
    refused = coordinator.submit(stale, path)
    assert refused.status_code == 409
    page = Page(refused.text)
    assert "was changed by somebody else" in page.words
    assert "Nothing was saved" in page.words
    assert booked.facts() == between
    assert coordinator.submit(page, path).status_code == 303, "the newer preview can be applied"


def test_the_undo_line_is_there_until_the_grace_time_ends(
    coordinator: StrictClient, booked: BookedCourse, clock: Clock
) -> None:
    coordinator.submit(Page(ask(coordinator, booked).text), f"/infusions/{booked.infusion(3).id}/move/apply")
    course = f"/courses/{booked.course.id}"
    page = coordinator.page(course)
    after = booked.facts()
    clock.pass_time(minutes=4)
    assert "You can undo this" not in coordinator.page(course).words
    late = coordinator.submit(page, undo_address(page))
    assert late.status_code == 422
    assert "The time to undo this is over" in late.text
    assert booked.facts() == after


@pytest.mark.parametrize("who", ["coordinator-south", "therapist-two", "nurse", "prescriber", "therapist", "admin"])
def test_nobody_else_may_move_it(sign_in: SignIn, booked: BookedCourse, who: str) -> None:
    before = booked.facts()
    path = f"/infusions/{booked.infusion(3).id}/move"
    client = sign_in(who)
    assert client.get(path).status_code == 404
    typed: dict[str, Any] = {"start": "2026-03-20T15:00Z", "key": "0" * 32}
    assert client.send(path, typed).status_code in (403, 404)
    assert client.send(path + "/apply", typed).status_code in (403, 404)
    assert booked.facts() == before


@pytest.mark.parametrize("who", ["coordinator-south", "therapist-two"])
def test_nobody_undoes_what_is_not_theirs(
    coordinator: StrictClient, sign_in: SignIn, booked: BookedCourse, who: str
) -> None:
    coordinator.submit(Page(ask(coordinator, booked).text), f"/infusions/{booked.infusion(3).id}/move/apply")
    after = booked.facts()
    address = undo_address(coordinator.page(f"/courses/{booked.course.id}"))
    assert sign_in(who).send(address).status_code in (403, 404)
    assert booked.facts() == after
