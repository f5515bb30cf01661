"""A patient on a phone of 390 px with scripts switched off: reads, changes a time, and sets up a calendar."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import PasswordCost, Settings
from planner.app import create_app
from planner.services.signing_in import SignInTry, finish_sign_in
from planner.store.engine import Store
from planner.store.records import Appointment, Feed
from planner.web.filters import patient_time
from tests.support.axe import assert_accessible
from tests.support.cast import NOW, Clock, make_cast
from tests.support.chromium import screen
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import RunningServer, serve
from tests.web.my.stage import Stage, make_stage

PHONE = 390
#: The first talk, at NOW, is over; the next date is a treatment.
LATER = NOW + timedelta(hours=2)
ZONE = "America/Chicago"


@pytest.fixture
def staged(fresh_store: Store) -> Iterator[tuple[Session, Stage]]:
    """The cast and the patient's course in a database of this test's own."""
    with fresh_store.writing() as db:
        stage = make_stage(db, make_cast(db))
    with fresh_store.reading() as db:
        yield db, Stage(db, stage.cast, stage.course)


@pytest.fixture
def served(fresh_store: Store, staged: tuple[Session, Stage]) -> Iterator[RunningServer]:
    """The planner over real HTTP, its clock at LATER."""
    settings = Settings(fresh_store.url, "a secret for tests only", password_cost=PasswordCost(8, 1))
    with serve(create_app(settings, clock=Clock(LATER), store=fresh_store)) as running:
        yield running


@pytest.fixture
def cookie(fresh_store: Store, staged: tuple[Session, Stage]) -> str:
    """A signed-in patient's cookie."""
    account = staged[1].cast.accounts["patient"]
    with fresh_store.writing() as db:
        return finish_sign_in(
            db, SignInTry(None, account.id, account.password_hash), old_cookie=None, new_hash=None,
            data={"_user_id": str(account.id), "_fresh": True, "csrf_token": "0" * 64}, address="127.0.0.1",
            agent="test browser", now=LATER,
        )[0]  # fmt: skip


@pytest.fixture
def phone(browser: Browser, served: RunningServer, cookie: str) -> Iterator[Page]:
    """The patient's phone, without scripts; no page asks for one either."""
    with screen(browser, PHONE, scripts=False, base_url=served.url) as context:
        page = _signed_in(context, served, cookie)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.resource_type))
        yield page
        assert "script" not in asked


def _signed_in(context: BrowserContext, served: RunningServer, cookie: str) -> Page:
    context.add_cookies([{"name": "planner", "value": cookie, "url": served.url}])
    return context.new_page()


@ON_ONE_DATABASE
def test_every_page_is_accessible_and_fits(
    browser: Browser, served: RunningServer, cookie: str, staged: tuple[Session, Stage]
) -> None:
    dose = staged[1].dose(3)
    # The checker itself needs scripts; the pages bring none.
    with screen(browser, PHONE, base_url=served.url) as context:
        page = _signed_in(context, served, cookie)
        for path in ("", "/dates", f"/dates/{dose.id}", f"/dates/{dose.id}/change", f"/dates/{dose.id}/cancel", "/help",
                     "/calendar", "/calendar/words"):  # fmt: skip
            page.goto(f"/my{path}")
            assert_accessible(page)
        page.goto("/my/calendar")
        page.get_by_role("button", name="iPhone, iPad or Mac").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Add it to your")
        assert_accessible(page)
        page.get_by_role("link", name="Done").click()
        assert_accessible(page)


def test_the_patient_changes_a_time_from_the_first_page(phone: Page, staged: tuple[Session, Stage]) -> None:
    db, stage = staged
    row = stage.dose(1)
    phone.goto("/my")
    expect(phone.get_by_role("heading", name="Next: treatment")).to_be_visible()
    phone.get_by_role("link", name="Change the time").click()
    old = patient_time(row.starts_at, ZONE)
    phone.locator(".choice label").last.click()
    chosen = int(phone.locator("input[name=time]").last.get_attribute("value") or 0)
    phone.get_by_role("button", name="Look at this time").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Is this right?")
    expect(phone.locator("main")).to_contain_text(f"{old}")
    phone.get_by_role("button", name="Change to this time").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your time is changed")
    db.rollback()
    db.expire_all()
    moved = db.scalars(select(Appointment).where(Appointment.id == row.id)).one()
    assert int(moved.starts_at.timestamp()) // 60 == chosen
    expect(phone.locator("main")).to_contain_text(patient_time(moved.starts_at, ZONE))
    phone.get_by_role("link", name="Back to my plan").click()
    expect(phone.locator("main")).to_contain_text(patient_time(moved.starts_at, ZONE))


def test_the_patient_sets_up_a_calendar_and_takes_it_back(phone: Page, staged: tuple[Session, Stage]) -> None:
    db, _ = staged
    phone.goto("/my/calendar")
    expect(phone.locator("main")).to_contain_text("Nowhere yet.")
    phone.get_by_role("button", name="Another app").click()
    address = phone.get_by_label("In your calendar app").get_attribute("value") or ""
    assert address.endswith("/appointments.ics")
    expect(phone.get_by_role("img", name="QR code")).to_be_visible()
    answer = phone.request.get(address)
    assert (answer.status, "SUMMARY:Appointment" in answer.text()) == (200, True)
    phone.get_by_role("link", name="Done").click()
    expect(phone.locator("main")).to_contain_text("last looked Wednesday 4 March, 11:00am")
    phone.get_by_role("button", name="Remove Another app").click()
    expect(phone.get_by_role("status")).to_contain_text("Removed: Another app.")
    assert "BEGIN:VEVENT" not in phone.request.get(address).text()
    db.rollback()
    assert db.scalars(select(Feed.revoked_reason)).all() == ["removed"]
