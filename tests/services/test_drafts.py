"""Drafts of plans: kept step by step, by their maker alone, in one version at a time."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.domain.statuses import Mode
from planner.services.comparing import compare_plans, key_of
from planner.services.drafts import (
    AlreadyInCourse,
    begin_draft,
    book_draft,
    change_subject,
    discard_draft,
    keep_times,
    save_answers,
)
from planner.services.plan_answers import Answers, with_days, with_team
from planner.services.plan_loading import load_plan
from planner.services.planning import propose
from planner.store.queries.drafts import draft as draft_of
from planner.store.queries.drafts import open_drafts
from planner.store.records import Appointment, Hold, PlanDraft
from tests.builders import course
from tests.support.cast import NOW, Cast, make_cast
from tests.support.planning_clinic import AtWork, put_to_work

ZONE = "America/Chicago"
TODAY = date(2026, 3, 4)


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


def begun(db: Session, cast: Cast, at_work: AtWork) -> PlanDraft:
    return begin_draft(
        db,
        cast.principals["coordinator"],
        patient_id=cast.patients["alder"].id,
        protocol_version_id=at_work.twice_weekly.id,
        step=2,
        now=NOW,
    )


def planned(db: Session, cast: Cast, at_work: AtWork) -> PlanDraft:
    """A draft with the best plan chosen."""
    me, draft = cast.principals["coordinator"], begun(db, cast, at_work)
    answers = replace(Answers.from_json(draft.answers), earliest_day=TODAY + timedelta(days=1))
    best = propose(load_plan(db, me, answers, NOW).plan).proposals[0]
    return save_answers(
        db, me, draft.id, lambda _: answers.with_plan(best, by_hand=False), seen_version=1, step=4, now=NOW
    )


def test_a_draft_starts_with_what_the_patients_record_says(db: Session, cast: Cast, at_work: AtWork) -> None:
    draft = begun(db, cast, at_work)
    answers = Answers.from_json(draft.answers)
    assert answers.therapist_id == cast.people["therapist"].id
    assert (answers.site_id, answers.preferred, answers.reached) == (cast.north.id, (0, 1440), 2)
    assert [row.id for row in open_drafts(db, cast.principals["coordinator"])] == [draft.id]
    assert open_drafts(db, cast.principals["coordinator-south"]) == []


def test_answers_come_back_equal_from_json(db: Session, cast: Cast, at_work: AtWork) -> None:
    answers = Answers.from_json(planned(db, cast, at_work).answers)
    changed = replace(
        answers,
        latest_first_day=TODAY + timedelta(days=9),
        therapist_ids=frozenset({1, 2}),
        modes=(Mode.TELEHEALTH,),
        escort="Test Friend 🌿",
    )
    assert Answers.from_json(changed.to_json()) == changed
    assert answers.proposal is not None
    assert key_of(answers.proposal) == key_of(Answers.from_json(answers.to_json()).proposal or answers.proposal)


@pytest.mark.parametrize("broken", [{}, {"patient_id": "x"}, {"modes": 3}])
def test_answers_that_cannot_be_read_say_so(broken: dict[str, object]) -> None:
    with pytest.raises(FieldError, match="cannot be read"):
        Answers.from_json(broken)


def test_nobody_without_the_right_begins_a_plan(db: Session, cast: Cast, at_work: AtWork) -> None:
    for who, error in (("therapist", NotPermitted), ("patient", NotPermitted), ("coordinator-south", NotFound)):
        with pytest.raises(error):
            begin_draft(
                db,
                cast.principals[who],
                patient_id=cast.patients["alder"].id,
                protocol_version_id=at_work.twice_weekly.id,
                step=2,
                now=NOW,
            )


def test_another_coordinator_neither_reads_nor_changes_it(db: Session, cast: Cast, at_work: AtWork) -> None:
    draft, other = begun(db, cast, at_work), cast.principals["coordinator-south"]
    with pytest.raises(NotFound):
        draft_of(db, other, draft.id)
    with pytest.raises(NotFound):
        save_answers(db, other, draft.id, lambda answers: answers, seen_version=1, step=3, now=NOW)
    with pytest.raises(NotFound):
        discard_draft(db, other, draft.id, seen_version=1, now=NOW)


def test_an_older_version_changes_nothing(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, draft = cast.principals["coordinator"], begun(db, cast, at_work)
    save_answers(db, me, draft.id, lambda a: replace(a, escort="Test Friend"), seen_version=1, step=3, now=NOW)
    for act in (
        lambda: save_answers(db, me, draft.id, lambda a: replace(a, escort=""), seen_version=1, step=3, now=NOW),
        lambda: discard_draft(db, me, draft.id, seen_version=1, now=NOW),
        lambda: keep_times(db, me, draft.id, seen_version=1, now=NOW),
        lambda: book_draft(db, me, draft.id, seen_version=1, now=NOW),
    ):
        with pytest.raises(StaleVersion):
            act()
    assert Answers.from_json(draft.answers).escort == "Test Friend"


def test_a_patient_in_a_course_is_refused_with_its_id(db: Session, cast: Cast, at_work: AtWork) -> None:
    there = course(db, cast.patients["alder"], at_work.twice_weekly)
    with pytest.raises(AlreadyInCourse) as refusal:
        begun(db, cast, at_work)
    assert refusal.value.course_id == there.id


def test_another_protocol_keeps_all_but_the_dates(db: Session, cast: Cast, at_work: AtWork) -> None:
    from planner.services.protocols import newest_version

    me, draft = cast.principals["coordinator"], planned(db, cast, at_work)
    other = newest_version(db, "iv-racemic-thrice-weekly")
    change_subject(
        db,
        me,
        draft.id,
        patient_id=cast.patients["alder"].id,
        protocol_version_id=other.id,
        seen_version=2,
        step=2,
        now=NOW,
    )
    answers = Answers.from_json(draft.answers)
    assert (answers.protocol_version_id, answers.proposal) == (other.id, None)
    assert answers.earliest_day == TODAY + timedelta(days=1)


def test_kept_times_block_and_are_given_back_with_the_draft(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, draft = cast.principals["coordinator"], planned(db, cast, at_work)
    until = keep_times(db, me, draft.id, seen_version=2, now=NOW)
    assert until == NOW + timedelta(minutes=cast.clinic.hold_minutes)
    assert draft_of(db, me, draft.id).hold_until == until
    keep_times(db, me, draft.id, seen_version=2, now=NOW)
    assert len(db.scalars(select(Hold)).all()) == 1
    discard_draft(db, me, draft.id, seen_version=2, now=NOW)
    assert db.scalars(select(Hold)).all() == []


def test_nothing_is_kept_or_booked_before_dates_are_chosen(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, draft = cast.principals["coordinator"], begun(db, cast, at_work)
    for act in (keep_times, book_draft):
        with pytest.raises(FieldError, match="Choose the dates first"):
            act(db, me, draft.id, seen_version=1, now=NOW)


def test_a_booked_plan_is_no_draft_any_more(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, draft = cast.principals["coordinator"], planned(db, cast, at_work)
    booked = book_draft(db, me, draft.id, seen_version=2, now=NOW)
    assert draft_of(db, me, draft.id).course_id == booked.id
    assert open_drafts(db, me) == []
    with pytest.raises(StaleVersion):
        book_draft(db, me, draft.id, seen_version=3, now=NOW)


def test_two_plans_for_the_same_times_cannot_both_be_booked(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, first = cast.principals["coordinator"], planned(db, cast, at_work)
    second = begin_draft(
        db,
        me,
        patient_id=cast.patients["birch"].id,
        protocol_version_id=at_work.twice_weekly.id,
        step=2,
        now=NOW,
    )
    stolen = Answers.from_json(first.answers).proposal
    assert stolen is not None
    save_answers(db, me, second.id, lambda a: a.with_plan(stolen, by_hand=True), seen_version=1, step=4, now=NOW)
    book_draft(db, me, first.id, seen_version=2, now=NOW)
    db.flush()
    before = len(db.scalars(select(Appointment)).all())
    with pytest.raises(Refused), db.begin_nested():
        book_draft(db, me, second.id, seen_version=2, now=NOW)
    assert len(db.scalars(select(Appointment)).all()) == before


def test_a_chosen_plan_stays_only_while_it_keeps_the_wishes(db: Session, cast: Cast, at_work: AtWork) -> None:
    answers = Answers.from_json(planned(db, cast, at_work).answers)
    assert answers.proposal is not None
    days = {
        "earliest_day": TODAY + timedelta(days=1),
        "latest_first_day": None,
        "preferred": (0, 1440),
        "today": TODAY,
        "zone": ZONE,
    }
    assert with_days(answers, weekdays=frozenset(range(7)), **days).proposal == answers.proposal  # type: ignore[arg-type]
    assert with_days(answers, weekdays=frozenset({5}), **days).proposal is None  # type: ignore[arg-type]
    own = cast.people["therapist"].id
    team = {"modes": answers.modes, "escort": "", "zone": ZONE}
    kept = with_team(answers, therapist_id=own, therapist_ids=None, **team)  # type: ignore[arg-type]
    assert kept.proposal == answers.proposal
    other = cast.people["therapist-two"].id
    changed = with_team(answers, therapist_id=other, therapist_ids=None, **team)  # type: ignore[arg-type]
    assert changed.proposal is None


def test_a_latest_day_that_has_passed_is_said_and_can_be_left_open(db: Session, cast: Cast, at_work: AtWork) -> None:
    answers = Answers.from_json(begun(db, cast, at_work).answers)
    passed = replace(answers, earliest_day=TODAY, latest_first_day=TODAY - timedelta(days=1))
    found = compare_plans(db, cast.principals["coordinator"], passed, NOW)
    assert found.rows == ()
    assert found.reasons == ("The latest first day is before the earliest one.",)
    assert [way.key for way in found.ways_out] == ["any-first-day"]


def test_without_any_therapist_every_reason_is_told(db: Session, cast: Cast) -> None:
    work = put_to_work(db, cast, therapist_days=(), second_days=())
    answers = replace(Answers.from_json(begun(db, cast, work).answers), earliest_day=TODAY + timedelta(days=1))
    found = compare_plans(db, cast.principals["coordinator"], answers, NOW)
    assert found.rows == ()
    assert found.reasons
