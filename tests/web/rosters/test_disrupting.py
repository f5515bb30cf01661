"""Closing a day and putting somebody away: what would change is shown first, then exactly that is done, and undone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.walltime import local_day
from planner.services.booking import book_course
from planner.services.planning import plan_for, propose
from planner.store.records import Absence, Appointment, ChangeSet, Closure, Course
from planner.store.sheets import Wishes
from tests.builders import appointment, at
from tests.support.cast import NOW, Cast, Clock
from tests.support.planning_clinic import put_to_work
from tests.support.strict_client import Page, StrictClient

SignIn = Callable[[str], StrictClient]
CLOSE, AWAY = "/rosters/closures", "/rosters/absences"


@dataclass(frozen=True)
class Scene:
    """North at work, with one booked course of Test Patient Alder."""

    db: Session
    cast: Cast
    client: StrictClient
    course: Course

    def dose(self, number: int) -> Appointment:
        query = select(Appointment).where(
            Appointment.course_id == self.course.id,
            Appointment.kind == AppointmentKind.INFUSION,
            Appointment.number == number,
            Appointment.status == AppointmentStatus.BOOKED,
        )
        return self.db.scalars(query.execution_options(populate_existing=True)).one()

    def day(self, number: int) -> date:
        return local_day(self.dose(number).starts_at, "America/Chicago")

    def preview(self, day: date, **more: str) -> Page:
        return read(self.client.send(f"{CLOSE}/new", {"day": day.isoformat(), **more}, key=None))

    def closures(self) -> list[Closure]:
        return list(self.db.scalars(select(Closure)))


def read(response: object, status: int = 200) -> Page:
    assert response.status_code == status, response.status_code  # type: ignore[attr-defined]
    return Page(response.text)  # type: ignore[attr-defined]


@pytest.fixture
def scene(db: Session, cast: Cast, sign_in: SignIn) -> Scene:
    work = put_to_work(db, cast)
    us, alder = cast.principals["coordinator"], cast.patients["alder"]
    appointment(
        db,
        alder,
        at("2026-03-03 11:00"),
        kind=AppointmentKind.PREPARATION,
        therapist=cast.people["therapist"],
        status=AppointmentStatus.FULFILLED,
    )
    named = {"patient_id": alder.id, "protocol_version_id": work.twice_weekly.id, "site_id": cast.north.id}
    wishes = Wishes(date(2026, 3, 9))
    plan = plan_for(db, us, wishes=wishes, now=NOW, **named)
    course = book_course(db, us, wishes=wishes.to_json(), proposal=propose(plan).proposals[0], now=NOW, **named)
    db.commit()
    return Scene(db, cast, sign_in("coordinator"), course)


# Closing a day


def test_a_day_is_closed_after_what_changes_was_shown_and_undone_as_one(scene: Scene) -> None:
    day, was = scene.day(2), scene.dose(2).starts_at
    page = scene.preview(day, reason="burst pipe")
    assert "P-101" in page.words and "Infusion 2" in page.words and "Nothing is saved yet" in page.words
    assert "Close the day and" in page.words
    assert scene.closures() == []
    done = scene.client.submit(page, CLOSE)
    assert done.status_code == 303
    roster = scene.client.page(done.location)
    assert f"Closed on {day:%A} {day.day} {day:%B}: burst pipe." in roster.words
    assert "You can undo this until 09:03" in roster.words
    assert scene.day(2) != day
    group = scene.db.scalars(select(ChangeSet).where(ChangeSet.kind == "day.close")).one()
    undo = f"/rosters/changes/{group.id}/undo"
    assert scene.client.submit(roster, undo).status_code == 303
    scene.db.expire_all()
    assert scene.dose(2).starts_at == was
    assert scene.closures() == []
    assert "You can undo this" not in scene.client.page("/rosters").words


def test_a_day_on_which_nothing_is_booked_is_closed_and_says_so(scene: Scene) -> None:
    page = scene.preview(date(2026, 5, 20))
    assert "Nothing that is booked has to change." in page.words
    assert scene.client.submit(page, CLOSE).status_code == 303
    assert [row.day for row in scene.closures()] == [date(2026, 5, 20)]


def test_a_preview_that_is_out_of_date_is_shown_anew(scene: Scene) -> None:
    page = scene.preview(scene.day(2))
    scene.dose(2).version += 1
    scene.db.commit()
    newer = read(scene.client.submit(page, CLOSE), 409)
    assert "Nothing was saved; this is what it would change now." in newer.words
    assert scene.closures() == []
    assert scene.client.submit(newer, CLOSE).status_code == 303


def test_sending_it_twice_closes_the_day_once(scene: Scene) -> None:
    page = scene.preview(scene.day(2))
    first, second = scene.client.submit(page, CLOSE), scene.client.submit(page, CLOSE)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert len(scene.closures()) == 1


@pytest.mark.parametrize(
    ("day", "sentence"),
    [
        ("2026-03-03", "That day has passed."),
        ("", "Enter the day to close."),
        ("2026-02-30", "Enter a day that exists, such as 2026-11-26."),
        ("1999-12-31", "Enter a year from 2000 on."),
        ("2029-03-05", "That is further ahead than this clinic plans. Enter a day up to Sun 4 Mar 2029."),
        ("2200-01-01", "Enter a day up to Sun 4 Mar 2029."),
        ("2201-01-01", "That is too far ahead. Enter a nearer day."),
    ],
)
def test_a_day_that_cannot_be_closed_is_refused_with_the_reason_kept(scene: Scene, day: str, sentence: str) -> None:
    answer = scene.client.send(f"{CLOSE}/new", {"day": day, "reason": "typed text"}, key=None)
    page = read(answer, 422)
    assert sentence in page.words
    assert 'value="typed text"' in answer.text
    assert page.title.startswith("Error: ")


def test_a_day_that_was_closed_meanwhile_is_refused(scene: Scene) -> None:
    page = scene.preview(date(2026, 5, 20))
    scene.client.submit(page, CLOSE)
    again = read(scene.client.send(CLOSE, {"day": "2026-05-20", "key": "x"}, key="another-key-0123456789"), 422)
    assert "already closed" in again.words


def test_a_pinned_appointment_is_named(scene: Scene) -> None:
    scene.dose(2).pinned = True
    scene.db.commit()
    page = read(scene.client.send(f"{CLOSE}/new", {"day": scene.day(2).isoformat()}, key=None), 422)
    assert "P-101: " in page.words and "pinned" in page.words


def test_a_reason_too_long_or_of_two_lines_is_refused(scene: Scene) -> None:
    for reason, words in (("x" * 121, "at most 120"), ("a\x07b", "control characters")):
        answer = scene.client.send(f"{CLOSE}/new", {"day": "2026-05-20", "reason": reason}, key=None)
        assert words in read(answer, 422).words


# Somebody away


def test_somebody_is_put_away_for_a_whole_day(scene: Scene) -> None:
    day, nurse = scene.day(2), scene.cast.people["prescriber"]
    form = scene.client.page(f"{AWAY}/new")
    page = read(scene.client.submit(form, f"{AWAY}/new", {"person": nurse.id, "from_day": day.isoformat()}))
    assert f"Test Prescriber away, {day:%a} {day.day} {day:%b} {day.year}" in page.headings
    done = scene.client.submit(page, AWAY)
    assert done.status_code == 303
    row = scene.db.scalars(select(Absence)).one()
    assert (row.starts_at, row.ends_at) == (at(f"{day} 00:00"), at(f"{day + timedelta(days=1)} 00:00"))
    assert scene.day(2) != day
    assert "Test Prescriber is away" in scene.client.page(done.location).words


def away(scene: Scene, **typed: str) -> dict[str, str]:
    return {"person": str(scene.cast.people["therapist"].id), **typed}


def test_a_time_the_clocks_skip_is_refused_at_its_box(scene: Scene) -> None:
    typed = away(scene, from_day="2026-03-08", from_time="02:30")
    page = read(scene.client.send(f"{AWAY}/new", typed, key=None), 422)
    assert "does not exist" in page.words


def test_a_time_the_clocks_show_twice_is_asked_about(scene: Scene, clock: Clock) -> None:
    typed = away(scene, from_day="2026-11-01", from_time="01:30")
    page = read(scene.client.send(f"{AWAY}/new", typed, key=None), 422)
    assert "Which of the two?" in page.words
    again = read(scene.client.send(f"{AWAY}/new", typed | {"which_from": "1"}, key=None))
    assert scene.client.submit(again, AWAY).status_code == 303
    assert scene.db.scalars(select(Absence.starts_at)).one() == datetime.fromisoformat("2026-11-01T07:30:00+00:00")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"from_day": "2026-03-10", "from_time": "12:00", "to_time": "09:00"}, "has to end after it starts"),
        ({"from_day": "2026-03-10", "to_day": "2026-03-09"}, "has to end after it starts"),
        ({"from_day": "2026-03-02"}, "That time has passed."),
        ({}, "Enter the first day."),
        ({"from_day": "1999-12-31", "to_day": "2026-03-10"}, "Enter a year from 2000 on."),
        ({"from_day": "2200-01-01"}, "Enter a day up to Sun 4 Mar 2029."),
        ({"from_day": "2026-03-10", "to_day": "2029-03-05"}, "Enter a day up to Sun 4 Mar 2029."),
        ({"from_day": "2026-03-10", "from_time": "25:00"}, "Enter a time from 00:00 to 23:59"),
        ({"from_day": "2026-03-10", "person": ""}, "Choose who is away."),
        ({"from_day": "2026-03-10", "person": "999999"}, "Choose somebody from the list."),
    ],
)
def test_an_absence_that_cannot_be_is_refused_with_the_text_kept(
    scene: Scene, typed: dict[str, str], sentence: str
) -> None:
    answer = scene.client.send(f"{AWAY}/new", away(scene, reason="typed text") | typed, key=None)
    page = read(answer, 422)
    assert sentence in page.words
    assert 'value="typed text"' in answer.text


def test_the_last_day_the_clinic_plans_can_be_had(scene: Scene) -> None:
    scene.preview(date(2029, 3, 4))
    read(scene.client.send(f"{AWAY}/new", away(scene, from_day="2029-03-01", to_day="2029-03-04"), key=None))


# Rights


def test_nobody_else_closes_days_or_puts_people_away(scene: Scene, sign_in: SignIn) -> None:
    for who in ("nurse", "therapist", "prescriber", "admin", "patient"):
        client = sign_in(who)
        for path in (f"{CLOSE}/new", CLOSE, f"{AWAY}/new", AWAY, "/rosters/changes/1/undo"):
            assert client.send(path, {"day": "2026-05-20"}).status_code == 403


def test_another_sites_coordinator_finds_nothing_here(scene: Scene, sign_in: SignIn) -> None:
    day = scene.day(2)
    scene.client.submit(scene.preview(day), CLOSE)
    group = scene.db.scalars(select(ChangeSet).where(ChangeSet.kind == "day.close")).one()
    stranger, north = sign_in("coordinator-south"), str(scene.cast.north.id)
    assert stranger.send(f"{CLOSE}/new", {"day": "2026-05-20", "site": north}, key=None).status_code == 404
    assert stranger.send(CLOSE, {"day": "2026-05-20", "site": north}).status_code == 404
    assert stranger.send(f"/rosters/changes/{group.id}/undo").status_code == 404
    assert read(stranger.send(f"{AWAY}/new", away(scene, from_day="2026-05-20"), key=None), 422)
    assert "You can undo this" not in stranger.page("/rosters").words


def test_it_is_not_undone_after_its_time(scene: Scene, clock: Clock) -> None:
    done = scene.client.submit(scene.preview(scene.day(2)), CLOSE)
    roster = scene.client.page(done.location)
    group = scene.db.scalars(select(ChangeSet).where(ChangeSet.kind == "day.close")).one()
    clock.pass_time(minutes=4)
    page = read(scene.client.submit(roster, f"/rosters/changes/{group.id}/undo"), 422)
    assert "can no longer be undone" in page.words
    assert len(scene.closures()) == 1
    assert "You can undo this" not in scene.client.page(done.location).words
