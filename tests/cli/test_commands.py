"""Every command: what it prints, where, and with which exit code."""

import json
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
from sqlalchemy import func, select

from planner.services.auditing import record
from planner.services.demo import DEMO_PASSWORD, DEMO_SIGN_INS
from planner.store.engine import Store
from planner.store.guards import remove_guards
from planner.store.records import Account, Appointment, Course, Feed, Occupancy
from tests.cli.conftest import Run

PLAN = ("plan-course", "--patient", "P-111", "--protocol", "iv-racemic-twice-weekly", "--from", "2027-01-21")
PASSWORD = "a long test password"


def refused(result, *words: str) -> None:
    """One sentence on stderr, nothing on stdout, exit code 1."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    "command", [[], ["migrate"], ["add-admin"], ["plan-course"], ["feeds"], ["demo"], ["backup"], ["doctor"]]
)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_migrate_makes_an_empty_database_ready_and_may_be_repeated(run_unmigrated: Run) -> None:
    doctor = run_unmigrated("doctor")
    assert doctor.exit_code == 1
    assert "flask --app wsgi migrate" in doctor.stdout
    refused(run_unmigrated("demo", "create"), "The database cannot be used")
    for _ in range(2):
        migrated = run_unmigrated("migrate")
        assert migrated.exit_code == 0
        assert "refuses double bookings" in migrated.stdout
    assert run_unmigrated("doctor").exit_code == 0


def test_the_first_admin_is_made_once(run: Run, fresh_store: Store) -> None:
    asked = ("add-admin", "--email", "Boss@Test.invalid", "--name", "Test Boss")
    refused(run(*asked, typed="too short\n"), "at least 15 characters")
    made = run(*asked, typed=f"{PASSWORD}\n")
    assert (made.exit_code, made.stderr) == (0, "")
    refused(run(*asked, typed=f"{PASSWORD}\n"), "There are accounts already")
    with fresh_store.reading() as db:
        account = db.scalars(select(Account)).one()
        assert (account.email, account.name) == ("Boss@Test.invalid", "Test Boss")
        assert PASSWORD not in account.password_hash


def test_what_was_not_given_is_asked_for(run: Run) -> None:
    made = run("add-admin", typed=f"boss@test.invalid\nTest Boss\n{PASSWORD}\n")
    assert made.exit_code == 0
    assert "boss@test.invalid can sign in now." in made.stdout


def test_the_demo_prints_a_sign_in_per_role_and_goes_in_once(run: Run) -> None:
    made = run("demo", "create")
    assert made.exit_code == 0
    for role, email, _ in DEMO_SIGN_INS:
        assert role in made.stdout and email in made.stdout
    assert DEMO_PASSWORD in made.stdout
    refused(run("demo", "create"), "empty one")


def test_a_plan_is_a_table_with_every_date_of_the_best_course(demo: Run, store: Store) -> None:
    planned = demo(*PLAN)
    assert planned.exit_code == 0
    lines = planned.stdout.splitlines()
    for number in range(1, 7):
        assert sum(f"infusion {number} " in line for line in lines) == 1
        assert sum(f"integration {number} " in line and "h after" in line for line in lines) == 1
    assert sum(line[:2] in ("1.", "2.", "3.") for line in lines) >= 2
    with store.reading() as db:
        assert db.scalar(select(func.count(Course.id))) == 7


def test_a_pattern_keeps_to_its_weekdays(demo: Run) -> None:
    planned = demo(*PLAN, "--pattern", "mon,wed")
    assert planned.stdout.startswith("1. Mon/Wed")
    doses = [line.split()[0] for line in planned.stdout.splitlines() if " infusion " in line]
    assert set(doses) == {"Mon", "Wed"}


def test_a_plan_can_be_written_as_a_calendar_and_as_json(demo: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.ics"
    planned = demo(*PLAN, "--ics", str(file), "--json", "-")
    content = json.loads(planned.stdout)
    assert (content["patient"], content["course"]) == ("P-111", None)
    placements = content["proposals"][0]["placements"]
    events = icalendar.Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    assert len(events) == len(placements) >= 13
    assert {str(event["STATUS"]) for event in events} == {"TENTATIVE"}
    assert all("Hazel" not in str(event["SUMMARY"]) and "P-111" in str(event["SUMMARY"]) for event in events)


def test_booking_makes_the_course_and_the_calendar_has_its_uids(demo: Run, store: Store) -> None:
    booked = demo(*PLAN, "--book", "--as", "coordinator@demo.invalid", "--ics", "-")
    assert booked.exit_code == 0, booked.stderr
    assert "Booked as course 8." in booked.stderr
    events = icalendar.Calendar.from_ical(booked.stdout_bytes).walk("VEVENT")
    with store.reading() as db:
        booked_uids = select(Appointment.uid).where(Appointment.course_id == 8, Appointment.status == "booked")
        uids = set(db.scalars(booked_uids))
    assert {str(event["UID"]) for event in events} == uids
    refused(demo(*PLAN, "--book", "--as", "coordinator@demo.invalid"), "already has an open course")
    assert demo("doctor").exit_code == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("--patient", "P-999"), "no patient with the code P-999"),
        (("--protocol", "no-such"), "no protocol called “no-such”"),
        (("--from", "2026-01-01"), "passed"),
        (("--from", "9999-12-31"), "calendar ends"),
        (("--as", "nobody@test.invalid"), "no account"),
        (("--as", "nurse@demo.invalid"), "role does not allow"),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(demo: Run, wrong: tuple[str, str], words: str) -> None:
    refused(demo(*PLAN, *wrong), words)


def test_a_plan_without_any_course_names_the_rules_in_the_way(demo: Run) -> None:
    refused(demo(*PLAN, "--pattern", "sun"), "weekdays")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--from", "next week"),
        ("--pattern", "someday"),
        ("--book",),
        ("--ics", "-", "--json", "-"),
        ("--no-such",),
    ],
)
def test_wrong_usage_is_exit_code_two(demo: Run, wrong: tuple[str, ...]) -> None:
    result = demo(*PLAN, *wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error:" in result.stderr


def test_a_file_that_cannot_be_written_is_one_sentence(demo: Run, tmp_path: Path) -> None:
    refused(demo(*PLAN, "--ics", str(tmp_path / "no" / "plan.ics")), "cannot be written")


@pytest.mark.parametrize(
    "command",
    [
        ("feeds", "revoke", "9223372036854775808"),
        ("feeds", "add", "--agreed", "--account", "coordinator@demo.invalid", "--device", "Test", "--scope", "site",
         "--subject", "9223372036854775808"),
        ("accounts", "create", "x@demo.invalid", "--name", "Test", "--role", "nurse", "--site", "0"),
    ],
)  # fmt: skip
def test_a_number_no_record_has_is_wrong_usage(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "not in the range" in result.stderr


@pytest.mark.parametrize("command", [("list",), ("end", "x@demo.invalid")])
def test_accounts_without_tables_are_one_sentence(run_unmigrated: Run, command: tuple[str, ...]) -> None:
    refused(run_unmigrated("accounts", *command), "cannot be used")


def test_calendar_links_are_added_listed_and_revoked(demo: Run, store: Store) -> None:
    add = ("feeds", "add", "--account", "patient@demo.invalid", "--device", "Test phone")
    assert demo(*add).exit_code == 2
    added = demo(*add, "--agreed")
    assert added.stdout.startswith("https://calendar.example/c/")
    token = added.stdout.split("/")[-2]
    listed = demo("feeds", "list")
    assert "Test phone" in listed.stdout and "never" in listed.stdout
    assert token not in listed.stdout
    revoked = demo("feeds", "revoke", "1")
    assert (revoked.exit_code, revoked.stdout) == (0, "Link 1 has ended.\n")
    refused(demo("feeds", "revoke", "1"), "no such calendar link")
    refused(demo("feeds", "revoke", "99"), "no calendar link 99")
    assert "ended" in demo("feeds", "list", "--account", "patient@demo.invalid").stdout
    with store.reading() as db:
        assert db.scalars(select(Feed)).one().revoked_reason == "command line"


def test_links_of_staff_and_places(demo: Run) -> None:
    add = ("feeds", "add", "--device", "Work", "--agreed", "--account")
    assert demo(*add, "therapist@demo.invalid", "--detail", "code").exit_code == 0
    assert demo(*add, "nurse@demo.invalid", "--scope", "chair", "--subject", "1").exit_code == 0
    refused(demo(*add, "coordinator@demo.invalid"), "--scope and --subject")
    refused(demo(*add, "therapist@demo.invalid", "--scope", "chair", "--subject", "1"), "coordinators and nurses")
    refused(demo(*add, "therapist@demo.invalid", "--detail", "full"), "agreement")
    refused(demo(*add, "nobody@test.invalid"), "no account")


def test_the_doctor_finds_missing_guards_and_disagreements(demo: Run, store: Store) -> None:
    sound = demo("doctor")
    assert sound.exit_code == 0
    assert "wrong" not in sound.stdout
    with store.write_engine.begin() as connection:
        remove_guards(connection)
        held = connection.execute(select(Occupancy.appointment_id).limit(1)).scalar()
        connection.execute(Appointment.__table__.update().where(Appointment.id == held).values(status="cancelled"))
    sick = demo("doctor")
    assert sick.exit_code == 1
    assert "protection against double booking" in sick.stdout
    assert f"1 disagree (appointments {held})" in sick.stdout
    assert demo("migrate").exit_code == 0
    assert "protection against double booking" not in demo("doctor").stdout


def test_doctor_says_how_long_the_history_is(run: Run, fresh_store: Store) -> None:
    assert "ok     history of 0 lines, 0 of them looks at records and lists" in run("doctor").stdout
    with fresh_store.writing() as db:
        for action in ("patient.read", "list.read", "site.add"):
            record(db, None, action=action, object_type="site", object_id=1, now=datetime.now(UTC))
    assert "ok     history of 3 lines, 2 of them looks at records and lists" in run("doctor").stdout
