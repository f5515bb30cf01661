"""Today: what each role needs first, and any other day."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentStatus
from planner.domain.walltime import local_day
from planner.services.status_changes import cancel
from planner.store.records import AccountSite, PlanDraft, Shift
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast, Clock
from tests.support.strict_client import StrictClient

SignIn = Callable[[str], StrictClient]


def go_to(booked: BookedCourse, clock: Clock, number: int = 1, **span: float) -> None:
    """Let time pass to so long after an infusion begins."""
    clock.now = booked.infusion(number).starts_at + timedelta(**span)


@pytest.mark.parametrize("who", ["coordinator", "nurse", "prescriber", "therapist", "admin"])
def test_an_empty_clinic_says_what_would_be_here(sign_in: SignIn, cast: Cast, who: str) -> None:
    page = sign_in(who).page("/today")
    assert page.headings == ["Today"]
    assert "Wednesday 4 March" in page.words


def test_a_patient_has_no_such_page(sign_in: SignIn, cast: Cast) -> None:
    assert sign_in("patient").get("/today").status_code == 404


def test_a_coordinator_sees_what_to_do_then_the_day(
    sign_in: SignIn, booked: BookedCourse, db: Session, cast: Cast, clock: Clock
) -> None:
    session = booked.session(2)
    cancel(db, cast.principals["coordinator"], session.id, seen_version=session.version, now=NOW)
    draft = PlanDraft(
        account_id=cast.accounts["coordinator"].id, step=4, answers={"patient_id": cast.patients["birch"].id},
        updated_at=NOW,
    )  # fmt: skip
    db.add(draft)
    db.commit()
    go_to(booked, clock, minutes=-30)
    page = sign_in("coordinator").page("/today")
    words = " ".join(page.words.split())
    assert "Infusion 2 has no integration session" in words
    assert "A plan to finish" in words and "stopped at step 4 of 5" in words
    assert words.index("To do") < words.index("Infusion 1")
    assert f"/infusions/{booked.infusion(2).id}/session" in page.links
    assert any(form["action"] == f"/infusions/{booked.infusion(1).id}/arrive" for form in page.forms)


def test_a_printed_day_says_when_it_was_printed_on_the_clock_of_the_clinic(sign_in: SignIn, clock: Clock) -> None:
    clock.pass_time(hours=1)
    page = sign_in("coordinator").page("/today")
    assert "Printed Wed 4 Mar 2026 10:00" in " ".join(page.words.split())


def test_an_arrival_is_one_press_on_today(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    go_to(booked, clock, minutes=-10)
    nurse = sign_in("nurse")
    page = nurse.page("/today")
    assert "P-101 is expected" in page.words
    assert nurse.submit(page, f"/infusions/{booked.infusion(1).id}/arrive").status_code == 303
    assert booked.infusion(1).status is AppointmentStatus.ARRIVED
    clock.pass_time(minutes=30)
    words = sign_in("nurse").page("/today").words
    assert "P-101 is here" in words and "Dose planned to end" in words
    assert "Record the dose" in words


def test_a_prescriber_sees_the_chairs_and_marks_nothing(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    go_to(booked, clock, minutes=-10)
    page = sign_in("prescriber").page("/today")
    assert "P-101 is expected" in page.words and "Chair 2" in page.words
    assert not any("/arrive" in form["action"] for form in page.forms)


def test_a_therapist_sees_their_own_sessions_with_the_window(
    sign_in: SignIn, booked: BookedCourse, clock: Clock
) -> None:
    row = booked.session(1)
    who = next(who for who, person in booked.cast.people.items() if person.id == row.therapist_id)
    other = "therapist-two" if who == "therapist" else "therapist"
    day = local_day(row.starts_at, row.zone).isoformat()
    words = " ".join(sign_in(who).page(f"/today?day={day}").words.split())
    assert "Integration session 1" in words and "h after, in the" in words
    assert "Integration session 1" not in sign_in(other).page(f"/today?day={day}").words


def test_free_time_in_an_open_window_is_pointed_out(
    sign_in: SignIn, booked: BookedCourse, db: Session, cast: Cast, clock: Clock
) -> None:
    row = booked.session(1)
    who = next(who for who, person in booked.cast.people.items() if person.id == row.therapist_id)
    cancel(db, cast.principals["coordinator"], row.id, seen_version=row.version, now=NOW)
    db.commit()
    clock.now = row.starts_at - timedelta(hours=1)
    words = " ".join(sign_in(who).page("/today").words.split())
    assert "Infusion 1 has no session yet" in words
    assert "Free, and somebody needs a window" in words


def test_the_manager_sees_counts_and_no_patient(sign_in: SignIn, booked: BookedCourse, clock: Clock) -> None:
    go_to(booked, clock)
    words = sign_in("admin").page("/today").words
    assert "Appointments by site" in words
    assert "P-101" not in words and "Alder" not in words


def test_the_days_before_and_after_are_links(sign_in: SignIn, cast: Cast) -> None:
    client = sign_in("coordinator")
    assert {"/today?day=2026-03-03", "/today?day=2026-03-05"} <= set(client.page("/today").links)
    page = client.page("/today?day=2026-03-05")
    assert page.headings == ["Thursday 5 March"]
    assert "/today" in page.links


@pytest.mark.parametrize("who", ["coordinator", "nurse", "therapist"])
def test_an_idle_day_names_the_next_booked_one(
    sign_in: SignIn, booked: BookedCourse, cast: Cast, clock: Clock, who: str
) -> None:
    clock.now = booked.infusion(1).starts_at - timedelta(days=30)
    shown = [row for row in booked.rows() if who == "coordinator" or (row.chair_id is None) == (who == "therapist")]
    first = min(row.starts_at for row in shown)
    day = local_day(first, booked.infusion(1).zone)
    page = sign_in(who).page("/today")
    assert "Next booked day" in page.words
    assert f"/today?day={day}" in page.links
    assert "Next booked day" not in sign_in(who).page(f"/today?day={day}").words


@pytest.mark.parametrize("day", ["soon", "2026-02-30", "9999-12-31", "0001-01-01", "2026-03-04T10:00"])
def test_a_day_that_cannot_be_shown_says_so(sign_in: SignIn, cast: Cast, day: str) -> None:
    assert sign_in("coordinator").get(f"/today?day={day}").status_code == 400


def test_infusions_that_nobody_prescribes_for_are_to_do_until_somebody_does(
    sign_in: SignIn, booked: BookedCourse, db: Session, cast: Cast
) -> None:
    client = sign_in("coordinator")
    assert "without a prescriber" not in client.page("/today").words
    dose = booked.infusion(2)
    around = Shift.starts_at < dose.ends_at, Shift.ends_at > dose.starts_at
    prescriber, nurse = cast.people["prescriber"].id, dose.nurse_id
    db.execute(update(Shift).where(Shift.person_id == prescriber, *around).values(on_call=True))
    db.commit()
    page = client.page("/today")
    assert "1 infusion without a prescriber on shift" in " ".join(page.words.split())
    way_out = f"/rosters/reassign?site={cast.north.id}#unstaffed"
    assert way_out in page.links
    assert "without a prescriber" not in sign_in("coordinator-south").page("/today").words

    shown = client.page(way_out.partition("#")[0])
    words = " ".join(shown.words.split())
    assert "Infusions without somebody on shift" in words and "A prescriber" in words
    year, week, _ = local_day(dose.starts_at, dose.zone).isocalendar()
    assert f"Week {week} of {year}" in words
    assert {f"/infusions/{dose.id}/move", f"/rosters/{year}-W{week:02}?site={cast.north.id}"} <= set(shown.links)

    db.execute(update(Shift).where(Shift.person_id.in_((prescriber, nurse)), *around).values(on_call=False))
    db.commit()
    assert "without a prescriber" not in client.page("/today").words
    db.execute(update(Shift).where(Shift.person_id == nurse, *around).values(on_call=True))
    db.commit()
    assert "1 infusion without their nurse on shift" in " ".join(client.page("/today").words.split())
    assert "Test Nurse" in client.page(way_out.partition("#")[0]).words
    db.add(AccountSite(account_id=cast.accounts["coordinator"].id, site_id=cast.south.id))
    db.commit()
    words = " ".join(sign_in("coordinator").page("/today").words.split())
    assert "1 infusion without their nurse on shift at North" in words, "of several sites it says which"
