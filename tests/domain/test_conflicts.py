"""Conflicts name a rule; some rules may be overridden with a reason, and bodies in two places are not among them."""

from planner.domain.conflicts import OVERRIDABLE, Conflict, Rule


def test_rule_names_are_their_values() -> None:
    assert all(rule.value == rule.name for rule in Rule)


def test_physics_pins_and_status_cannot_be_overridden() -> None:
    never = {Rule.PAST, Rule.GRID, Rule.CHAIR_BUSY, Rule.NURSE_BUSY, Rule.ROOM_BUSY, Rule.PATIENT_BUSY, Rule.PINNED}
    assert not OVERRIDABLE & (never | {Rule.STATUS, Rule.NEXT_DOSE})


def test_a_conflict_says_its_sentence() -> None:
    conflict = Conflict(Rule.CLOSED, "The site is closed then.")
    assert (conflict.rule, conflict.sentence, conflict.starts_at, conflict.appointment_id) == (
        Rule.CLOSED,
        "The site is closed then.",
        None,
        None,
    )
