"""Step 4: plans compared by weekday, the chosen one's dates, other times, why not, and ways out."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.intervals import instant_of, minute_of
from planner.domain.statuses import Mode
from planner.services.plan_answers import Answers
from planner.store.records import Person, PlanDraft
from tests.builders import appointment, at
from tests.support.cast import Cast
from tests.support.planning_clinic import AtWork
from tests.support.strict_client import Page
from tests.web.planning.wizard import Wizard


def answers(db: Session) -> Answers:
    db.expire_all()
    return Answers.from_json(db.scalars(select(PlanDraft.answers)).one())


def squeezed(words: str) -> str:
    return " ".join(words.split())


def key_of_pattern(page: Page, text: str, days: str) -> str:
    found = re.search(r'value="([0-9a-f]{20})"[^>]*>\s*<label[^>]*>' + days, text)
    assert found, page.words
    return found.group(1)


def choose(wizard: Wizard, days: str) -> None:
    text = wizard.client.get(wizard.url(4)).text
    answer = wizard.send(4, {"plan": key_of_pattern(Page(text), text, days)})
    assert answer.location == wizard.url("4/dates")


def test_plans_are_compared_by_their_days(wizard: Wizard) -> None:
    words = squeezed(wizard.to(4).page(4).words)
    assert "Mon and Wed" in words
    assert "Suggested" in words
    assert "6 of 6" in words
    assert "Clinic window: 12 to 72 h" in words


def test_a_friday_says_that_the_preferred_time_falls_on_the_weekend_and_offers_ways_out(wizard: Wizard) -> None:
    wizard.to(4)
    assert "the whole preferred time falls on the weekend" in squeezed(wizard.page(4).words)
    choose(wizard, "Tue and Fri")
    words = squeezed(wizard.page("4/dates").words)
    assert "The whole preferred time falls on the weekend." in words
    assert "Move the dose to Thu" in words
    assert "Keep it, with a session in another part of the window" in words


def test_a_plan_that_is_none_is_answered_with_fresh_ones(wizard: Wizard) -> None:
    answer = wizard.to(4).send(4, {"plan": "0" * 20})
    assert answer.status_code == 409
    assert "That plan is not free any more." in answer.text
    assert "Mon and Wed" in answer.text


def test_each_infusion_shows_its_window_and_what_fits(wizard: Wizard) -> None:
    words = squeezed(wizard.to("4/dates").page("4/dates").words)
    assert "14 appointments." in words
    assert words.count("Clinic window open") >= 6
    assert "cut short by infusion 2" in words
    assert "Why not " in words
    assert "24 h after. In the preferred time. The patient's own therapist, on a usual day." in words


def test_another_session_is_taken_and_everything_else_stays(wizard: Wizard, db: Session) -> None:
    page = wizard.to("4/dates").page("4/dates")
    before = answers(db).proposal
    text = wizard.client.get(wizard.url("4/dates")).text
    offered = re.findall(r'name="session-3" id="session-3-\d" value="([^"]+)"', text)
    assert len(offered) > 1
    assert wizard.send("4/dates", {"session-3": offered[1]}, page).location == wizard.url(5)
    after = answers(db)
    assert before is not None and after.proposal is not None
    assert after.by_hand
    assert {p for p in before.placements if p.serves != 3} == {p for p in after.proposal.placements if p.serves != 3}
    [moved] = [p for p in after.proposal.placements if p.serves == 3]
    assert f"{moved.start}-{moved.therapist_id}-{moved.mode.value}" == offered[1]
    assert moved.window_status is not None and moved.window_status.in_window


def test_a_session_time_that_is_not_offered_is_refused(wizard: Wizard, db: Session) -> None:
    answer = wizard.to("4/dates").send("4/dates", {"session-2": "12345-1-telehealth"})
    assert answer.status_code == 409
    assert "is not free any more. Choose another." in answer.text
    assert not answers(db).by_hand


def test_an_infusion_moves_with_all_that_depends_on_it(wizard: Wizard, db: Session) -> None:
    answer = wizard.to("4/dates").send("4/dates", {"other": "4"})
    assert answer.location == wizard.url("4/4")
    text = wizard.client.get(wizard.url("4/4")).text
    assert "Other times: Infusion 2" in text
    offers = re.findall(r'name="time" id="time-\d+" value="(\d+)"', text)
    assert offers
    before = answers(db).proposal
    assert before is not None
    another_day = next(o for o in offers if abs(int(o) - before.placements[3].start) > 600)
    assert wizard.send("4/4", {"time": another_day}).location == wizard.url("4/dates")
    after = answers(db).proposal
    assert after is not None
    assert int(another_day) in {p.start for p in after.placements}
    assert "Infusion 2 is now" in wizard.page("4/dates").words
    for p in after.placements:
        assert p.serves is None or (p.window_status is not None and p.window_status.in_window)
    assert wizard.send("4/dates").location == wizard.url(5)


def test_other_times_of_sessions_of_each_kind(wizard: Wizard, db: Session) -> None:
    wizard.to("4/dates")
    for place in (1, 3, 14):
        page = wizard.page(f"4/{place}")
        text = wizard.client.get(wizard.url(f"4/{place}")).text
        offers = re.findall(r'name="time" id="time-\d+" value="([^"]+)"', text)
        assert offers, page.words
        assert wizard.send(f"4/{place}", {"time": offers[0]}).location == wizard.url("4/dates")
    assert wizard.send("4/dates").location == wizard.url(5)


@pytest.mark.parametrize("typed", ["", "1", "999999999999", "abc", "1-2-telehealth", "²"])
def test_a_time_nobody_offered_changes_nothing(wizard: Wizard, db: Session, typed: str) -> None:
    wizard.to("4/dates")
    before = answers(db)
    answer = wizard.send("4/2", {"time": typed})
    assert answer.status_code == 422
    assert answers(db) == before


def test_a_place_that_is_none_is_not_there(wizard: Wizard) -> None:
    wizard.to("4/dates")
    assert wizard.client.get(wizard.url("4/0")).status_code == 404
    assert wizard.client.get(wizard.url("4/99")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ("day=2026-03-14&time=10:00", "The site is not open for the whole visit then."),
        ("day=2026-03-10&time=10:07", "Visits start on the site's grid of times only."),
        ("day=2026-03-02&time=10:00", "That time has passed."),
        ("day=2199-03-02&time=10:00", "outside the roster that is known so far"),
        ("day=9999-12-31&time=23:59", "That is too far ahead. Enter a nearer day."),
        ("day=2026-03-08&time=02:30", "02:30 does not exist on"),
        ("day=soon&time=10:00", "Enter a day with its month and year"),
    ],
)
def test_why_not_names_the_rule(wizard: Wizard, asked: str, rule: str) -> None:
    page = wizard.to("4/dates").client.page(wizard.url(f"4/4?{asked}"))
    assert rule in squeezed(page.words)


def test_no_plan_names_the_rules_and_a_way_out_that_helps(wizard: Wizard, db: Session) -> None:
    wizard.to(2).send(2, {"earliest_day": "2026-03-05", "latest_first_day": "2026-03-05", "weekdays": ["4"]})
    wizard.send(3)
    page = wizard.page(4)
    words = squeezed(page.words)
    assert "No plan fits what was asked" in words
    assert "Allow any weekday" in words
    answer = wizard.client.submit(page, wizard.url("4/widen"), {"way": "any-weekday"})
    assert answer.location == wizard.url(4)
    assert "best first" in wizard.page(4).words
    assert answers(db).latest_first_day is not None


def test_a_way_out_that_is_none_is_refused(wizard: Wizard) -> None:
    wizard.to(4)
    answer = wizard.client.send(wizard.url("4/widen"), {"way": "magic"}, version=3)
    assert answer.status_code == 422
    assert "Choose one of the ways out" in answer.text


def test_other_weekdays_drop_the_plan_and_fitting_ones_keep_it(wizard: Wizard, db: Session) -> None:
    wizard.to(5)
    wizard.send(2, {"weekdays": ["0", "2", "4"]})
    assert answers(db).proposal is not None
    wizard.send(2, {"weekdays": ["1", "3"]})
    assert answers(db).proposal is None
    assert wizard.client.get(wizard.url(5)).location == wizard.url(4)


def take_second_infusion(db: Session, at_work: AtWork, cast: Cast) -> None:
    """Book somebody else into the chair of the chosen plan's second infusion."""
    proposal = answers(db).proposal
    assert proposal is not None
    second = [p for p in proposal.placements if p.chair_id][1]
    chair = next(chair for chair in at_work.chairs if chair.id == second.chair_id)
    appointment(db, cast.patients["birch"], instant_of(second.start), 130, chair=chair)
    db.commit()


def test_what_somebody_took_meanwhile_is_told_and_fresh_plans_offered(
    wizard: Wizard, at_work: AtWork, cast: Cast, db: Session
) -> None:
    wizard.to("4/dates")
    take_second_infusion(db, at_work, cast)
    assert wizard.client.get(wizard.url("4/dates")).location == wizard.url(4)
    words = squeezed(wizard.page(4).words)
    assert "Part of the plan you had chosen is not free any more: Infusion 2" in words


def test_a_choice_for_a_plan_that_somebody_took_meanwhile_is_refused_with_fresh_plans(
    wizard: Wizard, at_work: AtWork, cast: Cast, db: Session
) -> None:
    page = wizard.to("4/dates").page("4/dates")
    take_second_infusion(db, at_work, cast)
    answer = wizard.send("4/dates", page=page)
    assert answer.status_code == 409
    assert "That plan is not free any more. Here is what is free now." in answer.text
    assert "Part of the plan you had chosen is not free any more: Infusion 2" in squeezed(Page(answer.text).words)


def fill_the_day_of_session_2(db: Session, cast: Cast) -> str:
    """Set one session a day for the therapist of the chosen plan's second session, and give them one that day."""
    proposal = answers(db).proposal
    assert proposal is not None
    (talk,) = (p for p in proposal.placements if p.serves == 2)
    person = db.get_one(Person, talk.therapist_id)
    person.most_sessions_a_day = 1
    appointment(db, cast.patients["birch"], instant_of(talk.start - 120), therapist=person)
    db.commit()
    return person.name


def test_a_session_on_a_day_that_is_full_by_now_is_told_and_fresh_plans_offered(
    wizard: Wizard, cast: Cast, db: Session
) -> None:
    wizard.to("4/dates")
    fill_the_day_of_session_2(db, cast)
    assert wizard.client.get(wizard.url("4/dates")).location == wizard.url(4)
    words = squeezed(wizard.page(4).words)
    assert "Part of the plan you had chosen is not free any more: Integration after infusion 2" in words
    choose(wizard, "Mon and Wed")
    assert wizard.page("4/dates")


def test_why_not_names_whose_day_is_full(wizard: Wizard, cast: Cast, db: Session) -> None:
    """On Friday 6 March the second therapist works alone, and has the one session that is set for them."""
    wizard.to("4/dates")
    person = cast.people["therapist-two"]
    person.most_sessions_a_day = 1
    appointment(db, cast.patients["birch"], at("2026-03-06 10:00"), therapist=person)
    db.commit()
    asked = wizard.url("4/1?day=2026-03-06&time=14:00")
    told = f"{person.name} has 1 session that day, the most set for them."
    assert f"Fri 6 Mar 14:00 {told}" in squeezed(wizard.client.page(asked).words)
    person.most_sessions_a_day = None
    db.commit()
    assert told not in squeezed(wizard.client.page(asked).words)


def test_a_patient_who_meets_by_video_only_gets_video(wizard: Wizard, db: Session) -> None:
    wizard.to(3).send(3, {"modes": ["telehealth"]})
    wizard.send(4)
    proposal = answers(db).proposal
    assert proposal is not None
    sessions = [p for p in proposal.placements if p.chair_id is None]
    assert sessions and all(p.mode is Mode.TELEHEALTH for p in sessions)


def test_preferred_hours_are_used_where_possible(wizard: Wizard, db: Session) -> None:
    wizard.to(2).send(2, {"preferred_from": "13:00", "preferred_to": "15:00"})
    wizard.send(3)
    wizard.send(4)
    proposal = answers(db).proposal
    assert proposal is not None
    noon = minute_of(at("2026-03-09 12:00")) % 1440
    doses = [p.start for p in proposal.placements if p.chair_id is not None]
    assert sum(start % 1440 >= noon for start in doses) >= 3


@pytest.mark.parametrize("typed", [{"other": "²"}, {"session-²": "1"}, {"session-1": "²"}, {"other": "9" * 40}])
def test_digits_of_other_kinds_are_no_fault(wizard: Wizard, typed: dict[str, str]) -> None:
    assert wizard.to("4/dates").send("4/dates", typed).status_code in (303, 409)
