"""Steps 1 to 3: what is asked, what is refused beside its field, and that everything typed is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.queries.drafts import open_drafts
from planner.store.records import PlanDraft
from tests.builders import course
from tests.support.cast import Cast
from tests.support.planning_clinic import AtWork
from tests.support.strict_client import Page, StrictClient
from tests.web.planning.wizard import Wizard

SignIn = Callable[[str], StrictClient]


def drafts(db: Session) -> list[PlanDraft]:
    db.expire_all()
    return list(db.scalars(select(PlanDraft).order_by(PlanDraft.id)))


def test_the_first_page_offers_patients_of_the_site_and_protocols_switched_on(wizard: Wizard) -> None:
    page = wizard.client.page("/courses/new")
    assert "P-101 · Test Patient Alder" in page.words
    assert "Cedar" not in page.words
    assert "IV racemic ketamine, twice weekly" in page.words
    assert "NAD" not in page.words
    assert "Clinic window: 12 to 72 h after dosing (preferred 18 to 48 h)." in page.words
    assert "the exact hours are not established" in page.words
    assert "used off-label here" in page.words


def test_a_patient_may_be_chosen_by_the_address(wizard: Wizard) -> None:
    form = wizard.client.page(f"/courses/new?patient={wizard.patient_id}").form("/courses/new")
    assert ("patient_id", str(wizard.patient_id)) in form["fields"]


@pytest.mark.parametrize("typed", ["0", "", "no number", "999999999999999999"])
def test_without_a_patient_nothing_begins(wizard: Wizard, db: Session, typed: str) -> None:
    answer = wizard.begin(patient_id=typed)
    assert answer.status_code == 422
    assert "Choose a patient." in answer.text
    assert drafts(db) == []


def test_somebody_elses_patient_is_not_there(wizard: Wizard, cast: Cast, db: Session) -> None:
    assert wizard.begin(patient_id=cast.patients["cedar"].id).status_code == 404
    assert drafts(db) == []


def test_a_protocol_that_is_switched_off_is_refused(wizard: Wizard, db: Session) -> None:
    from planner.services.protocols import newest_version

    answer = wizard.begin(protocol_version_id=newest_version(db, "nad").id)
    assert answer.status_code == 422
    assert "Choose one of the protocols this clinic has switched on." in answer.text


def test_a_patient_in_a_course_gets_a_sentence_with_a_link(
    wizard: Wizard, at_work: AtWork, cast: Cast, db: Session
) -> None:
    there = course(db, cast.patients["alder"], at_work.twice_weekly)
    db.commit()
    answer = wizard.begin()
    assert answer.status_code == 422
    assert "This patient is in a course already." in answer.text
    assert f'href="/courses/{there.id}"' in answer.text
    assert drafts(db) == []


def test_the_same_first_form_sent_twice_begins_one_draft(wizard: Wizard, db: Session) -> None:
    page = wizard.client.page("/courses/new")
    chosen = {"patient_id": wizard.patient_id, "protocol_version_id": wizard.version_id}
    answers = [wizard.client.submit(page, "/courses/new", chosen) for _ in range(2)]
    assert answers[0].location == answers[1].location
    assert len(drafts(db)) == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"earliest_day": "2026-03-03"}, "That day has passed."),
        ({"earliest_day": ""}, "Enter the earliest day."),
        ({"earliest_day": "31/02/2026"}, "Enter a day with its month and year"),
        ({"earliest_day": "2036-03-03"}, "more than a year ahead"),
        ({"latest_first_day": "2026-03-04"}, "The latest first day is before the earliest one."),
        ({"weekdays": []}, "Choose at least one day of the week."),
        ({"weekdays": ["9"]}, "Choose from this list"),
        ({"preferred_from": "12:00", "preferred_to": "09:00"}, "The preferred hours end before they begin."),
        ({"preferred_from": "25:00"}, "Enter a time on the 24-hour clock"),
    ],
)
def test_days_that_will_not_do_are_refused_beside_their_field(
    wizard: Wizard, db: Session, typed: dict[str, Any], sentence: str
) -> None:
    wizard.to(2)
    before = drafts(db)[0].version
    answer = wizard.send(2, {"preferred_to": "16:30", **typed})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert Page(answer.text).title.startswith("Error: ")
    if "preferred_to" not in typed:
        assert 'value="16:30"' in answer.text
    assert drafts(db)[0].version == before


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"modes": []}, "Choose at least one way of meeting."),
        ({"therapist_id": "0", "therapist_ids": []}, "Choose at least one therapist"),
        ({"therapist_id": "424242"}, "Choose from this list"),
        ({"escort": "x" * 121}, "Enter at most 120 characters"),
        ({"escort": "Test\x07Friend"}, "Take out line breaks and control characters."),
    ],
)
def test_a_team_that_will_not_do_is_refused_beside_its_field(
    wizard: Wizard, typed: dict[str, Any], sentence: str
) -> None:
    answer = wizard.to(3).send(3, typed)
    assert answer.status_code == 422
    assert sentence in answer.text


@pytest.mark.parametrize("escort", ["Test Friend 🌿", "صديق تجريبي", "a, b; c <b>"])
def test_names_in_any_script_come_back_as_they_were_typed(wizard: Wizard, db: Session, escort: str) -> None:
    assert wizard.to(3).send(3, {"escort": escort}).status_code == 303
    assert drafts(db)[0].answers["escort"] == escort
    assert ("escort", escort) in wizard.page(3).form(wizard.url(3))["fields"] or "<" in escort


def test_going_back_shows_what_was_answered(wizard: Wizard) -> None:
    wizard.to(2).send(2, {"earliest_day": "2026-03-09", "weekdays": ["0", "3"], "preferred_from": "09:00"})
    wizard.send(3)
    fields = wizard.page(2).form(wizard.url(2))["fields"]
    assert ("earliest_day", "2026-03-09") in fields
    assert [value for name, value in fields if name == "weekdays"] == ["0", "3"]
    assert ("preferred_from", "09:00") in fields


def test_save_and_finish_later_is_found_on_today_and_goes_on_there(wizard: Wizard, cast: Cast, db: Session) -> None:
    answer = wizard.to(3).send(3, {"escort": "Test Friend", "later": "1"})
    assert (answer.status_code, answer.location) == (303, "/today")
    [begun] = open_drafts(db, cast.principals["coordinator"])
    assert (begun.patient_code, begun.step) == ("P-101", 3)
    assert wizard.client.get(f"/courses/new/{begun.id}").location == wizard.url(3)
    assert ("escort", "Test Friend") in wizard.page(3).form(wizard.url(3))["fields"]


def test_a_step_not_reached_yet_leads_to_the_one_that_is(wizard: Wizard) -> None:
    wizard.to(2)
    assert wizard.client.get(wizard.url(5)).location == wizard.url(2)


def test_a_newer_answer_from_another_window_is_not_overwritten(wizard: Wizard, db: Session) -> None:
    wizard.to(2)
    old = wizard.page(2)
    wizard.send(2, {"earliest_day": "2026-03-10"})
    answer = wizard.send(2, {"earliest_day": "2026-03-16"}, old)
    assert answer.status_code == 409
    assert "This plan was changed" in answer.text
    assert ("earliest_day", "2026-03-10") in Page(answer.text).form(wizard.url(2))["fields"]
    assert drafts(db)[0].answers["earliest_day"] == "2026-03-10"


def test_another_patient_keeps_the_days_and_brings_their_own_team(wizard: Wizard, cast: Cast, db: Session) -> None:
    wizard.to(2).send(2, {"earliest_day": "2026-03-10"})
    answer = wizard.send(1, {"patient_id": cast.patients["birch"].id})
    assert answer.location == wizard.url(2)
    answers = drafts(db)[0].answers
    assert answers["patient_id"] == cast.patients["birch"].id
    assert answers["earliest_day"] == "2026-03-10"
    assert answers["therapist_id"] == cast.people["therapist-two"].id


def test_a_draft_is_its_makers_alone(wizard: Wizard, sign_in: SignIn) -> None:
    wizard.to(5)
    for path in ("", "/1", "/2", "/3", "/4", "/4/dates", "/4/1", "/5", "/discard"):
        assert sign_in("coordinator-south").get(f"/courses/new/{wizard.draft}{path}").status_code == 404


@pytest.mark.parametrize("who", ["admin", "prescriber", "nurse", "therapist", "patient"])
def test_nobody_but_a_coordinator_plans(wizard: Wizard, sign_in: SignIn, who: str) -> None:
    assert sign_in(who).get("/courses/new").status_code == 404
    assert sign_in(who).send("/courses/new", {"patient_id": 1}).status_code == 403


def test_discarding_asks_once_and_leaves_nothing(wizard: Wizard, db: Session) -> None:
    wizard.to(5)
    answer = wizard.send("discard")
    assert (answer.status_code, answer.location) == (303, "/courses/new")
    assert drafts(db) == []
    assert wizard.client.get(wizard.url(2)).status_code == 404


def test_titles_and_addresses_name_no_one(wizard: Wizard) -> None:
    wizard.to(5)
    for step in (1, 2, 3, 4, "4/dates", "4/2", 5):
        assert "Alder" not in wizard.page(step).title
        assert "P-101" not in wizard.page(step).title
