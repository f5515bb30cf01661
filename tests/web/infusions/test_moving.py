"""Moving an infusion: refusals that name every rule, times that clocks skip or show twice, rules set aside."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.status_changes import cancel
from planner.store.records import OverrideRule, RuleOverride
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast
from tests.support.strict_client import Page, StrictClient
from tests.web.stage import ask_for, wall_of, words_of

DAY = timedelta(days=1)


def test_the_move_page_offers_times_by_day_and_boxes_of_ones_own(
    coordinator: StrictClient, booked: BookedCourse
) -> None:
    page = coordinator.page(f"/infusions/{booked.infusion(3).id}/move")
    assert "Times that keep everything whole" in page.words
    assert "Chicago time" in page.words
    names = {has.get("name") for _, has, _ in page.boxes}
    assert {"start", "day", "time", "chair"} <= names


def test_a_refused_time_names_every_rule_and_the_nearest_times(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(3)
    sunday = wall_of(row) + (6 - wall_of(row).weekday()) * DAY
    refused = ask_for(coordinator, f"/infusions/{row.id}/move", sunday.replace(hour=7, minute=7))
    assert refused.status_code == 422
    words = words_of(refused)
    for sentence in ("grid of times", "not open for the whole visit", "No nurse", "No prescriber"):
        assert sentence in words
    assert "The nearest times that can be had" in words
    assert f'value="{sunday.date().isoformat()}"' in refused.text, "what was typed is kept"
    assert 'value="07:07"' in refused.text
    assert Page(refused.text).title.startswith("Error")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"day": "", "time": "10:00"}, "Enter the new day."),
        ({"day": "2026-03-20", "time": ""}, "Enter the new time."),
        ({"day": "2026-02-30", "time": "10:00"}, "Enter a day that exists"),
        ({"day": "0001-01-01", "time": "10:00"}, "Enter a year from 2000 on."),
        ({"day": "2026-03-20", "time": "25:00"}, "Enter a time from 00:00 to 23:59"),
        ({"start": "tomorrow"}, "Choose one of the offered times."),
        ({"start": "9" * 10_000}, "Choose one of the offered times."),
        ({"start": "0001-01-01T00:00+2359"}, "Choose one of the offered times."),
        ({"start": "9999-12-31T23:59-2359"}, "Choose one of the offered times."),
        ({"day": "2026-03-20", "time": "10:00", "chair": "424242"}, "Choose from this list"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence(
    coordinator: StrictClient, booked: BookedCourse, typed: dict[str, str], sentence: str
) -> None:
    before = booked.facts()
    refused = coordinator.send(f"/infusions/{booked.infusion(3).id}/move", typed)
    assert refused.status_code == 422
    assert sentence in words_of(refused)
    assert booked.facts() == before


def test_the_time_it_has_already_is_no_move(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(3)
    refused = ask_for(coordinator, f"/infusions/{row.id}/move", wall_of(row))
    assert refused.status_code == 422
    assert "It is at that time already." in words_of(refused)


def test_a_time_the_clocks_skip_is_refused_at_the_field(coordinator: StrictClient, booked: BookedCourse) -> None:
    refused = ask_for(coordinator, f"/infusions/{booked.infusion(3).id}/move", datetime(2026, 3, 8, 2, 30))
    assert refused.status_code == 422
    assert "02:30 does not exist on Sun 8 Mar 2026" in words_of(refused)


def test_a_time_the_clocks_show_twice_is_asked_about(coordinator: StrictClient, booked: BookedCourse) -> None:
    path = f"/infusions/{booked.infusion(3).id}/move"
    asked = ask_for(coordinator, path, datetime(2026, 11, 1, 1, 30))
    assert asked.status_code == 422
    assert "happens twice" in words_of(asked)
    assert 'name="which"' in asked.text
    answered = ask_for(coordinator, path, datetime(2026, 11, 1, 1, 30), which="1")
    assert "Choose the first or the second" not in words_of(answered)


def test_a_rule_is_set_aside_with_a_reason_and_a_row_of_its_own(
    coordinator: StrictClient, booked: BookedCourse, db: Session
) -> None:
    row, before = booked.infusion(3), booked.infusion(2)
    path = f"/infusions/{row.id}/move"
    wanted = wall_of(before) + DAY
    refused = ask_for(coordinator, path, wanted.replace(hour=14, minute=0))
    assert refused.status_code == 422
    assert "Do it all the same" in words_of(refused)

    answer = ask_for(coordinator, path, wanted.replace(hour=14, minute=0), set_aside="SPACING")
    if answer.status_code == 422:  # the dose before has no session left either: one more rule to set aside
        more = {"set_aside": ["SPACING", "NO_WINDOW_SLOT"]}
        answer = coordinator.send(path, {"day": wanted.date().isoformat(), "time": "14:00", **more})
    assert answer.status_code == 200
    preview = Page(answer.text)
    boxes = [has["id"] for _, has, _ in preview.boxes if has.get("name", "").startswith("reason-")]
    assert "reason-SPACING" in boxes

    without = coordinator.submit(preview, path + "/apply")
    assert without.status_code == 422
    assert "Say why, in at least 3 characters." in words_of(without)
    assert db.scalar(select(RuleOverride.id)) is None

    long = coordinator.submit(preview, path + "/apply", dict.fromkeys(boxes, "x" * 10_000))
    assert long.status_code == 422
    assert "under 300 characters" in words_of(long)
    assert "x" * 10_000 in long.text, "what was typed is kept"

    done = coordinator.submit(preview, path + "/apply", dict.fromkeys(boxes, "A made-up reason \U0001f642, أ; ok"))
    assert done.status_code == 303
    rules = set(db.scalars(select(RuleOverride.rule)))
    assert OverrideRule.SPACING in rules
    changes = words_of(coordinator.get(f"/courses/{booked.course.id}/changes"))
    assert "Set a rule aside: spacing" in changes


def test_a_rule_nobody_may_set_aside_stays(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(3)
    night = wall_of(row).replace(hour=3)
    assert ask_for(coordinator, f"/infusions/{row.id}/move", night, set_aside="CLOSED").status_code == 422


def test_a_made_up_choice_is_no_fault(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(3)
    path = f"/infusions/{row.id}/move"
    for choice in ("", "x", "99", "-1", "1" * 40):
        assert ask_for(coordinator, path, wall_of(row) + DAY, **{"choice-3": choice}).status_code == 200


def test_a_session_has_no_infusion_page_and_the_other_way_round(
    coordinator: StrictClient, booked: BookedCourse, cast: Cast
) -> None:
    assert coordinator.get(f"/infusions/{booked.session(3).id}/move").status_code == 404
    assert coordinator.get(f"/integration/{booked.infusion(3).id}/move").status_code == 404
    assert coordinator.get("/infusions/999999").status_code == 404


def test_seconds_make_no_other_time(coordinator: StrictClient, booked: BookedCourse) -> None:
    row = booked.infusion(3)
    wall = wall_of(row)
    typed = {"day": wall.date().isoformat(), "time": f"{wall:%H:%M}:30"}
    refused = coordinator.send(f"/infusions/{row.id}/move", typed)
    assert refused.status_code == 422
    assert "It is at that time already." in words_of(refused)


@pytest.mark.parametrize("start", ["", "tomorrow"])
def test_applying_without_a_time_asks_for_one_on_the_same_page(
    coordinator: StrictClient, booked: BookedCourse, start: str
) -> None:
    before = booked.facts()
    refused = coordinator.send(f"/infusions/{booked.infusion(3).id}/move/apply", {"start": start, "key": "x"})
    assert refused.status_code == 422
    assert "Times that keep everything whole" in words_of(refused)
    assert booked.facts() == before


@pytest.mark.parametrize("number", ["²", "٢", "-1", "99", "1e3", "x"])
def test_a_way_out_that_is_no_number_is_no_fault(coordinator: StrictClient, booked: BookedCourse, number: str) -> None:
    path = f"/infusions/{booked.infusion(3).id}/cancel"
    answer = coordinator.send(path, {"outcome": "cancelled", "follow": "slide", "choice-1": number})
    assert answer.status_code == 200


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_nothing_is_asked_about_what_is_settled(
    coordinator: StrictClient, booked: BookedCourse, db: Session, act: str
) -> None:
    row = booked.infusion(3)
    cancel(db, booked.cast.principals["coordinator"], row.id, seen_version=row.version, now=NOW)
    answer = coordinator.get(f"/infusions/{row.id}/{act}")
    assert (answer.status_code, answer.location) == (303, f"/infusions/{row.id}")
    assert "any more." in coordinator.page(answer.location).words
