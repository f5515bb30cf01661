"""Pages that no link leads to, in a real browser: joining by a link, setting codes up, signing in with one."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from planner.app import create_app
from planner.store.engine import Store
from tests.support.axe import axe_faults, sideways_overflow
from tests.support.cast import PASSWORD, make_cast
from tests.support.chromium import screen
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import serve
from tests.web.conftest import SETTINGS

NEW_PASSWORD = "four made-up words here"
MAIL = "new.nurse@clinic.example"


@pytest.fixture
def url(fresh_store: Store) -> Iterator[str]:
    with fresh_store.writing() as db:
        make_cast(db, datetime.now(UTC))
    with serve(create_app(SETTINGS, store=fresh_store)) as server:
        yield server.url


def press(page: Page, words: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=words).click()


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    press(page, "Sign in")


def look_over(page: Page) -> None:
    assert axe_faults(page) == [], page.url
    assert sideways_overflow(page) == 0, page.url
    page.emulate_media(color_scheme="dark")
    assert axe_faults(page, only=("color-contrast",)) == [], page.url
    page.emulate_media(color_scheme="light")


def code_of(seed: str, steps: int = 0) -> str:
    return pyotp.TOTP(seed).at(int(datetime.now(UTC).timestamp()) + 30 * steps)


@ON_ONE_DATABASE
def test_from_the_invitation_to_a_sign_in_with_a_code(browser: Browser, url: str) -> None:
    with (
        screen(browser, 1440, base_url=url) as desk,
        screen(browser, 390, scripts=False, base_url=url) as bare,
        screen(browser, 390, base_url=url) as phone,
    ):
        page = desk.new_page()
        sign_in(page, "admin@clinic.example", PASSWORD)
        page.goto("/admin/accounts/new")
        page.get_by_label("Email address").fill(MAIL)
        page.get_by_label("Name", exact=True).fill("Test Newcomer")
        page.get_by_label("Nurse:").check()
        press(page, "Make the link")
        look_over(page)
        link = page.get_by_label("Copy this link").input_value().replace("http://localhost", url)

        page = bare.new_page()
        page.goto(link)
        page.get_by_label("Choose a password").fill("short")
        press(page, "Make my account")
        assert page.title().startswith("Error: ")
        page.get_by_label("Choose a password").fill(NEW_PASSWORD)
        press(page, "Make my account")
        assert page.url == f"{url}/sign-in"
        sign_in(page, MAIL, NEW_PASSWORD)
        assert page.url == f"{url}/today"

        page = phone.new_page()
        page.goto(link)
        look_over(page)
        sign_in(page, MAIL, NEW_PASSWORD)
        page.goto("/account/second-factor")
        page.get_by_label("Present password").fill(NEW_PASSWORD)
        press(page, "Show the picture to scan")
        look_over(page)
        seed = "".join(page.locator("code.mono").inner_text().split())
        page.get_by_label("Code that the app shows").fill(code_of(seed, -1))
        press(page, "Turn codes on")
        look_over(page)
        page.goto("/account/second-factor")
        look_over(page)
        page.goto("/account")
        press(page, "Save")

        page = bare.new_page()
        sign_in(page, MAIL, NEW_PASSWORD)
        assert page.url == f"{url}/sign-in/code"
        box = page.get_by_label("Code from your phone")
        assert (box.get_attribute("autocomplete"), box.get_attribute("inputmode")) == ("one-time-code", "numeric")
        box.fill(code_of(seed))
        press(page, "Sign in")
        assert page.url == f"{url}/today"

        phone.clear_cookies()
        page = phone.new_page()
        sign_in(page, MAIL, NEW_PASSWORD)
        page.get_by_text("I do not have my phone").click()
        look_over(page)
