"""Finding a patient with the keyboard alone, from any page, and the way back to what was found."""

from playwright.sync_api import Browser, Page, expect

from planner.services.rostering import add_patient
from planner.store.engine import Store
from tests.support.axe import assert_accessible
from tests.support.cast import NOW, PASSWORD, Clock, make_cast
from tests.support.chromium import screen
from tests.support.demo import app_on
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import serve

FOCUSED = "document.activeElement.id"


def signed_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email address").fill("coordinator@clinic.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today")


@ON_ONE_DATABASE
def test_two_keys_a_name_and_enter_lead_to_a_patient_and_back(browser: Browser, fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        north = make_cast(db).north
        add_patient(db, "P-201", "Élodie Test-Ash", north, now=NOW)
        add_patient(db, "P-202", "Test Elodie Oak", north, now=NOW)
    with (
        serve(app_on(fresh_store, Clock(NOW))) as server,
        screen(browser, 1440, base_url=server.url) as context,
    ):
        page = context.new_page()
        signed_in(page)
        page.wait_for_load_state("networkidle")
        page.keyboard.press("/")
        assert page.evaluate(FOCUSED) == ""  # one key alone does nothing
        page.keyboard.press("Control+K")
        assert page.evaluate(FOCUSED) == "find-box"
        page.keyboard.type("elodie")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Patients")).to_be_visible()
        assert page.url == f"{server.url}/find"
        assert_accessible(page)
        link = page.get_by_role("link", name="P-201")
        for _ in range(30):
            page.keyboard.press("Tab")
            if link.evaluate("one => one === document.activeElement"):
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("P-201")
        page.go_back()
        expect(page.get_by_role("link", name="P-202")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Opened lately")).to_be_visible()
        expect(page.get_by_role("link", name="P-201")).to_have_count(2)
        page.keyboard.press("Control+K")
        assert page.evaluate(FOCUSED) == "words"
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto("/today")
        page.wait_for_load_state("networkidle")
        page.keyboard.press("Control+K")
        expect(page.get_by_role("heading", level=1)).to_have_text("Find")
