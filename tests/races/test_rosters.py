"""Several people, one week: one version, one draft, one change; everybody else is told, and nothing is half-written."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, Refused, StaleVersion
from planner.domain.rosters import RosterShift
from planner.services.roster_drafts import put_shift, start_draft
from planner.services.roster_publishing import PublishDraft, Withdraw, preview_roster, publish_roster
from planner.store.engine import Store
from planner.store.records import ChangeSet, DraftShift, PersonSite, RosterDraft, RosterPublication, Shift
from tests.races.test_one_winner import all_at_once, winners
from tests.support.small_clinic import NOW, SmallClinic, make_small_clinic

PEOPLE = 6
MONDAY = date(2027, 1, 11)


@pytest.fixture
def drafted(fresh_store: Store) -> tuple[Store, SmallClinic]:
    """A week in which nobody works, and a draft that puts the therapist on Tuesday."""
    with fresh_store.writing() as db:
        clinic = make_small_clinic(db)
        therapist = clinic.therapists[0].id
        db.merge(PersonSite(person_id=therapist, site_id=clinic.site_id))
        db.flush()
        start_draft(db, clinic.coordinator, site_id=clinic.site_id, monday=MONDAY, source="empty", now=NOW)
        add(clinic, seen=1)(db)
    return fresh_store, clinic


def add(clinic: SmallClinic, *, seen: int, at: int = 9) -> Callable[[Session], object]:
    shift = RosterShift(MONDAY + timedelta(days=1), at * 60, at * 60 + 60, clinic.therapists[0].id)
    return lambda db: put_shift(
        db, clinic.coordinator, site_id=clinic.site_id, monday=MONDAY, shift=shift, seen_version=seen, now=NOW
    )


def count(db: Session, record: type) -> int:
    return db.scalars(select(func.count()).select_from(record)).one()


def test_of_all_who_publish_a_draft_one_does_and_the_others_are_told(drafted: tuple[Store, SmallClinic]) -> None:
    store, clinic = drafted
    act = PublishDraft(clinic.site_id, MONDAY, 2)
    with store.write_session() as db:
        key = preview_roster(db, clinic.coordinator, act, now=NOW).courses.key
    outcomes = all_at_once(
        store, [lambda db: publish_roster(db, clinic.coordinator, act, key=key, now=NOW) for _ in range(PEOPLE)]
    )
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, StaleVersion) for outcome in outcomes if outcome is not None)
    with store.reading() as db:
        assert [count(db, record) for record in (RosterPublication, Shift, ChangeSet)] == [1, 1, 1]
        assert [count(db, record) for record in (RosterDraft, DraftShift)] == [0, 0]


def test_of_all_who_take_a_version_back_one_does(drafted: tuple[Store, SmallClinic]) -> None:
    store, clinic = drafted
    published, back = PublishDraft(clinic.site_id, MONDAY, 2), Withdraw(clinic.site_id, MONDAY, 1)
    with store.writing() as db:
        key = preview_roster(db, clinic.coordinator, published, now=NOW).courses.key
        publish_roster(db, clinic.coordinator, published, key=key, now=NOW)
        key = preview_roster(db, clinic.coordinator, back, now=NOW).courses.key
    outcomes = all_at_once(
        store, [lambda db: publish_roster(db, clinic.coordinator, back, key=key, now=NOW) for _ in range(PEOPLE)]
    )
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, StaleVersion) for outcome in outcomes if outcome is not None)
    with store.reading() as db:
        assert [count(db, record) for record in (RosterPublication, Shift)] == [2, 0]


def test_a_draft_seen_at_one_version_is_changed_by_one(drafted: tuple[Store, SmallClinic]) -> None:
    store, clinic = drafted
    outcomes = all_at_once(store, [add(clinic, seen=2, at=10 + number) for number in range(PEOPLE)])
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, StaleVersion) for outcome in outcomes if outcome is not None)
    with store.reading() as db:
        assert count(db, DraftShift) == 2


def test_a_draft_is_begun_by_one(drafted: tuple[Store, SmallClinic]) -> None:
    store, clinic = drafted
    next_week = MONDAY + timedelta(days=7)
    outcomes = all_at_once(
        store,
        [
            lambda db: start_draft(
                db, clinic.coordinator, site_id=clinic.site_id, monday=next_week, source="empty", now=NOW
            )
            for _ in range(PEOPLE)
        ],
    )
    assert winners(outcomes) == 1
    assert all(isinstance(outcome, FieldError) for outcome in outcomes if outcome is not None)


def test_of_two_weeks_in_which_somebody_would_work_twice_at_once_one_is_published(
    drafted: tuple[Store, SmallClinic],
) -> None:
    """Sunday night reaches into Monday morning of the week after; neither is published yet when both look."""
    store, clinic = drafted
    following, therapist = MONDAY + timedelta(days=7), clinic.therapists[0].id
    with store.writing() as db:
        night = RosterShift(MONDAY + timedelta(days=6), 22 * 60, 30 * 60, therapist)
        put_shift(db, clinic.coordinator, site_id=clinic.site_id, monday=MONDAY, shift=night, seen_version=2, now=NOW)
        start_draft(db, clinic.coordinator, site_id=clinic.site_id, monday=following, source="empty", now=NOW)
        early = RosterShift(following, 5 * 60, 9 * 60, therapist)
        put_shift(
            db, clinic.coordinator, site_id=clinic.site_id, monday=following, shift=early, seen_version=1, now=NOW
        )
    acts = [PublishDraft(clinic.site_id, MONDAY, 3), PublishDraft(clinic.site_id, following, 2)]
    keys = []
    for act in acts:
        with store.write_session() as db:
            keys.append(preview_roster(db, clinic.coordinator, act, now=NOW).courses.key)
    outcomes = all_at_once(
        store,
        [
            lambda db, act=act, key=key: publish_roster(db, clinic.coordinator, act, key=key, now=NOW)
            for act, key in zip(acts, keys, strict=True)
        ],
    )
    assert winners(outcomes) == 1
    [told] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(told, Refused) and "in another week of this roster" in told.sentence
    with store.reading() as db:
        assert [count(db, record) for record in (RosterPublication, RosterDraft)] == [1, 1]
