"""Which parts and phases a protocol has: kept from the draft that was seen only, one step undone, and signed."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.errors import NotPermitted, StaleVersion
from planner.domain.protocol_visits import TypedPart
from planner.domain.protocols import ProtocolInvalid
from planner.services.protocol_drafts import discard_changes, sign_version, undo_change
from planner.services.protocol_structure import REMOVE, Seen, acting_on_part, adding_part, change_structure
from planner.store.queries.protocols import Standing, standing
from planner.store.records import AuditEntry, ProtocolDraft
from tests.support.cast import NOW, Cast, make_cast
from tests.support.planning_clinic import AtWork, put_to_work

MUSIC = TypedPart("Music", "15", "Our own pilot", "clinic policy", ("chair",), (), place="infusion")


@pytest.fixture
def cast(db: Session) -> Cast:
    return make_cast(db)


@pytest.fixture
def at_work(db: Session, cast: Cast) -> AtWork:
    return put_to_work(db, cast)


def now_stands(db: Session, at_work: AtWork) -> Standing:
    db.expire_all()
    return standing(db, at_work.twice_weekly.protocol_id)


def change(db: Session, cast: Cast, at_work: AtWork, edit: Any, *, who: str = "admin", seen: int | None = None) -> None:
    stands = now_stands(db, at_work)
    version = stands.draft_version if seen is None else seen
    change_structure(db, cast.principals[who], stands.id, edit, seen=Seen(version, stands.number), now=NOW)


def undo(db: Session, cast: Cast, at_work: AtWork) -> None:
    stands = now_stands(db, at_work)
    undo_change(db, cast.principals["admin"], stands.id, seen_version=stands.draft_version, base=stands.number, now=NOW)


def keys(stands: Standing) -> list[str]:
    return [block["key"] for block in stands.working["visit"]["blocks"]]


def test_each_change_is_kept_and_the_last_one_is_undone_once(db: Session, cast: Cast, at_work: AtWork) -> None:
    change(db, cast, at_work, adding_part(MUSIC))
    remove = acting_on_part(REMOVE, "turnover")
    change(db, cast, at_work, remove)
    assert keys(now_stands(db, at_work)) == ["check_in", "infusion", "music", "recovery"]
    undo(db, cast, at_work)
    stands = now_stands(db, at_work)
    assert keys(stands) == ["check_in", "infusion", "music", "recovery", "turnover"]
    assert not stands.can_undo
    assert stands.draft_version == 3
    with pytest.raises(ProtocolInvalid, match="no change left to undo"):
        undo(db, cast, at_work)
    actions = db.scalars(select(AuditEntry.action).where(AuditEntry.object_type == "protocol")).all()
    assert actions == ["protocol.draft"] * 3


def test_a_change_of_a_draft_that_was_not_seen_is_late_before_it_is_anything_else(
    db: Session, cast: Cast, at_work: AtWork
) -> None:
    change(db, cast, at_work, adding_part(MUSIC))
    for edit in (acting_on_part(REMOVE, "nothing"), adding_part(MUSIC)):
        with pytest.raises(StaleVersion):
            change(db, cast, at_work, edit, seen=0)
    assert len(keys(now_stands(db, at_work))) == 5


def test_only_those_who_prepare_protocols_change_them(db: Session, cast: Cast, at_work: AtWork) -> None:
    for who in ("nurse", "therapist", "coordinator", "patient"):
        with pytest.raises(NotPermitted):
            change(db, cast, at_work, adding_part(MUSIC), who=who)
    assert acting_on_part("melt", "infusion") is None


def test_what_was_thrown_away_or_signed_is_not_undone(db: Session, cast: Cast, at_work: AtWork) -> None:
    change(db, cast, at_work, adding_part(MUSIC))
    stands = now_stands(db, at_work)
    seen = {"seen_version": stands.draft_version, "base": 1, "now": NOW}
    discard_changes(db, cast.principals["admin"], stands.id, **seen)
    assert not now_stands(db, at_work).can_undo
    change(db, cast, at_work, adding_part(MUSIC))
    stands = now_stands(db, at_work)
    assert stands.can_undo
    seen = {"seen_version": stands.draft_version, "base": 1, "now": NOW}
    sign_version(db, cast.principals["prescriber"], stands.id, note="With music", **seen)
    assert not now_stands(db, at_work).can_undo
    assert db.scalars(select(ProtocolDraft.previous)).all() == [None]
