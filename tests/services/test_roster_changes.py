"""Absences that change or end, closed days opened again, several days closed at once, and the undoing of it all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError, NotFound, NotPermitted, Refused, StaleVersion
from planner.domain.statuses import AppointmentStatus
from planner.domain.walltime import local_day
from planner.services.disruption_acts import Away, ChangeAbsence, CloseDays
from planner.services.disruption_effects import mark_of
from planner.services.disruptions import apply_disruption
from planner.services.roster_changes import end_absence, remove_absence, reopen_day
from planner.services.undoing_groups import undo_change
from planner.store.records import Absence, Appointment, AuditEntry, ChangeSet, Closure
from tests.builders import CHICAGO, at, coordinator, scenario_clinic, site
from tests.services.disrupted import NOW, THURSDAY, Stage, booked, everything

TUESDAY, WEDNESDAY = "2027-02-02", "2027-02-03"


@pytest.fixture
def stage(db: Session) -> Stage:
    clinic = scenario_clinic(db)
    return Stage(db, clinic, booked(db, clinic, clinic.patient))


@pytest.fixture
def quiet(db: Session) -> Stage:
    """Nothing is booked."""
    return Stage(db, scenario_clinic(db))


def away(stage: Stage, first: str = f"{WEDNESDAY} 00:00", last: str = f"{THURSDAY} 00:00") -> Absence:
    """R is away for a while, on the day of no session unless said otherwise."""
    stage.apply(Away(stage.clinic.r.id, at(first), at(last), "training"))
    return only_absence(stage.db)


def only_absence(db: Session) -> Absence:
    return db.scalars(select(Absence).execution_options(populate_existing=True)).one()


def other_times(absence: Absence, starts: str, ends: str, **changes: str) -> ChangeAbsence:
    facts = {"reason": absence.reason, "seen": mark_of(absence)} | changes
    return ChangeAbsence(absence.id, at(starts), at(ends), **facts)


# Other times


def test_a_longer_absence_moves_what_it_newly_covers_and_is_undone_as_one(stage: Stage) -> None:
    before, session = everything(stage.db), stage.session(3)
    assert session.starts_at == at(f"{TUESDAY} 11:00"), "the session after dose 3"
    assert session.therapist_id == stage.clinic.r.id
    absence = away(stage)
    was = mark_of(absence)
    longer = other_times(absence, f"{TUESDAY} 00:00", f"{THURSDAY} 00:00")
    assert [c.course.id for c in stage.preview(longer).changes] == [stage.course.id]
    group = stage.apply(longer)
    session = stage.session(3)
    assert session.therapist_id == stage.clinic.k.id
    assert session.starts_at == at(f"{TUESDAY} 11:00"), "somebody else is free at the same time"
    assert only_absence(stage.db).starts_at == at(f"{TUESDAY} 00:00")
    undo_change(stage.db, stage.us, group.id, NOW)
    assert everything(stage.db) == before
    assert mark_of(only_absence(stage.db)) == was


def test_a_shorter_absence_moves_nobody_and_gives_its_time_back(stage: Stage) -> None:
    absence = away(stage, f"{TUESDAY} 00:00", f"{THURSDAY} 00:00")
    before = everything(stage.db)
    shorter = other_times(absence, f"{WEDNESDAY} 00:00", f"{THURSDAY} 00:00", reason="")
    assert stage.preview(shorter).changes == ()
    group = stage.apply(shorter)
    assert everything(stage.db) == before
    found = only_absence(stage.db)
    assert (found.starts_at, found.reason) == (at(f"{WEDNESDAY} 00:00"), "")
    undo_change(stage.db, stage.us, group.id, NOW)
    assert only_absence(stage.db).reason == "training"


def test_undoing_takes_no_time_back_in_which_somebody_was_booked_meanwhile(stage: Stage) -> None:
    absence = away(stage, f"{TUESDAY} 00:00", f"{THURSDAY} 00:00")
    shorter = stage.apply(other_times(absence, f"{WEDNESDAY} 00:00", f"{THURSDAY} 00:00"))
    session = stage.session(3)
    session.therapist_id = stage.clinic.r.id
    session.starts_at, session.ends_at = at(f"{TUESDAY} 13:00"), at(f"{TUESDAY} 14:00")
    stage.db.flush()
    with pytest.raises(Refused, match="booked into that time"):
        undo_change(stage.db, stage.us, shorter.id, NOW)
    stage.db.expire_all()
    assert only_absence(stage.db).starts_at == at(f"{WEDNESDAY} 00:00")


@pytest.mark.parametrize(
    ("starts", "ends", "field", "words"),
    [
        (f"{WEDNESDAY} 12:00", f"{WEDNESDAY} 12:00", "ends", "ends before it starts"),
        ("2027-01-27 09:00", "2027-01-28 12:00", "ends", "time has passed"),
        (f"{WEDNESDAY} 12:00", "2037-02-03 12:00", "ends", "further ahead"),
    ],
)
def test_other_times_that_cannot_be_are_refused_at_their_field(
    quiet: Stage, starts: str, ends: str, field: str, words: str
) -> None:
    absence = away(quiet)
    with pytest.raises(FieldError, match=words) as refused:
        quiet.preview(other_times(absence, starts, ends))
    assert refused.value.field == field


def test_other_times_that_meet_another_absence_are_refused(quiet: Stage) -> None:
    absence = away(quiet)
    quiet.apply(Away(quiet.clinic.r.id, at("2027-02-09 00:00"), at("2027-02-10 00:00")))
    with pytest.raises(FieldError, match="already away from Tue 9 Feb"):
        quiet.preview(other_times(absence, f"{WEDNESDAY} 00:00", "2027-02-09 12:00"))


def test_an_absence_that_has_begun_keeps_its_start_and_one_that_is_over_stays(quiet: Stage) -> None:
    absence = away(quiet)
    during = at(f"{WEDNESDAY} 12:00")
    with pytest.raises(FieldError, match="only its end"):
        quiet.preview(other_times(absence, f"{WEDNESDAY} 06:00", f"{THURSDAY} 00:00"), during)
    quiet.preview(other_times(absence, f"{WEDNESDAY} 00:00", f"{WEDNESDAY} 13:00"), during)
    with pytest.raises(FieldError, match="is over"):
        quiet.preview(other_times(absence, f"{WEDNESDAY} 00:00", f"{THURSDAY} 12:00"), at(f"{THURSDAY} 09:00"))


def test_somebody_elses_change_in_between_is_noticed(quiet: Stage) -> None:
    absence = away(quiet)
    seen = other_times(absence, f"{WEDNESDAY} 00:00", f"{WEDNESDAY} 12:00")
    key = quiet.preview(seen).key
    absence.reason = "holiday"
    quiet.db.flush()
    with pytest.raises(StaleVersion):
        apply_disruption(quiet.db, quiet.us, seen, key=key, now=NOW)
    with pytest.raises(StaleVersion):
        remove_absence(quiet.db, quiet.us, absence.id, seen=seen.seen, now=NOW)


# Giving time back


def test_who_is_back_early_can_be_booked_from_then_on(quiet: Stage) -> None:
    absence = away(quiet)
    with pytest.raises(Refused, match="going on"):
        end_absence(quiet.db, quiet.us, absence.id, seen=mark_of(absence), now=NOW)
    noon = at(f"{WEDNESDAY} 12:00")
    group = end_absence(quiet.db, quiet.us, absence.id, seen=mark_of(absence), now=noon)
    assert only_absence(quiet.db).ends_at == noon
    undo_change(quiet.db, quiet.us, group.id, noon)
    assert only_absence(quiet.db).ends_at == at(f"{THURSDAY} 00:00")


def test_a_coming_absence_is_taken_out_and_comes_back_with_undo(quiet: Stage) -> None:
    absence = away(quiet)
    was, id_ = mark_of(absence), absence.id
    with pytest.raises(Refused, match="has begun"):
        remove_absence(quiet.db, quiet.us, id_, seen=was, now=at(f"{WEDNESDAY} 12:00"))
    group = remove_absence(quiet.db, quiet.us, id_, seen=was, now=NOW)
    assert quiet.db.scalars(select(Absence)).all() == []
    undo_change(quiet.db, quiet.us, group.id, NOW)
    assert (only_absence(quiet.db).id, mark_of(only_absence(quiet.db))) == (id_, was)


def test_a_closed_day_is_opened_again_and_closed_again_by_undo(quiet: Stage) -> None:
    day = date(2027, 3, 3)
    quiet.apply(quiet.close(day))
    closure = quiet.db.scalars(select(Closure).where(Closure.day == day)).one()
    with pytest.raises(Refused, match="has passed"):
        reopen_day(quiet.db, quiet.us, closure.id, now=at("2027-03-04 09:00"))
    group = reopen_day(quiet.db, quiet.us, closure.id, now=NOW)
    assert quiet.db.scalars(select(Closure).where(Closure.day == day)).first() is None
    undo_change(quiet.db, quiet.us, group.id, NOW)
    assert quiet.db.scalars(select(Closure.reason).where(Closure.day == day)).one() == "burst pipe"


def test_an_opened_day_with_somebody_booked_by_now_is_not_closed_by_undo(stage: Stage) -> None:
    day = date(2027, 3, 3)
    stage.apply(stage.close(day))
    closure = stage.db.scalars(select(Closure).where(Closure.day == day)).one()
    group = reopen_day(stage.db, stage.us, closure.id, now=NOW)
    session = stage.session(4)
    session.starts_at, session.ends_at = at(f"{day} 11:00"), at(f"{day} 12:00")
    stage.db.flush()
    with pytest.raises(Refused, match="booked into that time"):
        undo_change(stage.db, stage.us, group.id, NOW)


# Several days at once


def test_several_days_are_closed_as_one_with_all_they_move(stage: Stage) -> None:
    before = everything(stage.db)
    days = (date(2027, 2, 2), date(2027, 2, 3), THURSDAY)
    act = CloseDays(stage.clinic.site.id, tuple((day, "painters") for day in days))
    moved = {line.before.id for c in stage.preview(act).changes for line in c.decision.lines if line.before}
    assert {stage.session(3).id, stage.dose(4).id} <= moved
    group = stage.apply(act)
    assert set(stage.db.scalars(select(Closure.day).where(Closure.reason == "painters"))) == set(days)
    booked_then = select(Appointment.starts_at).where(Appointment.status == AppointmentStatus.BOOKED)
    assert not {local_day(start, CHICAGO) for start in stage.db.scalars(booked_then)} & set(days)
    undo_change(stage.db, stage.us, group.id, NOW)
    assert everything(stage.db) == before
    assert stage.db.scalars(select(Closure).where(Closure.reason == "painters")).all() == []


# Rights and history


def test_other_sites_and_other_roles_change_nothing(quiet: Stage) -> None:
    absence = away(quiet)
    quiet.apply(quiet.close(date(2027, 3, 3)))
    closure = quiet.db.scalars(select(Closure).where(Closure.day == date(2027, 3, 3))).one()
    seen = mark_of(absence)
    stranger, nurse = coordinator(quiet.db, site(quiet.db)), replace(quiet.us, roles=frozenset({Role.NURSE}))
    for who, error in ((stranger, NotFound), (nurse, NotPermitted)):
        with pytest.raises(error):
            remove_absence(quiet.db, who, absence.id, seen=seen, now=NOW)
        with pytest.raises(error):
            end_absence(quiet.db, who, absence.id, seen=seen, now=at(f"{WEDNESDAY} 12:00"))
        with pytest.raises(error):
            reopen_day(quiet.db, who, closure.id, now=NOW)
        with pytest.raises(error):
            quiet.preview(other_times(absence, f"{WEDNESDAY} 00:00", f"{WEDNESDAY} 12:00"), who=who)


def test_who_may_undo_what_gave_time_back(quiet: Stage) -> None:
    absence = away(quiet)
    group = remove_absence(quiet.db, quiet.us, absence.id, seen=mark_of(absence), now=NOW)
    with pytest.raises(NotFound):
        undo_change(quiet.db, coordinator(quiet.db, site(quiet.db)), group.id, NOW)
    undo_change(quiet.db, coordinator(quiet.db, quiet.clinic.site), group.id, NOW + timedelta(minutes=1))
    assert only_absence(quiet.db)


def test_the_history_has_ids_only(quiet: Stage) -> None:
    absence = away(quiet)
    quiet.apply(other_times(absence, f"{WEDNESDAY} 00:00", f"{WEDNESDAY} 12:00", reason="dentist"))
    act = CloseDays(quiet.clinic.site.id, ((date(2027, 3, 3), "painters"), (date(2027, 3, 4), "painters")))
    quiet.apply(act)
    kinds = select(ChangeSet.id).where(ChangeSet.kind.in_(("absence.change", "days.close")))
    entries = quiet.db.scalars(select(AuditEntry).where(AuditEntry.change_set_id.in_(kinds))).all()
    assert {entry.action for entry in entries} == {"absence.change", "days.close"}
    assert not {"dentist", "painters", "training"} & set(str([entry.detail for entry in entries]).split("'"))
