"""Holding somebody twice on purpose: with the permission, a reason, and only over the appointment that is named."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.services.overriding import checked_reason, override_overlap
from planner.services.undoing import undo
from planner.store.records import AuditEntry, ChangeSet, Occupancy, RuleOverride
from tests.services.booked import DAY, LATER, Booked, booked_course


@pytest.fixture
def two(db: Session) -> tuple[Booked, Booked]:
    first = booked_course(db)
    return first, booked_course(db, patient=1, clinic=first.clinic, chair=1)


def overlap(two: tuple[Booked, Booked], **more: object) -> ChangeSet:
    """Let the first course's session hold the second course's therapist too."""
    mine, theirs = two
    row = mine.session(1)
    extra = mine.clinic.session(0, row.starts_at + timedelta(minutes=15), therapist=1).holds[1]
    given = {
        "appointment_id": row.id, "other_appointment_ids": [theirs.session(1).id],
        "holds": (*mine.place(row).holds, extra), "seen_version": row.version, "reason": "Both asked for it",
        "now": LATER, "principal": mine.clinic.coordinator,
    } | more  # fmt: skip
    return override_overlap(mine.db, **given)  # type: ignore[arg-type]


def test_only_the_row_that_overlaps_names_the_override(two: tuple[Booked, Booked]) -> None:
    overlap(two)
    mine, theirs = two
    override = mine.db.scalars(select(RuleOverride)).one()
    assert (override.appointment_id, override.other_appointment_id) == (mine.session(1).id, theirs.session(1).id)
    rows = mine.db.scalars(select(Occupancy).where(Occupancy.appointment_id == mine.session(1).id)).all()
    assert [row.holdable_id for row in rows if row.override_id] == [mine.clinic.therapists[1].holdable_id]
    assert len(rows) == 4


def test_an_override_is_told_in_the_history_without_its_reason(two: tuple[Booked, Booked]) -> None:
    overlap(two)
    entry = two[0].db.scalars(select(AuditEntry).where(AuditEntry.action == "rule.override")).one()
    assert entry.detail["rule"] == "overlap"
    assert "Both asked" not in str(entry.detail)


@pytest.mark.parametrize("reason", ["", "  ", "no", " ok "])
def test_it_needs_a_reason(two: tuple[Booked, Booked], reason: str) -> None:
    with pytest.raises(FieldError) as refusal:
        overlap(two, reason=reason)
    assert refusal.value.field == "reason"
    assert two[0].db.scalars(select(RuleOverride)).all() == []


@pytest.mark.parametrize("role", [Role.THERAPIST, Role.NURSE, Role.PATIENT, Role.ADMIN])
def test_it_needs_the_permission(two: tuple[Booked, Booked], role: Role) -> None:
    with pytest.raises(NotPermitted):
        overlap(two, principal=Principal(two[0].clinic.account_id, frozenset({role})))


def test_a_prescriber_answers_as_a_prescriber(two: tuple[Booked, Booked]) -> None:
    overlap(two, principal=Principal(two[0].clinic.account_id, frozenset({Role.PRESCRIBER})))
    assert two[0].db.scalars(select(RuleOverride.role)).one() == "prescriber"


def test_an_appointment_that_is_not_named_still_refuses(two: tuple[Booked, Booked]) -> None:
    with pytest.raises(Refused, match="Test Therapist 2 is already held"):
        overlap(two, other_appointment_ids=[two[1].session(2).id])


def test_it_must_name_an_appointment_that_exists(two: tuple[Booked, Booked]) -> None:
    for nobody in ([], [0]):
        with pytest.raises(NotFound):
            overlap(two, other_appointment_ids=nobody)


def test_the_version_that_was_seen_counts(two: tuple[Booked, Booked]) -> None:
    with pytest.raises(StaleVersion):
        overlap(two, seen_version=9)


def test_it_can_be_undone_and_its_row_stays(two: tuple[Booked, Booked]) -> None:
    change_set = overlap(two, undo_minutes=3)
    undo(two[0].db, two[0].clinic.coordinator, change_set.id, LATER)
    held = two[0].db.scalars(select(Occupancy).where(Occupancy.appointment_id == two[0].session(1).id)).all()
    assert len(held) == 3
    assert all(row.override_id is None for row in held)
    assert len(two[0].db.scalars(select(RuleOverride)).all()) == 1


def test_the_pair_may_overlap_again_without_a_second_row_but_nobody_else(two: tuple[Booked, Booked]) -> None:
    overlap(two)
    mine, theirs = two
    # The other side moves within the overlap: the pair was allowed.
    theirs.apply([theirs.move(theirs.session(1), 15)])
    # A third appointment at the same time was not.
    with pytest.raises(Refused):
        mine.apply([mine.move(mine.session(2), -7 * DAY // timedelta(minutes=1))])


@pytest.mark.parametrize("reason", ["", "  ab  ", "\u200b\u200b\u200b", "a\n\n\nb"])
def test_a_reason_nobody_can_read_is_none(reason: str) -> None:
    with pytest.raises(FieldError, match="Say why"):
        checked_reason(reason)
