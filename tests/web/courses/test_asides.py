"""Doing it all the same, on the page: off hours and overlaps with the permission and a reason, and never without."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from planner.services.rescheduling import Move, apply, preview
from planner.services.rostering import add_patient
from planner.store.records import Appointment, OverrideRule, RuleOverride
from tests import builders
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import NOW, Cast
from tests.support.strict_client import Page, StrictClient
from tests.web.stage import ask_for, wall_of, words_of

SignIn = Callable[[str], StrictClient]
WHY = "A made-up reason"
FIELD = "aside_reason"


@pytest.fixture
def theirs(db: Session, cast: Cast, booked: BookedCourse) -> BookedCourse:
    """Test Patient Birch's course, on the same mornings with the other therapist."""
    return book_course_for(db, cast, "birch", at_work=booked.at_work)


def form_of(answer: TestResponse) -> dict[str, list[str]]:
    """What the form for doing it all the same would send."""
    form = next(f for f in Page(answer.text).forms if any(name == FIELD for name, _ in f["fields"]))
    fields: dict[str, list[str]] = defaultdict(list)
    for name, value in form["fields"]:
        fields[name].append(value)
    return fields


def all_the_same(client: StrictClient, path: str, refused: TestResponse, reason: str) -> TestResponse:
    """Send that form with a reason."""
    return client.post(path, data={**form_of(refused), FIELD: reason})


def sunday(row: Appointment) -> datetime:
    wall = wall_of(row)
    return (wall - timedelta(days=wall.weekday() + 1)).replace(hour=10, minute=0)


def beside(theirs: BookedCourse, mine: Appointment) -> tuple[str, dict[str, str]]:
    """My third session a little into theirs, with their therapist."""
    other = theirs.session(3)
    wall = wall_of(other) + timedelta(minutes=15)
    typed = {"day": wall.date().isoformat(), "time": f"{wall:%H:%M}", "therapist": str(other.therapist_id)}
    return f"/integration/{mine.id}/move", typed


def overrides(db: Session) -> list[tuple[OverrideRule, int, int | None, str]]:
    rows = db.scalars(select(RuleOverride).order_by(RuleOverride.id))
    return [(row.rule, row.appointment_id, row.other_appointment_id, row.reason) for row in rows]


def test_off_hours_from_the_refusal_to_the_undo(coordinator: StrictClient, booked: BookedCourse, db: Session) -> None:
    row, before = booked.infusion(3), booked.facts()
    path, wanted = f"/infusions/{row.id}/move", sunday(row)
    refused = ask_for(coordinator, path, wanted)
    assert refused.status_code == 422
    words = words_of(refused)
    for sentence in ("Do it all the same", "The nearest times that can be had", "has no shift for all of that time."):
        assert sentence in words
    assert (booked.facts(), overrides(db)) == (before, [])

    shown = all_the_same(coordinator, path, refused, WHY)
    assert shown.status_code == 200
    words = words_of(shown)
    assert "This sets aside: Working hours: The site is not open for the whole visit then." in words
    assert "Working hours: No prescriber is on site during that visit." in words
    assert "Move 1 appointment all the same" in words
    assert words.count("Reason for setting aside") == 1, "all that makes it off hours has one reason"
    assert WHY in shown.text, "the reason is there already"
    assert (booked.facts(), overrides(db)) == (before, [])

    done = coordinator.submit(Page(shown.text), path + "/apply")
    assert (done.status_code, done.location) == (303, f"/courses/{booked.course.id}")
    assert wall_of(booked.infusion(3)) == wanted
    assert overrides(db) == [(OverrideRule.OFF_HOURS, row.id, None, WHY)]
    changes = words_of(coordinator.get(f"/courses/{booked.course.id}/changes"))
    assert "Set a rule aside: off hours" in changes
    told = f"Set aside for this appointment Working hours: “{WHY}” Test Coordinator"
    assert told in words_of(coordinator.get(f"/infusions/{row.id}"))
    page = coordinator.page(done.location)
    undo = next(form["action"] for form in page.forms if form["action"].endswith("/undo"))
    assert coordinator.submit(page, undo).status_code == 303
    assert booked.facts() == before
    assert "Set aside for this appointment" not in words_of(coordinator.get(f"/infusions/{row.id}")), "undone"


@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 301])
def test_the_reason_is_asked_for_where_the_time_was_refused(
    coordinator: StrictClient, booked: BookedCourse, db: Session, reason: str
) -> None:
    row = booked.infusion(3)
    path = f"/infusions/{row.id}/move"
    refused = ask_for(coordinator, path, sunday(row))
    again = all_the_same(coordinator, path, refused, reason)
    assert again.status_code == 422
    words = words_of(again)
    assert ("Keep the reason under 300" if len(reason) > 300 else "Say why, in at least 3 characters.") in words
    assert "Do it all the same" in words
    assert [text.strip() for text in form_of(again)[FIELD]] == [reason.strip()], "what was typed is kept"
    for name in ("start", "set_aside"):
        assert form_of(again)[name] == form_of(refused)[name], "and asks for the same again"
    assert overrides(db) == []


def test_emptying_the_reason_before_the_last_step_saves_nothing(
    coordinator: StrictClient, booked: BookedCourse, db: Session
) -> None:
    row, before = booked.infusion(3), booked.facts()
    path = f"/infusions/{row.id}/move"
    shown = all_the_same(coordinator, path, ask_for(coordinator, path, sunday(row)), WHY)
    box = next(has["id"] for _, has, _ in Page(shown.text).boxes if has.get("name", "").startswith("reason-"))
    empty = coordinator.submit(Page(shown.text), path + "/apply", {box: " "})
    assert empty.status_code == 422
    assert "Say why, in at least 3 characters." in words_of(empty)
    assert (booked.facts(), overrides(db)) == (before, [])


def test_the_reason_may_be_reworded_in_the_preview(
    coordinator: StrictClient, booked: BookedCourse, db: Session
) -> None:
    row = booked.infusion(3)
    path = f"/infusions/{row.id}/move"
    shown = Page(all_the_same(coordinator, path, ask_for(coordinator, path, sunday(row)), WHY).text)
    box = next(has["id"] for _, has, _ in shown.boxes if has.get("name", "").startswith("reason-"))
    assert coordinator.submit(shown, path + "/apply", {box: "Another made-up one"}).status_code == 303
    assert {reason for *_, reason in overrides(db)} == {"Another made-up one"}


def test_an_overlap_names_the_other_appointment(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, cast: Cast, db: Session
) -> None:
    row, other = booked.session(3), theirs.session(3)
    path, typed = beside(theirs, row)
    refused = coordinator.send(path, typed)
    assert refused.status_code == 422
    assert "The therapist has another appointment then." in words_of(refused)
    named = f"is also held by integration session 3 of {cast.patients['birch'].code}, {wall_of(other):%a} 17 Mar"
    assert named in words_of(refused)
    shown = all_the_same(coordinator, path, refused, WHY)
    assert "Double booking: " in words_of(shown) and named in words_of(shown)
    assert "Move 1 appointment all the same" in words_of(shown)
    assert coordinator.submit(Page(shown.text), path + "/apply").status_code == 303
    assert booked.session(3).therapist_id == other.therapist_id
    assert overrides(db) == [(OverrideRule.OVERLAP, row.id, other.id, WHY)]


def test_one_session_more_than_is_set_for_the_day_is_named_and_held_with_a_reason(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, cast: Cast, db: Session
) -> None:
    person, row, other = cast.people["therapist-two"], booked.session(3), theirs.session(3)
    person.most_sessions_a_day = 1
    db.commit()
    wall = wall_of(other) + timedelta(hours=1)
    typed = {"day": wall.date().isoformat(), "time": f"{wall:%H:%M}", "therapist": str(person.id)}
    path = f"/integration/{row.id}/move"
    refused = coordinator.send(path, typed)
    told = f"{person.name} has 1 session that day, the most set for them."
    assert refused.status_code == 422
    assert told in words_of(refused)
    shown = all_the_same(coordinator, path, refused, WHY)
    assert "No therapist works" not in words_of(refused)
    assert f"Sessions a day: {told}" in words_of(shown)
    assert coordinator.submit(Page(shown.text), path + "/apply").status_code == 303
    assert booked.session(3).therapist_id == person.id
    assert overrides(db) == [(OverrideRule.OFF_HOURS, row.id, None, WHY)]
    assert WHY in words_of(coordinator.get(f"/integration/{row.id}"))


def test_a_third_appointment_meanwhile_is_never_overlapped(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, cast: Cast, db: Session
) -> None:
    path, typed = beside(theirs, booked.session(3))
    shown = all_the_same(coordinator, path, coordinator.send(path, typed), WHY)
    before, person = booked.facts(), cast.people["therapist-two"]
    patient = add_patient(db, "P-900", "Test Patient Third", cast.north, now=NOW, primary_therapist=person)
    builders.appointment(db, patient, theirs.session(3).ends_at, therapist=person, now=NOW)
    db.commit()
    late = coordinator.submit(Page(shown.text), path + "/apply")
    assert late.status_code == 409
    assert "P-900" in words_of(late), "it is named now, and may be set aside too"
    assert (booked.facts(), overrides(db)) == (before, [])
    again = all_the_same(coordinator, path, late, WHY)
    assert coordinator.submit(Page(again.text), path + "/apply").status_code == 303
    assert len(overrides(db)) == 2


def test_another_change_meanwhile_shows_the_newer_preview(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, cast: Cast, db: Session
) -> None:
    path, typed = beside(theirs, booked.session(3))
    shown = all_the_same(coordinator, path, coordinator.send(path, typed), WHY)
    other, somebody = theirs.session(3), cast.principals["coordinator"]
    act = Move(other.id, other.starts_at + timedelta(minutes=30), therapist_id=other.therapist_id)
    apply(db, somebody, act, key=preview(db, somebody, act, now=NOW).key, now=NOW)
    db.commit()
    stale = coordinator.submit(Page(shown.text), path + "/apply")
    assert stale.status_code == 409
    assert "Nothing was saved; this is what it would change now." in words_of(stale)
    assert overrides(db) == []


def test_a_chair_for_two_is_told_to_be_impossible(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, cast: Cast, db: Session
) -> None:
    mine, other = booked.infusion(4), theirs.infusion(4)
    somebody = cast.principals["coordinator"]
    away = Move(mine.id, mine.starts_at + timedelta(days=1))
    apply(db, somebody, away, key=preview(db, somebody, away, now=NOW).key, now=NOW)
    for chair in booked.at_work.chairs:
        chair.active = chair.id == other.chair_id
    db.commit()
    refused = ask_for(coordinator, f"/infusions/{mine.id}/move", wall_of(other))
    assert refused.status_code == 422
    assert "No exception can be made" in words_of(refused)
    assert "a chair never takes two patients" in words_of(refused)
    assert FIELD not in refused.text
    forced = {"set_aside": ["OVERLAP", "CHAIR_BUSY", "CLOSED"], "beside": [str(other.id)], FIELD: WHY}
    typed: dict[str, Any] = {"day": wall_of(other).date().isoformat(), "time": f"{wall_of(other):%H:%M}"}
    for where in ("", "/apply"):
        assert coordinator.send(f"/infusions/{mine.id}/move{where}", {**typed, **forced}).status_code in (409, 422)
    assert overrides(db) == []


def test_off_the_grid_there_is_no_form(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(3)
    refused = ask_for(coordinator, f"/infusions/{row.id}/move", sunday(row).replace(minute=7))
    assert "It must start on the site's grid of times, exception or not." in words_of(refused)
    assert FIELD not in refused.text


def whose(booked: BookedCourse, number: int) -> str:
    therapist_id = booked.session(number).therapist_id
    return next(who for who, person in booked.cast.people.items() if person.id == therapist_id)


def test_a_therapist_is_told_whom_to_ask_and_gets_no_further(
    sign_in: SignIn, booked: BookedCourse, theirs: BookedCourse, cast: Cast, db: Session
) -> None:
    row, therapist = booked.session(3), sign_in(whose(booked, 3))
    path, typed = beside(theirs, row)
    refused = therapist.send(path, typed)
    assert refused.status_code == 422
    assert "ask a coordinator" in words_of(refused)
    assert FIELD not in refused.text
    assert cast.patients["birch"].code not in words_of(refused)
    more = {"set_aside": "OVERLAP", "beside": str(theirs.session(3).id), FIELD: WHY, "key": "x"}
    for where in ("", "/apply"):
        assert therapist.send(path + where, {**typed, **more}).status_code == 403
    assert overrides(db) == []


@pytest.mark.parametrize("who", ["nurse", "prescriber", "coordinator-south", "admin", "patient"])
def test_nobody_else_sets_anything_aside(sign_in: SignIn, booked: BookedCourse, who: str) -> None:
    client, row = sign_in(who), booked.infusion(3)
    typed = {"day": sunday(row).date().isoformat(), "time": "10:00", "set_aside": "CLOSED", FIELD: WHY}
    for where in ("", "/apply"):
        assert client.send(f"/infusions/{row.id}/move{where}", typed).status_code in (403, 404)


@pytest.mark.parametrize(
    "more",
    [
        {"set_aside": "everything"},
        {"set_aside": "OVERLAP", "beside": ["", "x", "-1", "²", "9" * 40, "99999999999"]},
        {"set_aside": "OVERLAP", "beside": ["1"] * 500},
        {"set_aside": ["PAST", "GRID", "PINNED"], "beside": "1"},
    ],
)
def test_a_made_up_exception_is_none(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, more: dict[str, Any]
) -> None:
    path, typed = beside(theirs, booked.session(3))
    assert coordinator.send(path, {**typed, **more}).status_code == 422


def test_preparation_and_consolidation_too(coordinator: StrictClient, booked: BookedCourse, db: Session) -> None:
    row = next(row for row in booked.rows() if row.kind == "consolidation")
    path, evening = f"/integration/{row.id}/move", wall_of(row).replace(hour=20, minute=0)
    shown = all_the_same(coordinator, path, ask_for(coordinator, path, evening), WHY)
    assert "Move 1 appointment all the same" in words_of(shown)
    assert coordinator.submit(Page(shown.text), path + "/apply").status_code == 303
    assert overrides(db) == [(OverrideRule.OFF_HOURS, row.id, None, WHY)]


def moved_by_the_rules(client: StrictClient, row: Appointment, wall: datetime, therapist_id: int) -> str:
    """Where the browser goes after the move."""
    path = f"/integration/{row.id}/move"
    typed = {"day": wall.date().isoformat(), "time": f"{wall:%H:%M}", "therapist": str(therapist_id)}
    shown = client.send(path, typed)
    assert shown.status_code == 200, words_of(shown)
    done = client.submit(Page(shown.text), path + "/apply")
    assert done.status_code == 303
    return str(done.location)


def test_undo_brings_back_no_overlap_that_nobody_was_shown(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, db: Session
) -> None:
    mine, path = booked.session(2), f"/integration/{theirs.session(2).id}/move"
    five_minutes_over, therapist_id = wall_of(mine) + timedelta(minutes=45), mine.therapist_id
    assert therapist_id is not None
    typed = {"day": f"{five_minutes_over:%Y-%m-%d}", "time": f"{five_minutes_over:%H:%M}", "therapist": therapist_id}
    shown = all_the_same(coordinator, path, coordinator.send(path, typed), WHY)
    assert coordinator.submit(Page(shown.text), path + "/apply").status_code == 303
    away = moved_by_the_rules(
        coordinator, theirs.session(2), five_minutes_over + timedelta(hours=3), therapist_id
    )  # fmt: skip
    page = coordinator.page(away)
    undo = next(form["action"] for form in page.forms if form["action"].endswith("/undo"))
    moved_by_the_rules(coordinator, booked.session(2), five_minutes_over, therapist_id)
    before = theirs.facts()
    answer = coordinator.submit(page, undo)
    assert answer.status_code in (409, 422)
    assert "is already held" in words_of(answer)
    assert theirs.facts() == before
    assert wall_of(booked.session(2)) == five_minutes_over


def test_undoing_something_else_in_the_same_second_hides_no_exception(
    coordinator: StrictClient, booked: BookedCourse, theirs: BookedCourse, db: Session
) -> None:
    row = booked.infusion(3)
    path = f"/infusions/{row.id}/move"
    shown = all_the_same(coordinator, path, ask_for(coordinator, path, sunday(row)), WHY)
    assert coordinator.submit(Page(shown.text), path + "/apply").status_code == 303
    other = theirs.session(3)
    assert other.therapist_id is not None
    away = moved_by_the_rules(coordinator, other, wall_of(other) + timedelta(hours=5), other.therapist_id)
    page = coordinator.page(away)
    undo = next(form["action"] for form in page.forms if form["action"].endswith("/undo"))
    assert coordinator.submit(page, undo).status_code == 303
    assert f"Working hours: “{WHY}”" in words_of(coordinator.get(f"/infusions/{row.id}"))


def test_two_infusions_of_one_patient_at_once_are_no_exception(
    coordinator: StrictClient, booked: BookedCourse, db: Session
) -> None:
    row = booked.infusion(3)
    refused = ask_for(coordinator, f"/infusions/{row.id}/move", wall_of(booked.infusion(2)) + timedelta(minutes=60))
    assert refused.status_code == 422
    assert "The patient has another appointment then, and nobody is in two places." in words_of(refused)
    assert FIELD not in refused.text
