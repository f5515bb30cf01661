"""Off hours and overlaps: what one moved appointment may set aside, what never, and that nothing else is bent."""

from dataclasses import replace
from datetime import date

import pytest

from planner.domain.conflicts import ASKED_ASIDE, OFF_HOURS, OVERRIDABLE, Conflict, Rule
from planner.domain.errors import Refused
from planner.domain.statuses import AppointmentKind, Mode
from planner.scheduling.decisions import LineKind, WayOutKind
from planner.scheduling.moves import decide_move
from planner.scheduling.setting_aside import what_to_set_aside
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet, OtherHold, ShiftSheet, Span
from planner.scheduling.withdrawals import displaced_by_person, without_person
from tests.scheduling.scenario import K, R, at, wall
from tests.scheduling.test_lost_time import session_after
from tests.scheduling.test_scenarios import infusion, monday_thursday

LANES = (131, 132)
NURSE, PRESCRIBER = 11, 12
SUNDAY, MONDAY, TUESDAY, WEDNESDAY = (date(2027, 1, 31), *(date(2027, 2, day) for day in (1, 2, 3)))


@pytest.fixture
def booked() -> CourseSheet:
    """Six doses on Mondays and Thursdays from 25 January, told on Friday 29 January at noon."""
    names = {121: "Test Nurse", 131: "Test Nurse", 132: "Test Nurse", 141: "Test R", 142: "Test K", 111: "Room 1"}
    return replace(monday_thursday("2027-01-29 12:00"), names=names)


def rules_of(conflicts: tuple[Conflict, ...]) -> set[Rule]:
    return {conflict.rule for conflict in conflicts}


def taken(course: CourseSheet, *holds: OtherHold) -> CourseSheet:
    """The course in a clinic where others hold these too."""
    clinic = course.clinic

    def busy(holdable_id: int) -> tuple[Span, ...]:
        return tuple((hold.start, hold.end) for hold in holds if hold.holdable_id == holdable_id)

    def with_lanes(clinic: ClinicSheet) -> ClinicSheet:
        nurses = tuple(
            replace(n, lanes=tuple(replace(lane, busy=busy(lane.holdable_id)) for lane in n.lanes))
            for n in clinic.nurses
        )
        return replace(clinic, nurses=nurses)

    clinic = replace(
        with_lanes(clinic),
        chairs=tuple(replace(c, busy=busy(c.holdable_id)) for c in clinic.chairs),
        rooms=tuple(replace(r, busy=busy(r.holdable_id)) for r in clinic.rooms),
        therapists=tuple(replace(t, busy=busy(t.holdable_id)) for t in clinic.therapists),
    )
    return replace(course, clinic=clinic, others=holds)


def held(holdable_id: int, day: date, hours: tuple[str, str], appointment_id: int | None = 900) -> OtherHold:
    return OtherHold(holdable_id, at(day, hours[0]), at(day, hours[1]), appointment_id, "infusion 2 of P-9")


def full_lanes(course: CourseSheet, *ids: int | None) -> CourseSheet:
    """Both of the nurse's places are taken on Tuesday morning."""
    return taken(course, *(held(lane, TUESDAY, ("09:30", "11:40"), i) for lane, i in zip(LANES, ids, strict=True)))


def move_aside(course: CourseSheet, booked: BookedSheet, start: int, **more: int) -> tuple[Conflict, ...]:
    return what_to_set_aside(course, booked.id, start, **more)


def test_rules_that_may_be_asked_about_may_all_be_overridden() -> None:
    assert ASKED_ASIDE <= OVERRIDABLE
    assert not ASKED_ASIDE & {Rule.CHAIR_BUSY, Rule.PATIENT_BUSY, Rule.NURSE_BUSY, Rule.ROOM_BUSY, Rule.GRID}


# -- off hours


def test_a_closed_day_names_everything_to_be_set_aside(booked: CourseSheet) -> None:
    dose, sunday = infusion(booked, 3), at(SUNDAY, "09:30")
    conflicts = move_aside(booked, dose, sunday)
    assert rules_of(conflicts) == {Rule.CLOSED, Rule.NURSE_AWAY, Rule.PRESCRIBER_AWAY}
    assert all(c.appointment_id == dose.id for c in conflicts)
    assert "Test Nurse has no shift for all of that time." in [c.sentence for c in conflicts]


def test_off_hours_the_dose_moves_and_what_follows_keeps_the_rules(booked: CourseSheet) -> None:
    dose, sunday = infusion(booked, 3), at(SUNDAY, "09:30")
    decision = decide_move(booked, dose.id, sunday, overrides=OFF_HOURS)
    line = next(line for line in decision.lines if line.before == dose)
    assert line.after is not None and (line.after.start, line.after.nurse_id) == (sunday, NURSE)
    assert {holdable for holdable, _, _ in line.after.holds} >= {101, 151}
    assert rules_of(decision.overrides) == {Rule.CLOSED, Rule.NURSE_AWAY, Rule.PRESCRIBER_AWAY}
    sessions = [
        line.after
        for line in decision.of(LineKind.MOVED)
        if line.after is not None and line.after.kind is AppointmentKind.INTEGRATION
    ]
    on_shift = {R: {0, 1, 2, 3}, K: {1, 2, 3, 4}}
    for after in sessions:
        assert wall(after.start)[:3] in ("Mon", "Tue", "Wed", "Thu", "Fri")
        assert on_shift[after.therapist_id or 0], "a session that follows is held by somebody on shift"


@pytest.mark.parametrize("missing", sorted({Rule.CLOSED, Rule.NURSE_AWAY, Rule.PRESCRIBER_AWAY}))
def test_each_rule_has_to_be_set_aside(booked: CourseSheet, missing: Rule) -> None:
    with pytest.raises(Refused) as refused:
        decide_move(booked, infusion(booked, 3).id, at(SUNDAY, "09:30"), overrides=OFF_HOURS - {missing})
    assert rules_of(refused.value.conflicts) == {missing}


@pytest.mark.parametrize("clock", ["09:37", "23:59"])
def test_the_grid_is_never_set_aside(booked: CourseSheet, clock: str) -> None:
    with pytest.raises(Refused) as refused:
        move_aside(booked, infusion(booked, 3), at(SUNDAY, clock))
    assert rules_of(refused.value.conflicts) == {Rule.GRID}
    assert "exception or not" in str(refused.value)


@pytest.mark.parametrize(("day", "rule"), [(date(2027, 1, 28), Rule.PAST), (date(2199, 1, 1), Rule.CLOSED)])
def test_neither_the_past_nor_an_unknown_day(booked: CourseSheet, day: date, rule: Rule) -> None:
    with pytest.raises(Refused) as refused:
        move_aside(booked, infusion(booked, 3), at(day, "09:30"))
    assert rules_of(refused.value.conflicts) == {rule}


def test_nobody_is_called_in_from_an_absence_or_from_another_site(booked: CourseSheet) -> None:
    dose, sunday = infusion(booked, 3), at(SUNDAY, "09:30")
    away = replace(booked, clinic=without_person(booked.clinic, NURSE, (sunday - 60, sunday + 30)))
    nurse = booked.clinic.nurses[0]
    shifts = (*nurse.shifts, ShiftSheet((sunday, sunday + 480), 2))
    elsewhere = replace(booked, clinic=replace(booked.clinic, nurses=(replace(nurse, shifts=shifts),)))
    for course in (away, elsewhere):
        with pytest.raises(Refused) as refused:
            move_aside(course, dose, sunday)
        assert rules_of(refused.value.conflicts) == {Rule.NURSE_BUSY}
        assert "A nurse cannot be had even as an exception" in str(refused.value)


def test_a_session_off_shift_stays_with_its_therapist(booked: CourseSheet) -> None:
    session = session_after(booked, 3)
    evening = at(TUESDAY, "18:00")
    conflicts = move_aside(booked, session, evening)
    assert Rule.THERAPIST_AWAY in rules_of(conflicts) and rules_of(conflicts) <= OFF_HOURS
    after = decide_move(booked, session.id, evening, overrides=OFF_HOURS).lines[0].after
    assert after is not None
    assert (after.start, after.therapist_id, after.mode) == (evening, session.therapist_id, session.mode)


def test_in_person_when_the_site_is_closed_sets_that_aside_too(booked: CourseSheet) -> None:
    session = session_after(booked, 3)
    only_here = replace(booked.request.patient, modes=(Mode.IN_PERSON,))
    course = replace(booked, request=replace(booked.request, patient=only_here))
    assert rules_of(move_aside(course, session, at(TUESDAY, "19:00"))) == {Rule.CLOSED, Rule.THERAPIST_AWAY}
    by_video = replace(booked.request.patient, modes=(Mode.TELEHEALTH,))
    course = replace(booked, request=replace(booked.request, patient=by_video))
    assert rules_of(move_aside(course, session, at(TUESDAY, "19:00"))) == {Rule.THERAPIST_AWAY}


def test_a_session_never_runs_into_the_patients_own_dose(booked: CourseSheet) -> None:
    session, dose = session_after(booked, 3), infusion(booked, 4)
    with pytest.raises(Refused) as refused:
        move_aside(booked, session, dose.start + 30)
    assert Rule.PATIENT_BUSY in rules_of(refused.value.conflicts)


def test_a_time_the_rules_allow_sets_nothing_aside(booked: CourseSheet) -> None:
    dose, tuesday = infusion(booked, 3), at(TUESDAY, "09:30")
    assert move_aside(booked, dose, tuesday) == ()
    everything = ASKED_ASIDE - {Rule.SPACING}
    assert decide_move(booked, dose.id, tuesday, overrides=everything) == decide_move(booked, dose.id, tuesday)


def test_spacing_is_told_together_with_the_hours(booked: CourseSheet) -> None:
    conflicts = move_aside(booked, infusion(booked, 3), at(date(2027, 1, 29), "14:00"))
    assert {Rule.NURSE_AWAY, Rule.PRESCRIBER_AWAY, Rule.SPACING} <= rules_of(conflicts)


# -- overlaps


def test_a_nurse_on_shift_may_look_after_one_more_beside_a_named_appointment(booked: CourseSheet) -> None:
    course, tuesday = full_lanes(booked, 900, 901), at(TUESDAY, "09:30")
    dose = infusion(course, 3)
    with pytest.raises(Refused, match="No nurse has a free place"):
        decide_move(course, dose.id, tuesday)
    (overlap,) = move_aside(course, dose, tuesday)
    assert (overlap.rule, overlap.holdable_id, overlap.appointment_id) == (Rule.OVERLAP, 131, 900)
    assert overlap.sentence == "Test Nurse is also held by infusion 2 of P-9, Tue 2 Feb 09:30 to 11:40."
    decision = decide_move(course, dose.id, tuesday, overrides=frozenset({Rule.OVERLAP}), beside=frozenset({900}))
    assert decision.overrides == (overlap,)
    after = next(line.after for line in decision.lines if line.before == dose)
    assert after is not None and 131 in {holdable for holdable, _, _ in after.holds}


def test_an_appointment_that_is_not_named_refuses(booked: CourseSheet) -> None:
    course = full_lanes(booked, 900, 901)
    for beside in (frozenset[int](), frozenset({901}), frozenset({1, 2, 3})):
        with pytest.raises(Refused) as refused:
            decide_move(course, infusion(course, 3).id, at(TUESDAY, "09:30"), overrides=ASKED_ASIDE, beside=beside)
        assert [c.appointment_id for c in refused.value.conflicts] == [900]


def test_naming_an_appointment_without_setting_the_rule_aside_does_nothing(booked: CourseSheet) -> None:
    course = full_lanes(booked, 900, 901)
    with pytest.raises(Refused):
        decide_move(course, infusion(course, 3).id, at(TUESDAY, "09:30"), overrides=OFF_HOURS, beside=frozenset({900}))


def test_two_others_in_one_place_are_both_named(booked: CourseSheet) -> None:
    one, two = held(131, TUESDAY, ("09:00", "10:30")), held(131, TUESDAY, ("10:30", "12:00"), 901)
    course = taken(booked, one, two, held(132, TUESDAY, ("09:00", "12:00"), None))
    conflicts = move_aside(course, infusion(course, 3), at(TUESDAY, "09:30"))
    assert [c.appointment_id for c in conflicts] == [900, 901]


def test_a_promise_is_never_overlapped(booked: CourseSheet) -> None:
    course = full_lanes(booked, None, None)
    with pytest.raises(Refused) as refused:
        move_aside(course, infusion(course, 3), at(TUESDAY, "09:30"))
    assert rules_of(refused.value.conflicts) == {Rule.NURSE_BUSY}


def test_a_chair_never_takes_two_patients(booked: CourseSheet) -> None:
    course = taken(booked, held(101, TUESDAY, ("09:00", "10:00")))
    dose, tuesday = infusion(course, 3), at(TUESDAY, "09:30")
    with pytest.raises(Refused, match="a chair never takes two patients"):
        move_aside(course, dose, tuesday)
    with pytest.raises(Refused) as refused:
        decide_move(course, dose.id, tuesday, overrides=frozenset(Rule), beside=frozenset({900}))
    assert Rule.CHAIR_BUSY in rules_of(refused.value.conflicts)


def test_a_patient_is_never_in_two_places(booked: CourseSheet) -> None:
    patient = replace(booked.request.patient, busy=((at(TUESDAY, "10:00"), at(TUESDAY, "11:00")),))
    course = replace(booked, request=replace(booked.request, patient=patient))
    for one in (infusion(course, 3), session_after(course, 3)):
        with pytest.raises(Refused, match="nobody is in two places"):
            decide_move(course, one.id, at(TUESDAY, "10:00"), overrides=frozenset(Rule), beside=frozenset({900}))


def test_a_therapist_and_a_room_may_be_held_twice(booked: CourseSheet) -> None:
    hours = ("15:00", "16:00")
    others = [held(141, TUESDAY, hours), held(142, TUESDAY, hours, 901)]
    others += [held(room, TUESDAY, hours, 902) for room in (111, 112)]
    patient = replace(booked.request.patient, modes=(Mode.IN_PERSON,))
    course = taken(replace(booked, request=replace(booked.request, patient=patient)), *others)
    session, start = session_after(course, 3), at(TUESDAY, "15:00")
    conflicts = move_aside(course, session, start)
    assert [(c.rule, c.holdable_id, c.appointment_id) for c in conflicts] == [
        (Rule.OVERLAP, {R: 141, K: 142}[session.therapist_id or 0], {R: 900, K: 901}[session.therapist_id or 0]),
        (Rule.OVERLAP, 111, 902),
    ]
    asked_for = move_aside(course, session, start, therapist_id=K)
    assert [c.holdable_id for c in asked_for] == [142, 111]
    beside = frozenset(c.appointment_id for c in asked_for if c.appointment_id)
    decision = decide_move(
        course, session.id, start, therapist_id=K, overrides=frozenset({Rule.OVERLAP}), beside=beside
    )
    after = decision.lines[0].after
    assert after is not None and (after.therapist_id, after.room_id) == (K, 1)


def test_somebody_free_comes_before_somebody_held(booked: CourseSheet) -> None:
    hours = ("18:00", "19:00")
    session = session_after(booked, 3)
    mine = {R: 141, K: 142}[session.therapist_id or 0]
    course = taken(booked, held(mine, TUESDAY, hours))
    conflicts = move_aside(course, session, at(TUESDAY, "18:00"))
    assert Rule.OVERLAP not in rules_of(conflicts)


def test_a_visit_without_a_prescriber_loses_nobody_when_one_is_away(booked: CourseSheet) -> None:
    sunday = at(SUNDAY, "09:30")
    dose = infusion(booked, 3)
    moved = replace(dose, start=sunday, end=sunday + dose.end - dose.start)
    course = replace(booked, appointments=tuple(moved if a.id == dose.id else a for a in booked.appointments))
    away = (at(SUNDAY, "08:00"), at(MONDAY, "18:00"))
    bare = replace(course, clinic=without_person(course.clinic, PRESCRIBER, away))
    assert moved.id not in displaced_by_person(bare, PRESCRIBER, away, course.clinic)
    stays = replace(bare, appointments=booked.appointments)
    assert dose.id in displaced_by_person(stays, PRESCRIBER, away, course.clinic)


def test_a_way_out_that_moves_the_dose_by_the_rules_sets_nothing_aside_for_it(booked: CourseSheet) -> None:
    busy = [held(who, day, ("08:00", "18:00")) for who in (141, 142) for day in (MONDAY, TUESDAY)]
    course, dose, saturday = taken(booked, *busy), infusion(booked, 3), at(date(2027, 1, 30), "09:30")
    plain = decide_move(course, dose.id, saturday, overrides=ASKED_ASIDE)
    assert Rule.CLOSED in rules_of(plain.overrides)
    (lost,) = (line for line in plain.unsaved if line.ways_out)
    index, way = next((i, w) for i, w in enumerate(lost.ways_out) if w.kind is WayOutKind.MOVE_DOSE)
    chosen = decide_move(course, dose.id, saturday, overrides=ASKED_ASIDE, choices={3: index})
    assert way.infusion is not None
    assert next(line.after for line in chosen.lines if line.before == dose) == way.infusion
    assert not rules_of(chosen.overrides) & OFF_HOURS


# -- more sessions a day than are set


def with_full_day(course: CourseSheet, person_id: int, day: date, most: int = 2) -> CourseSheet:
    """One therapist has all the sessions of the day that are set for them; nobody works with them that day."""
    starts = tuple(at(day, f"{13 + n}:00") for n in range(most))
    people = tuple(
        replace(t, most_sessions=most, sessions=starts) if t.id == person_id else t for t in course.clinic.therapists
    )
    return replace(course, clinic=replace(course.clinic, therapists=people))


def test_one_session_more_than_is_set_is_asked_about_by_name_and_can_be_held(booked: CourseSheet) -> None:
    full = with_full_day(booked, R, WEDNESDAY)
    session = session_after(full, 3)
    start = at(WEDNESDAY, "11:00")
    (asked,) = move_aside(full, session, start, therapist_id=R)
    assert (asked.rule, asked.sentence) == (
        Rule.DAY_FULL,
        "Test R has 2 sessions that day, the most set for them.",
    )
    with pytest.raises(Refused) as refused:
        decide_move(full, session.id, start, therapist_id=R)
    assert rules_of(refused.value.conflicts) == {Rule.DAY_FULL}
    decision = decide_move(full, session.id, start, therapist_id=R, overrides=frozenset({Rule.DAY_FULL}))
    assert [line.after and (line.after.start, line.after.therapist_id) for line in decision.lines] == [(start, R)]
    assert decision.overrides == (asked,)


def test_somebody_with_a_place_left_comes_before_somebody_above_their_limit(booked: CourseSheet) -> None:
    full = with_full_day(booked, R, WEDNESDAY)
    session = session_after(full, 3)
    decision = decide_move(full, session.id, at(WEDNESDAY, "11:00"), overrides=frozenset({Rule.DAY_FULL}))
    assert [line.after and line.after.therapist_id for line in decision.lines] == [K]
    assert decision.overrides == ()
