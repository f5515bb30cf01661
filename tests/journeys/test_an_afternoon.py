"""From an empty database to the first booked course, in a browser: what a new clinic does in its first afternoon."""

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.services.first_run import new_setup_link
from planner.store.engine import Store
from planner.store.records import Appointment, ProtocolVersion, Shift
from tests.support.cast import NOW, Clock
from tests.support.chromium import screen
from tests.support.demo import app_on
from tests.support.one_database import ON_ONE_DATABASE
from tests.support.server import serve

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
STAFF = (
    ("Test Person Maple", "Prescriber", "08:00", "18:00"),
    ("Test Person Oak", "Nurse", "08:00", "18:00"),
    ("Test Person Pine", "Therapist", "09:00", "17:00"),
)
WEEKS = 5
DOSES = 6


@ON_ONE_DATABASE
def test_a_clinic_is_set_up_and_its_first_course_booked(browser: Browser, fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        token = new_setup_link(db, NOW)
    with (
        serve(app_on(fresh_store, Clock(NOW))) as server,
        screen(browser, 1440, base_url=server.url) as context,
    ):
        page = context.new_page()
        found_the_clinic(page, token)
        add_the_site(page)
        for name, role, *_ in STAFF:
            add_to_staff(page, name, role)
        sign_the_protocol(page)
        put_on_the_roster(page)
        add_the_patient(page)
        expect_left(page, "6 of 7 done")
        book_the_course(page)
        page.goto("/today")
        expect(page.get_by_role("heading", name="Set the clinic up")).to_have_count(0)
    with fresh_store.reading() as db:
        booked = select(func.count()).where(Appointment.status == AppointmentStatus.BOOKED)
        assert db.scalar(booked.where(Appointment.kind == AppointmentKind.INFUSION)) == DOSES
        assert db.scalar(booked.where(Appointment.kind == AppointmentKind.INTEGRATION)) >= DOSES
        assert db.scalar(select(func.count()).select_from(Shift)) >= (WEEKS - 1) * len(STAFF) * len(WEEKDAYS)
        assert db.scalars(select(ProtocolVersion.signed_by).where(ProtocolVersion.number == 2)).one() == "Test Founder"


def expect_left(page: Page, words: str) -> None:
    page.goto("/today")
    expect(page.get_by_text(words)).to_be_visible()


def found_the_clinic(page: Page, token: str) -> None:
    page.goto(f"/setup/{token}")
    page.get_by_label("Name of the clinic").fill("Test Clinic Juniper")
    page.get_by_label("Name in calendars").fill("Juniper")
    page.get_by_label("Time zone").select_option("America/Chicago")
    page.get_by_label("Your name").fill("Test Founder")
    page.get_by_label("Your email address").fill("founder@example.org")
    page.get_by_label("Password").fill("made-up words for a test")
    page.get_by_label("I prescribe").check()
    page.get_by_role("button", name="Set up the planner").click()
    expect(page.get_by_text("0 of 7 done")).to_be_visible()


def add_the_site(page: Page) -> None:
    page.get_by_role("link", name="A site and its hours").click()
    page.get_by_role("link", name="Add a site").click()
    page.get_by_label("Name", exact=True).fill("Test Site North")
    page.get_by_label("Code", exact=True).fill("N")
    for day in WEEKDAYS:
        page.get_by_label(f"{day} from").fill("08:00")
        page.get_by_label(f"{day} until", exact=True).fill("18:00")
    page.get_by_role("button", name="Add the site").click()
    for what, name in (("chair", "Chair 1"), ("room", "Room 1")):
        page.get_by_role("link", name=f"Add a {what}").first.click()
        page.get_by_label("Name", exact=True).fill(name)
        page.locator("main button.primary").click()
        expect(page.get_by_role("link", name=name)).to_be_visible()
    expect_left(page, "2 of 7 done")


def add_to_staff(page: Page, name: str, role: str) -> None:
    page.goto("/admin/staff/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("checkbox", name=role).check()
    page.get_by_role("checkbox", name="Test Site North").check()
    page.locator("main button.primary").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def sign_the_protocol(page: Page) -> None:
    page.goto("/today")
    page.get_by_role("link", name="A protocol, signed").click()
    page.get_by_role("link", name="IV racemic ketamine, twice weekly").click()
    page.get_by_role("link", name="Sign it").click()
    page.get_by_label("Why").fill("Read and adopted as it is.")
    page.get_by_role("button", name="Sign version 2").click()
    expect(page.get_by_text("Version 2 is signed")).to_be_visible()


def put_on_the_roster(page: Page) -> None:
    for name, _, starts, ends in STAFF:
        page.goto("/rosters/patterns/new")
        person = page.get_by_label("Who", exact=True)
        person.select_option(person.locator("option", has_text=name).get_attribute("value"))
        for day in WEEKDAYS:
            page.get_by_label(day, exact=True).check()
        page.get_by_label("From", exact=True).fill(starts)
        page.get_by_label("Until", exact=True).fill(ends)
        page.locator("main button.primary").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Weekly patterns")
    page.get_by_role("link", name="Publish weeks from the patterns").click()
    page.get_by_label("How many weeks").select_option(str(WEEKS))
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("together with")).to_be_visible()


def add_the_patient(page: Page) -> None:
    page.goto("/today")
    page.get_by_role("link", name="The first patient").click()
    page.get_by_label("Code", exact=True).fill("P-001")
    page.get_by_label("Name", exact=True).fill("Test Patient Alder")
    page.locator("main button.primary").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("P-001")


def book_the_course(page: Page) -> None:
    page.get_by_role("link", name="The first course").click()
    patient = page.get_by_label("Patient", exact=True)
    patient.select_option(patient.locator("option", has_text="P-001").get_attribute("value"))
    page.get_by_role("radio", name="IV racemic ketamine, twice weekly").check()
    for verb in ("Continue to days", "Continue to team", "Continue to times"):
        page.get_by_role("button", name=verb).click()
    page.locator("main input[type=radio]").first.check()
    page.get_by_role("button", name="See its dates").click()
    page.get_by_role("button", name="Continue to check").first.click()
    page.get_by_role("button", name="Book ").click()
    expect(page.get_by_text("Booked the course")).to_be_visible()
