"""Doing it all the same: off hours, and somebody held twice beside a named appointment, written and taken back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.conflicts import OFF_HOURS, Conflict, Rule
from planner.domain.errors import FieldError, NotPermitted, Refused, StaleVersion
from planner.domain.intervals import minute_of
from planner.domain.statuses import AppointmentStatus
from planner.domain.walltime import resolve_wall, to_wall
from planner.scheduling.decisions import Decision
from planner.services.applying import apply_decision
from planner.services.rescheduling import Lose, Move, Preview, apply, preview, to_set_aside
from planner.services.rostering import add_patient
from planner.services.undoing import undo
from planner.services.upkeep import disagreements, overlaps
from planner.store.records import (
    Appointment,
    AuditEntry,
    ChangeSet,
    Hold,
    NurseLane,
    Occupancy,
    OverrideRule,
    RuleOverride,
)
from planner.store.sheets import load_clinic, load_course, load_courses_touching
from tests import builders
from tests.support.booked_course import BookedCourse, book_course_for
from tests.support.cast import NOW, Cast, make_cast

WHY = "A made-up reason"
OVERLAP = frozenset({Rule.OVERLAP})


@dataclass
class Stage:
    """Alder's course, and Birch's on the same mornings with the other therapist."""

    db: Session
    cast: Cast
    mine: BookedCourse
    theirs: BookedCourse

    @property
    def coordinator(self):
        return self.cast.principals["coordinator"]

    def ask(self, act: Move) -> tuple[Conflict, ...]:
        return to_set_aside(self.db, self.coordinator, act, now=NOW)

    def all_the_same(self, act: Move) -> Move:
        """The move with everything set aside that it needs."""
        conflicts = self.ask(act)
        beside = {c.appointment_id for c in conflicts if c.rule is Rule.OVERLAP and c.appointment_id}
        return replace(act, overrides=frozenset(c.rule for c in conflicts), beside=frozenset(beside))

    def preview(self, act: Move) -> Preview:
        return preview(self.db, self.coordinator, act, now=NOW)

    def apply(self, act: Move, shown: Preview | None = None, **more) -> ChangeSet:
        shown = shown or self.preview(act)
        given = {"override_reasons": dict.fromkeys(Rule, WHY), "principal": self.coordinator} | more
        return apply(self.db, given.pop("principal"), act, key=shown.key, now=NOW, **given)

    def overrides(self) -> list[tuple[OverrideRule, int, int | None]]:
        rows = self.db.scalars(select(RuleOverride).order_by(RuleOverride.id))
        return [(row.rule, row.appointment_id, row.other_appointment_id) for row in rows]

    def holds(self, row: Appointment) -> list[tuple[int, datetime, datetime, int | None]]:
        rows = self.db.scalars(
            select(Occupancy).where(Occupancy.appointment_id == row.id).execution_options(populate_existing=True)
        )
        return sorted((o.holdable_id, o.starts_at, o.ends_at, o.override_id) for o in rows)

    def everything(self) -> list[object]:
        both = (self.mine, self.theirs)
        return [(facts, [self.holds(row) for row in course.rows()]) for course in both for facts in [course.facts()]]


@pytest.fixture
def stage(db: Session) -> Stage:
    cast = make_cast(db)
    mine = book_course_for(db, cast)
    return Stage(db, cast, mine, book_course_for(db, cast, "birch", at_work=mine.at_work))


def sunday_of(row: Appointment, hour: int = 10) -> datetime:
    wall = to_wall(row.starts_at, row.zone)
    return resolve_wall((wall - timedelta(days=wall.weekday() + 1)).replace(hour=hour, minute=0), row.zone)


def beside_them(stage: Stage, minutes: int = 15) -> Move:
    """My third session a little into theirs, with their therapist."""
    theirs = stage.theirs.session(3)
    start = theirs.starts_at + timedelta(minutes=minutes)
    return Move(stage.mine.session(3).id, start, therapist_id=theirs.therapist_id)


def third(stage: Stage, start: datetime) -> Appointment:
    """A third patient's session with their therapist."""
    person = stage.cast.people["therapist-two"]
    patient = add_patient(stage.db, "P-900", "Test Patient Third", stage.cast.north, now=NOW, primary_therapist=person)
    return builders.appointment(stage.db, patient, start, therapist=person, now=NOW)


# -- off hours


def test_off_hours_is_one_row_and_what_follows_keeps_the_rules(stage: Stage) -> None:
    dose = stage.mine.infusion(3)
    act = stage.all_the_same(Move(dose.id, sunday_of(dose)))
    assert act.overrides == {Rule.CLOSED, Rule.NURSE_AWAY, Rule.PRESCRIBER_AWAY}
    change_set = stage.apply(act)
    assert stage.mine.infusion(3).starts_at == act.start
    assert stage.overrides() == [(OverrideRule.OFF_HOURS, dose.id, None)]
    assert {override for *_, override in stage.holds(dose)} == {None}
    entries = stage.db.scalars(select(AuditEntry).where(AuditEntry.action == "rule.override")).all()
    assert [(entry.object_id, entry.detail["rule"]) for entry in entries] == [(dose.id, "off-hours")]
    assert WHY not in str(entries[0].detail)
    assert change_set.kind == "course.move"
    session = stage.mine.session(3)
    assert to_wall(session.starts_at, session.zone).weekday() < 5, "the session after it is in working hours"
    assert (overlaps(stage.db), disagreements(stage.db)) == ([], [])


def test_undoing_puts_everything_back_and_keeps_the_row(stage: Stage) -> None:
    before, dose = stage.everything(), stage.mine.infusion(3)
    change_set = stage.apply(stage.all_the_same(Move(dose.id, sunday_of(dose))))
    assert stage.everything() != before
    undo(stage.db, stage.coordinator, change_set.id, NOW)
    assert stage.everything() == before
    assert len(stage.overrides()) == 1


def test_off_hours_outlives_later_changes_of_the_course(stage: Stage) -> None:
    dose = stage.mine.infusion(3)
    stage.apply(stage.all_the_same(Move(dose.id, sunday_of(dose))))
    at, held = stage.mine.infusion(3).starts_at, stage.holds(dose)
    last = stage.mine.infusion(6)
    stage.apply(Move(last.id, last.starts_at + timedelta(days=1)))
    assert (stage.mine.infusion(3).starts_at, stage.holds(dose)) == (at, held)
    stage.apply(Move(dose.id, dose.starts_at + timedelta(days=2)))
    assert stage.mine.infusion(3).starts_at == at + timedelta(days=2), "and it moves on by the rules alone"
    assert len(stage.overrides()) == 1


def test_different_reasons_for_hours_are_all_kept(stage: Stage) -> None:
    dose = stage.mine.infusion(3)
    reasons = {Rule.CLOSED: "The site opens for it", Rule.NURSE_AWAY: "The nurse agreed"}
    stage.apply(stage.all_the_same(Move(dose.id, sunday_of(dose))), override_reasons=reasons)
    kept = set(stage.db.scalars(select(RuleOverride.reason)))
    assert kept == set(reasons.values())


@pytest.mark.parametrize("reason", ["", "  ", "no"])
def test_without_a_reason_nothing_is_written(stage: Stage, reason: str) -> None:
    before, dose = stage.everything(), stage.mine.infusion(3)
    act = stage.all_the_same(Move(dose.id, sunday_of(dose)))
    with pytest.raises(FieldError) as refusal:
        stage.apply(act, override_reasons=dict.fromkeys(Rule, reason))
    assert refusal.value.field == "reason"
    assert (stage.everything(), stage.overrides()) == (before, [])


def test_without_the_permission_not_even_the_preview(stage: Stage) -> None:
    act = stage.all_the_same(beside_them(stage))
    therapist = stage.cast.principals["therapist"]
    with pytest.raises(NotPermitted):
        preview(stage.db, therapist, act, now=NOW)
    with pytest.raises(NotPermitted):
        stage.apply(act, principal=therapist)
    hours = Move(stage.mine.session(3).id, sunday_of(stage.mine.session(3)), overrides=OFF_HOURS)
    with pytest.raises(NotPermitted):
        preview(stage.db, therapist, hours, now=NOW)
    assert stage.overrides() == []


# -- more sessions a day than are set


def onto_a_full_day(stage: Stage) -> Move:
    """My third session, onto the day of their third, whose therapist holds one session a day by now."""
    theirs = stage.theirs.session(3)
    stage.cast.people["therapist-two"].most_sessions_a_day = 1
    stage.db.flush()
    start = theirs.starts_at + timedelta(hours=1)
    return Move(stage.mine.session(3).id, start, therapist_id=theirs.therapist_id)


def test_one_session_more_than_is_set_is_held_with_a_reason_and_undone(stage: Stage) -> None:
    before, act = stage.everything(), onto_a_full_day(stage)
    told = f"{stage.cast.people['therapist-two'].name} has 1 session that day, the most set for them."
    with pytest.raises(Refused, match=told):
        stage.preview(act)
    (asked,) = stage.ask(act)
    assert (asked.rule, asked.sentence) == (Rule.DAY_FULL, told)
    change_set = stage.apply(stage.all_the_same(act))
    assert stage.mine.session(3).starts_at == act.start
    assert stage.overrides() == [(OverrideRule.OFF_HOURS, act.appointment_id, None)]
    entry = stage.db.scalars(select(AuditEntry).where(AuditEntry.action == "rule.override")).one()
    assert (entry.object_id, WHY in str(entry.detail)) == (act.appointment_id, False)
    undo(stage.db, stage.coordinator, change_set.id, NOW)
    assert stage.everything() == before


def test_who_may_not_set_rules_aside_holds_no_session_more(stage: Stage) -> None:
    act = stage.all_the_same(onto_a_full_day(stage))
    with pytest.raises(NotPermitted):
        preview(stage.db, stage.cast.principals["therapist"], act, now=NOW)


def test_removing_or_raising_the_limit_is_the_other_way_out(stage: Stage) -> None:
    act = onto_a_full_day(stage)
    for most in (2, None):
        stage.cast.people["therapist-two"].most_sessions_a_day = most
        stage.db.flush()
        assert stage.ask(act) == ()
        assert stage.preview(act).decision.overrides == ()


def test_a_session_stays_above_its_limit_while_other_things_of_the_course_move(stage: Stage) -> None:
    act = onto_a_full_day(stage)
    stage.apply(stage.all_the_same(act))
    held = stage.holds(stage.mine.session(3))
    last = stage.mine.infusion(6)
    stage.apply(Move(last.id, last.starts_at + timedelta(days=1)))
    assert stage.holds(stage.mine.session(3)) == held
    later = Move(act.appointment_id, act.start + timedelta(minutes=15), therapist_id=act.therapist_id)
    stage.apply(later)
    assert stage.mine.session(3).starts_at == later.start, "and may change within its day"
    assert len(stage.overrides()) == 1


# -- overlaps


def test_a_therapist_is_held_twice_beside_the_named_appointment_only(stage: Stage) -> None:
    other, row = stage.theirs.session(3), stage.mine.session(3)
    asked = beside_them(stage)
    with pytest.raises(Refused, match="The therapist has another appointment then"):
        stage.preview(asked)
    (overlap,) = stage.ask(asked)
    person = stage.cast.people["therapist-two"]
    assert (overlap.rule, overlap.holdable_id, overlap.appointment_id) == (
        Rule.OVERLAP, person.holdable_id, other.id,
    )  # fmt: skip
    code = stage.cast.patients["birch"].code
    assert f"{person.name} is also held by integration session 3 of {code}, Tue 17 Mar" in overlap.sentence
    stage.apply(stage.all_the_same(asked))
    assert stage.overrides() == [(OverrideRule.OVERLAP, row.id, other.id)]
    marked = [holdable for holdable, *_, override in stage.holds(stage.mine.session(3)) if override is not None]
    assert marked == [person.holdable_id]
    assert (overlaps(stage.db), disagreements(stage.db)) == ([], [])
    entry = stage.db.scalars(select(AuditEntry).where(AuditEntry.action == "rule.override")).one()
    assert entry.detail["other_appointment_id"] == other.id


def test_what_somebody_may_not_see_is_not_told(stage: Stage) -> None:
    stage.cast.patients["birch"].site_id = stage.cast.south.id
    for row in stage.theirs.rows():
        row.site_id = stage.cast.south.id
    stage.db.flush()
    (overlap,) = stage.ask(beside_them(stage))
    assert "an appointment that you may not see" in overlap.sentence
    assert stage.cast.patients["birch"].code not in overlap.sentence


def test_an_overlap_is_undone_exactly(stage: Stage) -> None:
    before = stage.everything()
    change_set = stage.apply(stage.all_the_same(beside_them(stage)))
    undo(stage.db, stage.coordinator, change_set.id, NOW)
    assert stage.everything() == before
    assert len(stage.overrides()) == 1


def test_it_moves_away_again_and_undoing_that_overlaps_again(stage: Stage) -> None:
    act = stage.all_the_same(beside_them(stage))
    stage.apply(act)
    overlapping = stage.everything()
    row = stage.mine.session(3)
    away = stage.apply(Move(row.id, row.starts_at + timedelta(hours=1), therapist_id=row.therapist_id))
    assert {override for *_, override in stage.holds(stage.mine.session(3))} == {None}
    undo(stage.db, stage.coordinator, away.id, NOW)
    assert stage.everything() == overlapping
    assert len(stage.overrides()) == 1


def test_later_changes_of_either_course_leave_the_overlap(stage: Stage) -> None:
    stage.apply(stage.all_the_same(beside_them(stage)))
    held = stage.holds(stage.mine.session(3))
    for course in (stage.mine, stage.theirs):
        last = course.infusion(6)
        stage.apply(Move(last.id, last.starts_at + timedelta(days=1)))
    assert stage.holds(stage.mine.session(3)) == held
    lost = Lose(stage.theirs.session(3).id, AppointmentStatus.CANCELLED)
    stage.apply(lost)  # type: ignore[arg-type]
    assert stage.holds(stage.mine.session(3)) == held
    assert (overlaps(stage.db), disagreements(stage.db)) == ([], [])


def test_plans_see_both_holds(stage: Stage) -> None:
    act = stage.all_the_same(beside_them(stage))
    stage.apply(act)
    person, day = stage.cast.people["therapist-two"], to_wall(act.start, stage.cast.north.zone).date()
    mine, theirs = (
        (minute_of(row.starts_at), minute_of(row.ends_at)) for row in (stage.mine.session(3), stage.theirs.session(3))
    )

    def busy(clinic) -> set[tuple[int, int]]:
        therapist = next(t for t in clinic.therapists if t.id == person.id)
        return {span for span in therapist.busy if span in (mine, theirs)}

    assert busy(load_clinic(stage.db, stage.cast.north.id, day, day, NOW)) == {mine, theirs}
    assert busy(load_course(stage.db, stage.mine.course.id, NOW).clinic) == {theirs}
    touching = {course.id: course for course in load_courses_touching(stage.db, day, day, NOW, person_id=person.id)}
    assert busy(touching[stage.mine.course.id].clinic) == {theirs}
    assert busy(touching[stage.theirs.course.id].clinic) == {mine}


def test_somebody_who_came_between_is_not_overlapped(stage: Stage) -> None:
    asked = beside_them(stage)
    act = stage.all_the_same(asked)
    shown = stage.preview(act)
    late = third(stage, stage.theirs.session(3).ends_at)
    before = stage.everything()
    with pytest.raises(Refused) as refused:
        stage.apply(act, shown)
    assert [c.appointment_id for c in refused.value.conflicts] == [late.id]
    assert (stage.everything(), stage.overrides()) == (before, [])
    again = stage.all_the_same(asked)
    assert again.beside == {stage.theirs.session(3).id, late.id}
    stage.apply(again)
    assert [other for *_, other in stage.overrides()] == sorted(again.beside)


def test_what_was_shown_must_still_be_so(stage: Stage) -> None:
    act = stage.all_the_same(beside_them(stage))
    shown, other = stage.preview(act), stage.theirs.session(3)
    stage.apply(Move(other.id, other.starts_at + timedelta(minutes=30), therapist_id=other.therapist_id))
    before = stage.everything()
    with pytest.raises(StaleVersion):
        stage.apply(act, shown)
    assert (stage.everything(), stage.overrides()) == (before, [])


def decided(stage: Stage, act: Move) -> Callable[[Decision | None], ChangeSet]:
    """Writes what was decided for a move now, whatever comes between: as when two people press at once."""
    shown = stage.preview(act)

    def write(decision: Decision | None = None) -> ChangeSet:
        return apply_decision(
            stage.db, stage.coordinator, course_id=shown.course.id, decision=decision or shown.decision,
            seen_versions={a.id: a.version for a in shown.course.appointments}, now=NOW, undo_minutes=3,
            override_reasons=dict.fromkeys(Rule, WHY),
        )  # fmt: skip

    return write


def test_in_a_race_the_database_refuses_the_third(stage: Stage) -> None:
    write = decided(stage, stage.all_the_same(beside_them(stage)))
    late, before = third(stage, stage.theirs.session(3).ends_at), stage.everything()
    with pytest.raises(Refused) as refused:
        write(None)
    assert late.id in [c.appointment_id for c in refused.value.conflicts]
    assert (stage.everything(), stage.overrides()) == (before, [])


def test_in_a_race_the_other_appointment_may_not_have_moved(stage: Stage) -> None:
    write, other = decided(stage, stage.all_the_same(beside_them(stage))), stage.theirs.session(3)
    stage.apply(Move(other.id, other.starts_at + timedelta(minutes=30), therapist_id=other.therapist_id))
    with pytest.raises(StaleVersion):
        write(None)
    assert stage.overrides() == []


def test_the_named_pair_shares_the_named_person_and_nothing_else(stage: Stage) -> None:
    act = stage.all_the_same(beside_them(stage))
    shown, other = stage.preview(act), stage.theirs.session(3)
    line = shown.decision.lines[0]
    assert line.after is not None
    room = next(h for h in stage.holds(other) if h[0] not in (
        stage.cast.people["therapist-two"].holdable_id, stage.cast.patients["birch"].holdable_id,
    ))  # fmt: skip
    theirs = (room[0], minute_of(room[1]), minute_of(room[2]))
    both = replace(line, after=replace(line.after, holds=(*line.after.holds, theirs)))
    with pytest.raises(Refused):
        decided(stage, act)(replace(shown.decision, lines=(both, *shown.decision.lines[1:])))
    assert stage.overrides() == []


def test_a_nurse_looks_after_one_more(stage: Stage) -> None:
    lane = stage.db.scalars(select(NurseLane).order_by(NurseLane.id)).all()
    assert len(lane) == 2
    theirs, mine = stage.theirs.infusion(4), stage.mine.infusion(4)
    # Mine first goes a day later, then somebody promised both places beside theirs to a plan that is being made.
    stage.apply(Move(mine.id, mine.starts_at + timedelta(days=1)))
    spare = next(one for one in lane if one.holdable_id not in {h for h, *_ in stage.holds(theirs)})
    hold = Hold(account_id=stage.coordinator.account_id, expires_at=NOW + timedelta(minutes=5), created_at=NOW)
    stage.db.add(hold)
    stage.db.flush()
    stage.db.add(
        Occupancy(holdable_id=spare.holdable_id, hold_id=hold.id, starts_at=theirs.starts_at, ends_at=theirs.ends_at)
    )
    stage.db.flush()
    asked = Move(mine.id, theirs.starts_at)
    with pytest.raises(Refused, match="No nurse has a free place"):
        stage.preview(asked)
    act = stage.all_the_same(asked)
    assert act.beside == {theirs.id}
    stage.apply(act)
    moved = stage.mine.infusion(4)
    assert (moved.starts_at, moved.nurse_id) == (theirs.starts_at, theirs.nurse_id)
    assert moved.chair_id != theirs.chair_id
    assert (OverrideRule.OVERLAP, mine.id, theirs.id) in stage.overrides()
    assert overlaps(stage.db) == []


def test_a_chair_with_two_patients_stays_impossible(stage: Stage) -> None:
    theirs, mine = stage.theirs.infusion(4), stage.mine.infusion(4)
    stage.apply(Move(mine.id, mine.starts_at + timedelta(days=1)))
    for chair in stage.mine.at_work.chairs:
        chair.active = chair.id == theirs.chair_id
    stage.db.flush()
    act = Move(mine.id, theirs.starts_at)
    with pytest.raises(Refused, match="a chair never takes two patients"):
        stage.ask(act)
    everything = replace(act, overrides=frozenset(Rule), beside=frozenset({theirs.id}))
    with pytest.raises(Refused) as refused:
        stage.preview(everything)
    assert Rule.CHAIR_BUSY in {c.rule for c in refused.value.conflicts}
