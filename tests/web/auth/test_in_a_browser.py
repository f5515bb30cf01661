"""Signing in and one's account as a real browser sees them: no accessibility fault, and the policy holds."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from planner.app import create_app
from planner.store.engine import Store
from planner.store.records import BrowserSession
from planner.web.clock import system_clock
from tests.support.axe import axe_faults, sideways_overflow
from tests.support.cast import PASSWORD, make_cast
from tests.support.chromium import screen
from tests.support.server import serve
from tests.web.conftest import SETTINGS


@pytest.fixture
def url(fresh_store: Store) -> Iterator[str]:
    with fresh_store.writing() as db:
        make_cast(db, system_clock())
    with serve(create_app(SETTINGS, store=fresh_store)) as server:
        yield server.url


def fill_in(page: Page, who: str, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill(f"{who}@clinic.example")
    page.get_by_label("Password", exact=True).fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def look_over(page: Page) -> None:
    assert axe_faults(page) == []
    assert sideways_overflow(page) == 0


def without_looking(page: Page) -> None:
    """axe needs scripts; this run shows that nobody else does."""


@pytest.mark.parametrize(
    ("who", "width", "scripts"), [("coordinator", 1440, True), ("patient", 390, True), ("patient", 390, False)]
)
def test_from_the_sign_in_page_to_the_account_and_out(
    browser: Browser, url: str, who: str, width: int, scripts: bool
) -> None:
    with screen(browser, width, scripts=scripts, base_url=url) as context:
        page = context.new_page()
        look = look_over if scripts else without_looking
        broken: list[str] = []
        page.on("console", lambda message: broken.append(message.text) if "Content Security" in message.text else None)
        page.goto("/account")
        look(page)
        fill_in(page, who, "not the password")
        assert page.title().startswith("Error: ")
        assert page.get_by_label("Email address").input_value() == f"{who}@clinic.example"
        look(page)
        fill_in(page, who)
        assert page.url == f"{url}/account"
        look(page)
        page.get_by_label("Dark").check()
        page.get_by_role("button", name="Save").click()
        assert page.get_by_role("status").inner_text().strip() == "Saved."
        look(page)
        page.goto("/account/sessions")
        look(page)
        page.get_by_role("button", name="Sign out everywhere").click()
        assert page.url == f"{url}/sign-in"
        page.goto("/account")
        assert page.url.startswith(f"{url}/sign-in")
        page.goto("/nothing-here")
        look(page)
        assert broken == []


@pytest.mark.parametrize("width", [1440, 390])
def test_a_file_asks_for_the_password_again_and_its_button_works_twice(
    browser: Browser, url: str, fresh_store: Store, width: int
) -> None:
    with screen(browser, width, base_url=url) as context:
        page = context.new_page()
        page.goto("/admin/spreadsheets")
        fill_in(page, "coordinator")
        look_over(page)
        with fresh_store.writing() as db:
            db.execute(update(BrowserSession).values(created_at=system_clock() - timedelta(minutes=11)))
        take_out = page.get_by_role("button", name="Take out patients")
        take_out.click()
        look_over(page)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Go on").click()
        assert page.title().startswith("Error: ")
        look_over(page)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        assert page.url == f"{url}/admin/spreadsheets"
        for number in (1, 2):
            expect(take_out).not_to_have_attribute("aria-disabled", "true")
            with page.expect_download() as file:
                take_out.click()
            assert file.value.suggested_filename.endswith(f"-{number}.csv")
        assert page.url == f"{url}/admin/spreadsheets"
