"""The pages around courses as a real browser sees them: no accessibility fault, no sideways scroll, policy kept."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from planner.app import create_app
from planner.store.engine import Store
from tests.support.axe import assert_accessible, assert_readable
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import NOW, PASSWORD, Clock, make_cast
from tests.support.chromium import screen
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import serve
from tests.web.conftest import SETTINGS

TABLET = 768


@pytest.fixture
def booked(fresh_store: Store) -> Iterator[BookedCourse]:
    with fresh_store.writing() as db:
        cast = make_cast(db)
    with fresh_store.write_session() as db:
        db.add_all([cast.clinic, cast.north, *cast.people.values(), *cast.patients.values()])
        yield book_course_for(db, cast)


@pytest.fixture
def url(fresh_store: Store, booked: BookedCourse) -> Iterator[str]:
    with serve(create_app(SETTINGS, store=fresh_store, clock=Clock(NOW))) as server:
        yield server.url


def sign_in(page: Page, who: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email address").fill(f"{who}@clinic.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/today")


def addresses(booked: BookedCourse) -> list[str]:
    course, dose, session = f"/courses/{booked.course.id}", booked.infusion(3).id, booked.session(3).id
    booked.db.commit()
    return [
        "/today", "/courses", "/courses?show=completed", course, f"{course}/dates", f"{course}/changes",
        f"/infusions/{dose}", f"/infusions/{dose}/move", f"/infusions/{dose}/cancel", f"/infusions/{dose}/dose",
        f"/integration/{session}", f"/integration/{session}/move", "/patients", "/patients/new",
        f"/patients/{booked.course.patient_id}",
    ]  # fmt: skip


@ON_ONE_DATABASE
def test_every_page_is_accessible(browser: Browser, url: str, booked: BookedCourse) -> None:
    """On a tablet; tests/house walks through the pages on a phone and on a wide screen."""
    with screen(browser, TABLET, base_url=url) as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        sign_in(page, "coordinator")
        for address in addresses(booked):
            page.goto(address)
            assert_accessible(page)
        page.emulate_media(color_scheme="dark")
        assert_readable(page)
        assert faults == []


@pytest.mark.parametrize(("width", "scripts"), [(390, True), (1440, False)])
def test_moving_and_undoing_by_hand(
    browser: Browser, url: str, booked: BookedCourse, width: int, scripts: bool
) -> None:
    path, course = f"/infusions/{booked.infusion(3).id}/move", f"/courses/{booked.course.id}"
    booked.db.commit()
    with screen(browser, width, scripts=scripts, base_url=url) as context:
        page = context.new_page()
        sign_in(page, "coordinator")
        page.goto(path)
        page.get_by_label("Time", exact=True).fill("03:00")
        page.locator("aside").get_by_role("button", name="See what changes").click()
        page.get_by_role("heading", name="The nearest times that can be had").wait_for()
        assert page.title().startswith("Error: ")
        if scripts:
            assert_accessible(page)
        page.locator("input[name=near]").first.check()
        page.get_by_role("button", name="See what changes").first.click()
        page.get_by_text("Nothing is saved yet.").wait_for()
        if scripts:
            assert_accessible(page)
        page.get_by_role("button", name="Move").click()
        page.wait_for_url(f"**{course}")
        assert "You can undo this until" in page.get_by_role("status").inner_text()
        if scripts:
            assert_accessible(page)
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("Undone. Everything is as it was before.").wait_for()
