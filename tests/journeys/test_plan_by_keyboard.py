"""Planning a whole course with the keyboard alone, in a real browser, and every step as good as it looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from planner.app import create_app
from planner.store.records import Course
from tests.journeys.test_plan_a_course import opened_clinic
from tests.support.axe import assert_accessible
from tests.support.cast import NOW, PASSWORD, Clock
from tests.support.chromium import screen
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import serve
from tests.web.conftest import SETTINGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from planner.store.engine import Store

MOST_KEYS = 60
FOCUSED = """() => { const here = document.activeElement;
    return here && here !== document.body ? here.name || here.id || here.textContent.trim() : ""; }"""
STEPS = 5


class Keyboard:
    """Counts every key that is pressed."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed = page, 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.pressed += 1

    def focused(self) -> str:
        """The name or words of what has the focus."""
        return str(self.page.evaluate(FOCUSED))

    def tab_to(self, name: str) -> None:
        """Press Tab until the field called `name` has the focus; the focus is never lost on the way."""
        for _ in range(30):
            self.press("Tab")
            assert self.focused(), f"the focus was lost on the way to {name}"
            if self.focused().startswith(name):
                return
        raise AssertionError(f"{name} was not reached")

    def skip_to_content(self) -> None:
        """The page's own way past its head."""
        self.tab_to("Skip to the page")
        self.press("Enter")

    def send(self) -> None:
        """Enter in a field sends its form; wait for the next page."""
        before = self.page.url
        self.press("Enter")
        self.page.wait_for_url(lambda url: url != before)
        self.page.wait_for_load_state()


@pytest.fixture
def address(fresh_store: Store) -> Iterator[str]:
    opened_clinic(fresh_store)
    with serve(create_app(SETTINGS, clock=Clock(NOW), store=fresh_store)) as server:
        yield server.url


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("#email", "coordinator@clinic.example")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    page.wait_for_load_state()


def at_both_widths(page: Page) -> None:
    """Accessible and without sideways scrolling on a phone and at a desk."""
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert_accessible(page)


def test_a_course_is_planned_and_booked_without_the_mouse(browser: Browser, address: str, fresh_store: Store) -> None:
    with screen(browser, base_url=address) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        sign_in(page)
        page.goto("/courses/new")
        keys = Keyboard(page)
        at_both_widths(page)
        keys.skip_to_content()
        keys.tab_to("patient_id")
        page.keyboard.type("P-101")
        keys.tab_to("protocol_version_id")
        keys.send()
        keys.pressed = 0
        for step, first in ((2, "earliest_day"), (3, "therapist_ids"), (4, "plan"), ("4/dates", "Continue")):
            assert page.url.endswith(f"/{step}")
            at_both_widths(page)
            keys.skip_to_content()
            keys.tab_to(first)
            keys.send()
        assert page.url.endswith(f"/{STEPS}")
        at_both_widths(page)
        keys.skip_to_content()
        keys.tab_to("Book 14 appointments")
        keys.send()
        assert "/courses/new" not in page.url
        assert keys.pressed < MOST_KEYS
        assert [words for words in complaints if "404" not in words] == []
    with fresh_store.reading() as db:
        assert len(db.scalars(select(Course)).all()) == 1


def to_a_friday_plan(page: Page) -> None:
    """Sign in and choose a plan with Fridays in it, by clicks."""
    sign_in(page)
    page.goto("/courses/new")
    page.select_option("#patient_id", index=1)
    for words in ("Continue to days", "Continue to team", "Continue to times"):
        page.get_by_role("button", name=words).click()
    page.locator("label", has_text="Tue and Fri").click()
    page.get_by_role("button", name="See its dates").click()


@ON_ONE_DATABASE
def test_the_pages_beside_the_straight_way_are_accessible(browser: Browser, address: str) -> None:
    with screen(browser, base_url=address) as context:
        page = context.new_page()
        to_a_friday_plan(page)
        at_both_widths(page)
        page.get_by_role("button", name="Other times for Infusion 2").click()
        page.wait_for_load_state()
        at_both_widths(page)
        page.get_by_role("link", name="Days that suit").click()
        page.fill("#latest_first_day", "2026-03-06")
        for day in ("Monday", "Tuesday", "Wednesday", "Friday"):
            page.locator("label", has_text=day).click()
        page.get_by_role("button", name="Continue to team").click()
        page.get_by_role("button", name="Continue to times").click()
        page.get_by_role("heading", name="No plan fits what was asked").wait_for()
        at_both_widths(page)


def test_an_infusion_is_moved_without_scripts(browser: Browser, address: str) -> None:
    with screen(browser, 390, scripts=False, base_url=address) as context:
        page = context.new_page()
        to_a_friday_plan(page)
        page.get_by_role("button", name="Other times for Infusion 2").click()
        page.locator("input[name=time] + label").last.click()
        page.get_by_role("button", name="Take this time").click()
        assert "Infusion 2 is now" in page.locator("#status").inner_text()
