"""From an empty database through the set-up link to the checklist, in a browser, without the command line."""

from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from planner.services.first_run import new_setup_link
from planner.store.engine import Store
from planner.store.records import Account
from tests.support.axe import axe_faults, sideways_overflow
from tests.support.cast import NOW, Clock
from tests.support.chromium import screen
from tests.support.demo import app_on
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import serve

PASSWORD = "made-up words for a test"
LINES = (
    "A site and its hours",
    "Chairs, and somewhere to talk",
    "People",
    "A protocol, signed",
    "The first roster",
    "The first patient",
    "The first course",
)


def sound(page: Page) -> None:
    """Demand that the page as it stands can be used by everybody, on a telephone too."""
    assert axe_faults(page) == []
    usual = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 800})
    assert sideways_overflow(page) == 0
    if usual is not None:
        page.set_viewport_size(usual)


def fill_in(page: Page, start: str) -> None:
    page.get_by_label("Name of the clinic").fill("Test Clinic Juniper")
    page.get_by_label("Name in calendars").fill("Juniper")
    page.get_by_label("Time zone").select_option("America/Chicago")
    page.get_by_label("Your name").fill("Test Founder Alder")
    page.get_by_label("Your email address").fill("founder@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("I prescribe").check()
    page.get_by_label(start).check()
    page.get_by_role("button", name="Set up the planner").click()


@ON_ONE_DATABASE
def test_an_empty_planner_leads_to_the_checklist(browser: Browser, fresh_store: Store) -> None:
    with (
        serve(app_on(fresh_store, Clock(NOW))) as server,
        screen(browser, 1440, base_url=server.url) as context,
    ):
        page = context.new_page()
        page.goto("/today")
        expect(page.get_by_role("heading", level=1)).to_have_text("This planner is not set up yet")
        sound(page)
        with fresh_store.writing() as db:
            token = new_setup_link(db, NOW)
        page.goto(f"/setup/{token}")
        sound(page)
        fill_in(page, "An empty clinic")
        expect(page.get_by_role("heading", level=1)).to_have_text("Today")
        expect(page.get_by_text("0 of 7 done")).to_be_visible()
        for line in LINES:
            expect(page.get_by_text(line, exact=True)).to_be_visible()
        sound(page)
        assert urlsplit(page.url).path == "/today"
        page.goto(f"/setup/{token}")
        expect(page.get_by_role("heading", level=1)).to_have_text("This link does not work")
        page.goto("/today")
        try_the_made_up_clinic(page)
    with fresh_store.reading() as db:
        assert len(db.scalars(select(Account)).all()) == 1


def try_the_made_up_clinic(page: Page) -> None:
    """Fill it, look at it, remove it; the checklist is back."""
    page.get_by_role("link", name="Fill with a made-up clinic").click()
    sound(page)
    page.get_by_role("button", name="Fill with a made-up clinic").click()
    expect(page.get_by_text("Demo: a made-up clinic")).to_be_visible()
    sound(page)
    page.get_by_role("link", name="Look at today").click()
    expect(page.get_by_role("heading", name="Northfield Main")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Made-up clinic").click()
    page.get_by_role("link", name="Remove the made-up clinic").click()
    sound(page)
    page.get_by_role("button", name="Remove everything that was made up").click()
    expect(page.get_by_text("0 of 7 done")).to_be_visible()
    expect(page.get_by_text("Demo: a made-up clinic")).to_have_count(0)
