"""Changing a protocol: one draft, one signature, and who goes by which version afterwards."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, NotFound, NotPermitted, StaleVersion
from planner.domain.protocols import ProtocolInvalid
from planner.services.drafts import begin_draft, book_draft, save_answers
from planner.services.plan_answers import Answers
from planner.services.plan_loading import load_plan
from planner.services.planning import propose
from planner.services.protocol_drafts import discard_changes, keep_draft, sign_version
from planner.services.protocol_reach import reach_of, sample_check_in
from planner.services.protocols import copy_protocol, newest_version, protocol_of, save_version, switch_protocol
from planner.services.shipped import shipped_document
from planner.store.engine import Store
from planner.store.queries.protocols import standing, touched
from planner.store.records import AuditEntry, PlanDraft, ProtocolDraft, ProtocolVersion
from tests.builders import counted_queries
from tests.support.cast import NOW, Cast, make_cast
from tests.support.planning_clinic import AtWork, put_to_work

SLUG = "iv-racemic-twice-weekly"
ZONE = "America/Chicago"


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


def longer(hours: int = 96) -> dict[str, Any]:
    """The shipped protocol with a window that closes later."""
    document = deepcopy(shipped_document(SLUG))
    document["integration"]["window"]["closes_h"]["value"] = hours
    document["integration"]["window"]["knots"][3]["hours"]["value"] = hours
    return document


def kept(
    db: Session,
    cast: Cast,
    at_work: AtWork,
    who: str = "admin",
    seen: int = 0,
    base: int = 1,
    document: dict[str, Any] | None = None,
) -> ProtocolDraft:
    principal, protocol_id = cast.principals[who], at_work.twice_weekly.protocol_id
    return keep_draft(db, principal, protocol_id, document or longer(), seen_version=seen, base=base, now=NOW)


def signed(db: Session, cast: Cast, at_work: AtWork, seen: int = 1, base: int = 1, note: str = "Tried it out") -> Any:
    return sign_version(
        db, cast.principals["prescriber"], at_work.twice_weekly.protocol_id,
        note=note, seen_version=seen, base=base, now=NOW,
    )  # fmt: skip


def test_a_draft_changes_nothing_until_it_is_signed(db: Session, cast: Cast, at_work: AtWork) -> None:
    kept(db, cast, at_work)
    stands = standing(db, at_work.twice_weekly.protocol_id)
    assert (stands.has_draft, stands.draft_version, stands.number) == (True, 1, 1)
    assert newest_version(db, SLUG).number == 1
    version = signed(db, cast, at_work)
    assert (version.number, version.note, version.signed_by) == (2, "Tried it out", "Test Prescriber")
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft
    history = select(AuditEntry.action).where(AuditEntry.object_type == "protocol").order_by(AuditEntry.id)
    actions = list(db.scalars(history))
    assert actions == ["protocol.draft", "protocol.version", "protocol.sign"]


def test_only_a_prescriber_signs_and_only_some_prepare(db: Session, cast: Cast, at_work: AtWork) -> None:
    for who in ("coordinator", "nurse", "therapist", "patient"):
        with pytest.raises(NotPermitted):
            kept(db, cast, at_work, who)
        with pytest.raises(NotPermitted):
            copy_protocol(db, cast.principals[who], at_work.twice_weekly.protocol_id, name="x", slug="x", now=NOW)
    kept(db, cast, at_work)
    protocol_id = at_work.twice_weekly.protocol_id
    for who in ("admin", "coordinator", "nurse", "therapist"):
        with pytest.raises(NotPermitted):
            sign_version(db, cast.principals[who], protocol_id, note="No", seen_version=1, base=1, now=NOW)
        with pytest.raises(NotPermitted):
            switch_protocol(db, cast.principals[who], protocol_id, enabled=False, now=NOW)
    with pytest.raises(NotFound):
        sign_version(db, cast.principals["prescriber"], 99_999, note="No", seen_version=0, base=1, now=NOW)


def test_a_draft_that_was_not_seen_is_never_written_over(db: Session, cast: Cast, at_work: AtWork) -> None:
    kept(db, cast, at_work)
    with pytest.raises(StaleVersion):
        kept(db, cast, at_work, seen=0)
    with pytest.raises(StaleVersion):
        signed(db, cast, at_work, seen=0)
    discard_changes(db, cast.principals["admin"], at_work.twice_weekly.protocol_id, seen_version=1, base=1, now=NOW)
    assert not standing(db, at_work.twice_weekly.protocol_id).has_draft
    kept(db, cast, at_work, seen=2)
    with pytest.raises(StaleVersion):  # a new draft is no old one, though it is the first since it was discarded
        signed(db, cast, at_work, seen=1)
    assert newest_version(db, SLUG).number == 1


def test_a_signature_meanwhile_makes_every_older_page_stale(db: Session, cast: Cast, at_work: AtWork) -> None:
    kept(db, cast, at_work)
    signed(db, cast, at_work)
    for base in (1, 3, 0):
        with pytest.raises(StaleVersion):
            kept(db, cast, at_work, seen=2, base=base)
        with pytest.raises(StaleVersion):
            signed(db, cast, at_work, seen=2, base=base)
    kept(db, cast, at_work, seen=2, base=2, document=longer(100))
    save_version(db, cast.principals["prescriber"], at_work.twice_weekly.protocol_id, longer(110), "Dr Test", NOW)
    stands = standing(db, at_work.twice_weekly.protocol_id)
    assert stands.is_stale
    for act in (signed, kept):
        with pytest.raises(StaleVersion):
            act(db, cast, at_work, seen=stands.draft_version, base=3)
    discard_changes(
        db,
        cast.principals["admin"],
        at_work.twice_weekly.protocol_id,
        seen_version=stands.draft_version,
        base=3,
        now=NOW,
    )
    stands = standing(db, at_work.twice_weekly.protocol_id)
    assert kept(db, cast, at_work, seen=stands.draft_version, base=3).base_number == 3


def test_what_cannot_be_is_kept_nowhere(db: Session, cast: Cast, at_work: AtWork) -> None:
    wrong = longer()
    wrong["integration"]["window"]["opens_h"]["value"] = 60
    with pytest.raises(ProtocolInvalid):
        kept(db, cast, at_work, document=wrong)
    with pytest.raises(FieldError):
        kept(db, cast, at_work, document=shipped_document("nad"))
    assert db.scalar(select(func.count(ProtocolDraft.id))) == 0


def test_a_signature_needs_a_reason(db: Session, cast: Cast, at_work: AtWork) -> None:
    kept(db, cast, at_work)
    for note in ("", "  ", "ab", "x" * 301, "two\nlines"):
        with pytest.raises(FieldError) as refused:
            signed(db, cast, at_work, note=note)
        assert refused.value.field == "note", note


def test_a_signed_version_without_changes_is_not_signed_again(db: Session, cast: Cast, at_work: AtWork) -> None:
    assert signed(db, cast, at_work, seen=0).number == 2
    with pytest.raises(FieldError, match="Nothing has changed since version 2"):
        signed(db, cast, at_work, seen=1, base=2)
    kept(db, cast, at_work, seen=1, base=2, document=shipped_document(SLUG))
    with pytest.raises(FieldError, match="Nothing has changed"):
        signed(db, cast, at_work, seen=2, base=2)


# -- plans being made --------------------------------------------------------------------------------------------------


def planned(db: Session, cast: Cast, at_work: AtWork) -> PlanDraft:
    """A plan with its dates chosen, ready to be booked."""
    me = cast.principals["coordinator"]
    draft = begin_draft(
        db, me, patient_id=cast.patients["alder"].id, protocol_version_id=at_work.twice_weekly.id, step=5, now=NOW
    )
    answers = replace(Answers.from_json(draft.answers), earliest_day=NOW.date() + timedelta(days=1), reached=5)
    best = propose(load_plan(db, me, answers, NOW).plan).proposals[0]
    return save_answers(
        db, me, draft.id, lambda _: answers.with_plan(best, by_hand=False), seen_version=1, step=5, now=NOW
    )


def test_a_plan_being_made_moves_to_the_new_version_and_asks_for_dates_again(
    db: Session, cast: Cast, at_work: AtWork
) -> None:
    me, plan = cast.principals["coordinator"], planned(db, cast, at_work)
    seen = plan.version
    assert touched(db)[at_work.twice_weekly.protocol_id].plans == 1
    kept(db, cast, at_work)
    version = signed(db, cast, at_work)
    db.refresh(plan)
    answers = Answers.from_json(plan.answers)
    assert (answers.protocol_version_id, answers.proposal, answers.moved_to) == (version.id, None, 2)
    assert (plan.step, plan.version) == (4, seen + 1)
    assert answers.earliest_day == NOW.date() + timedelta(days=1)
    with pytest.raises(StaleVersion):
        book_draft(db, me, plan.id, seen_version=seen, now=NOW)
    with pytest.raises(FieldError):
        book_draft(db, me, plan.id, seen_version=plan.version, now=NOW)
    best = propose(load_plan(db, me, answers, NOW).plan).proposals[0]
    plan = save_answers(
        db, me, plan.id, lambda kept: kept.with_plan(best, by_hand=False), seen_version=plan.version, step=5, now=NOW
    )
    assert Answers.from_json(plan.answers).moved_to is None
    course = book_draft(db, me, plan.id, seen_version=plan.version, now=NOW)
    assert course.protocol_version_id == version.id
    window = protocol_of(db, course.protocol_version_id).integration.window
    assert window is not None
    assert window.closes_h == 96


def test_a_plan_keeps_its_dates_when_a_version_is_signed_as_it_was(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, plan = cast.principals["coordinator"], planned(db, cast, at_work)
    version = signed(db, cast, at_work, seen=0)
    db.refresh(plan)
    assert Answers.from_json(plan.answers).proposal is not None
    assert book_draft(db, me, plan.id, seen_version=plan.version, now=NOW).protocol_version_id == version.id


def test_booked_plans_and_other_protocols_stay_where_they_are(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, plan = cast.principals["coordinator"], planned(db, cast, at_work)
    course = book_draft(db, me, plan.id, seen_version=plan.version, now=NOW)
    other = begin_draft(
        db, me, patient_id=cast.patients["birch"].id,
        protocol_version_id=newest_version(db, "esketamine-label").id, step=2, now=NOW,
    )  # fmt: skip
    before = (plan.version, other.version)
    kept(db, cast, at_work)
    signed(db, cast, at_work)
    assert (plan.version, other.version) == before
    assert course.protocol_version_id == at_work.twice_weekly.id
    assert touched(db, at_work.twice_weekly.protocol_id)[at_work.twice_weekly.protocol_id].courses == {1: 1}


def test_nobody_plans_on_an_old_version_or_one_that_is_switched_off(db: Session, cast: Cast, at_work: AtWork) -> None:
    me, plan = cast.principals["coordinator"], planned(db, cast, at_work)
    old = at_work.twice_weekly
    prescriber = cast.principals["prescriber"]
    save_version(db, prescriber, old.protocol_id, longer(), "Dr Test", NOW)
    with pytest.raises(FieldError, match="A new version of this protocol was signed"):
        begin_draft(db, me, patient_id=cast.patients["birch"].id, protocol_version_id=old.id, step=2, now=NOW)
    with pytest.raises(FieldError, match="A new version of this protocol was signed"):
        book_draft(db, me, plan.id, seen_version=plan.version, now=NOW)
    switch_protocol(db, prescriber, old.protocol_id, enabled=False, now=NOW)
    with pytest.raises(FieldError, match="switched on"):
        book_draft(db, me, plan.id, seen_version=plan.version, now=NOW)


# -- what it means -----------------------------------------------------------------------------------------------------


def test_reach_is_counted_at_ones_own_sites_in_a_known_number_of_queries(
    db: Session, cast: Cast, at_work: AtWork
) -> None:
    both = [protocol_of(db, at_work.twice_weekly.id)] * 2
    with counted_queries(db) as said:
        (north,) = reach_of(db, cast.principals["therapist"], both, NOW)
    assert len(said) <= 11
    assert north.site.id == cast.north.id
    monday, *_, friday = north.reaches[0].weekdays[:5]
    assert monday.starts > 0
    assert monday.preferred == monday.starts
    assert friday.preferred < friday.starts
    assert north.reaches[0] == north.reaches[1]
    assert len(reach_of(db, cast.principals["prescriber"], both, NOW)) == 2
    with pytest.raises(NotPermitted):
        reach_of(db, cast.principals["patient"], both, NOW)


def test_the_sample_dose_is_on_a_tuesday_to_come() -> None:
    for ahead in range(8):
        now = NOW + timedelta(days=ahead)
        sample = sample_check_in(ZONE, now)
        assert sample.strftime("%a %H:%M") == "Tue 16:00" or sample.strftime("%a %H:%M") == "Tue 15:00"
        assert timedelta(0) < sample - now <= timedelta(days=7, hours=2)


# -- two at once -------------------------------------------------------------------------------------------------------


def test_of_two_who_sign_at_once_one_signs_and_one_is_told(fresh_store: Store) -> None:
    with fresh_store.writing() as db:
        cast = make_cast(db)
        at_work = put_to_work(db, cast)
        protocol_id = at_work.twice_weekly.protocol_id
        kept(db, cast, at_work)
    together, outcomes = Barrier(2), []

    def sign() -> None:
        together.wait(timeout=30)

        def work(db: Session) -> int:
            return sign_version(
                db, cast.principals["prescriber"], protocol_id, note="At once", seen_version=1, base=1, now=NOW
            ).number

        try:
            outcomes.append(fresh_store.transact(work))
        except StaleVersion:
            outcomes.append("told")

    threads = [Thread(target=sign) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(map(str, outcomes)) == ["2", "told"]
    with fresh_store.reading() as db:
        numbers = select(ProtocolVersion.number).where(ProtocolVersion.protocol_id == protocol_id)
        assert sorted(db.scalars(numbers)) == [1, 2]
