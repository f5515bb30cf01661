"""Why a time is refused: the rule that is in the way is named, and no other."""

import pytest

from planner.domain.conflicts import Rule
from planner.domain.protocols import Spacing
from planner.domain.statuses import AppointmentStatus, Mode
from planner.scheduling.course_state import CourseView
from planner.scheduling.offers import why_not_offered
from planner.scheduling.refusals import session_conflicts, visit_conflicts, why_not, window_conflicts
from planner.scheduling.sheets import BookedSheet, PatientSheet, PersonSheet
from planner.scheduling.supply import Supply
from tests.scheduling.plain import (
    DAYS,
    DOSE_END,
    ORIGIN,
    SESSION,
    clinic,
    course,
    dose,
    on,
    patient,
    protocol,
    rolling,
    room,
    search,
    session,
    therapist,
    to_the_minute,
    view,
    windowed,
)

WORKS = (on(2, "09:00"), on(2, "12:00"))


def session_rules(start: int, who: PatientSheet | None = None, **changes: object) -> set[Rule]:
    supply = Supply(clinic(**changes), who or patient())
    return {conflict.rule for conflict in session_conflicts(supply, start - ORIGIN, SESSION, None)}


def rules(look: CourseView, one: BookedSheet, start: int) -> set[Rule]:
    return {conflict.rule for conflict in why_not(look, one, start)}


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_that_can_be_had_is_not_refused() -> None:
    assert session_rules(on(2, "09:00")) == set()


@pytest.mark.parametrize(("wall", "refused"), [("08:50", True), ("09:00", False), ("11:10", False), ("11:20", True)])
def test_a_session_outside_every_shift_is_refused_for_that(wall: str, refused: bool) -> None:
    found = session_rules(on(2, wall), therapists=(therapist(1, WORKS),))
    assert (Rule.CLOSED in found) is refused
    assert found == ({Rule.CLOSED, Rule.THERAPIST_BUSY} if refused else set())


def test_a_session_with_a_therapist_who_is_held_is_refused_for_that_alone() -> None:
    busy = therapist(1, busy=((on(2, "10:00"), on(2, "11:00")),), turnover=10)
    assert session_rules(on(2, "09:00"), therapists=(busy,)) == set()
    assert session_rules(on(2, "09:10"), therapists=(busy,)) == {Rule.THERAPIST_BUSY}
    assert session_rules(on(2, "10:50"), therapists=(busy,)) == {Rule.THERAPIST_BUSY}
    assert session_rules(on(2, "11:00"), therapists=(busy,)) == set()


def test_a_session_without_a_room_is_refused_for_that_alone() -> None:
    only = patient(modes=(Mode.IN_PERSON,))
    taken = (room(1, (on(2, "10:00"), on(2, "11:00"))),)
    assert session_rules(on(2, "09:10"), only, rooms=taken) == set()
    assert session_rules(on(2, "09:20"), only, rooms=taken) == {Rule.ROOM_BUSY}


def test_a_session_at_which_the_patient_is_held_or_cannot_come_is_refused_for_that() -> None:
    held = patient(busy=((on(2, "10:00"), on(2, "11:00")),), turnover=10)
    assert session_rules(on(2, "09:00"), held) == set()
    assert Rule.PATIENT_BUSY in session_rules(on(2, "09:10"), held)
    comes = patient(available=((on(2, "10:00"), on(2, "11:00")),))
    assert session_rules(on(2, "10:10"), comes) == set()
    assert Rule.PATIENT_AWAY in session_rules(on(2, "10:20"), comes)


def test_a_session_off_the_grid_or_in_the_past_is_refused_for_that() -> None:
    assert Rule.GRID in session_rules(on(2, "09:05"))
    assert Rule.PAST in session_rules(on(2, "09:00"), now=on(2, "09:00"))
    assert session_rules(on(2, "09:00"), now=on(2, "08:59")) == set()


# -- beyond the roster -------------------------------------------------------------------------------------------------


def test_a_time_beyond_the_roster_is_not_known_yet_and_one_before_it_is_past() -> None:
    look = search()
    of_visits = {start: [c.rule for c in visit_conflicts(look, start - ORIGIN)] for start in (on(-1), on(DAYS))}
    assert of_visits == {on(-1): [Rule.PAST], on(DAYS): [Rule.CLOSED]}
    assert session_rules(on(-1)) == {Rule.PAST}
    assert session_rules(on(DAYS)) == {Rule.CLOSED}


def test_only_the_rules_that_are_asked_about_are_told() -> None:
    found = visit_conflicts(search(), on(2, "09:05") - ORIGIN, frozenset({Rule.CLOSED}))
    assert found == []
    assert [c.rule for c in visit_conflicts(search(), on(2, "09:05") - ORIGIN)] == [Rule.GRID]


# -- a dose and its neighbours -----------------------------------------------------------------------------------------


def test_a_dose_is_refused_for_its_spacing_on_the_days_that_break_it() -> None:
    one = dose(2, on(6, "09:00"))
    look = view(dose(1, on(3, "09:00")), one, dose(3, on(9, "09:00")))
    assert [Rule.SPACING in rules(look, one, on(day, "09:00")) for day in (4, 5, 7, 8)] == [True, False, False, True]


def test_a_dose_is_refused_on_weekdays_that_were_not_asked_for() -> None:
    """Day 2 is a Wednesday."""
    one = dose(1, on(2, "09:00"))
    look = view(one, weekdays=frozenset({2}))
    assert rules(look, one, on(3, "09:00")) == {Rule.REST_OF_COURSE}
    assert rules(look, one, on(9, "09:00")) == set()


def test_a_dose_is_refused_when_no_session_of_its_own_would_be_over_before_the_next() -> None:
    supply = clinic(therapists=(therapist(1, (on(5, "09:00"), on(5, "09:50"))),))
    look = search(protocol(), supply)
    anchor = on(5, "09:00") - ORIGIN - DOSE_END - 24 * 60

    def refused(over_by: int | None) -> bool:
        cutoff = None if over_by is None else over_by - ORIGIN
        return bool(window_conflicts(look, 1, anchor, cutoff))

    assert [refused(None), refused(on(5, "09:50")), refused(on(5, "09:49"))] == [False, False, True]


def test_a_dose_is_refused_until_the_gap_after_its_session_is_kept() -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=2))
    look = search(plan, clinic(therapists=(therapist(1, (on(5, "09:00"), on(5, "09:50"))),)))
    start = on(4, "09:00") - ORIGIN
    assert window_conflicts(look, 1, start, on(5, "11:50") - ORIGIN) == []
    assert [c.rule for c in window_conflicts(look, 1, start, on(5, "11:49") - ORIGIN)] == [Rule.NO_WINDOW_SLOT]


def test_a_dose_is_refused_when_the_session_of_the_one_before_would_not_be_over() -> None:
    """It can be over at 09:50 on day 5."""
    supply = clinic(therapists=(therapist(1, (on(5, "09:00"), on(5, "09:50")), (on(7), on(9))),))
    one = dose(2, on(6, "09:00"))
    look = view(dose(1, on(3, "09:00")), one, supply=supply)
    assert Rule.NEXT_DOSE in rules(look, one, on(5, "09:49"))
    assert Rule.NEXT_DOSE not in rules(look, one, on(5, "09:50"))


def test_a_dose_is_refused_when_its_session_would_run_into_the_next() -> None:
    """Its window opens 12 hours after the dose, and dose 2 checks in at 09:00 on day 5."""
    one = dose(1, on(3, "09:00"))
    plan = protocol(spacing=Spacing(1, 3, 6, 7))
    look = view(one, dose(2, on(5, "09:00")), plan=plan, supply=to_the_minute(clinic()))
    latest = on(5, "09:00") - SESSION - 12 * 60 - DOSE_END
    assert Rule.NO_WINDOW_SLOT not in rules(look, one, latest)
    assert Rule.NO_WINDOW_SLOT in rules(look, one, latest + 1)


def test_a_rolling_dose_is_refused_without_a_therapist_just_before_it() -> None:
    plan = protocol(integration=rolling())
    supply = clinic(therapists=(therapist(1, (on(5, "09:00"), on(5, "10:00"))),))
    one = dose(2, on(6, "09:00"))
    look = view(dose(1, on(3, "09:00")), one, plan=plan, supply=supply)
    assert Rule.NO_WINDOW_SLOT in rules(look, one, on(5, "09:30"))
    assert Rule.NO_WINDOW_SLOT not in rules(look, one, on(5, "10:00"))
    assert Rule.NO_WINDOW_SLOT in rules(look, one, on(5, "11:00"))
    first = view(dose(1, on(3, "09:00")), plan=plan, supply=supply)
    assert Rule.NO_WINDOW_SLOT not in rules(first, dose(1, on(3, "09:00")), on(5, "11:00"))


def test_a_dose_that_was_lost_or_is_fixed_has_no_other_time() -> None:
    gone = dose(1, on(3, "09:00"), status=AppointmentStatus.NOSHOW)
    assert rules(view(gone), gone, on(4, "09:00")) == {Rule.STATUS}
    pinned = course(dose(1, on(3, "09:00"), pinned=True), session(1, on(4, "09:00")))
    assert [c.rule for c in why_not_offered(pinned, 1, on(4, "09:00"))] == [Rule.STATUS]


# -- the most sessions of a day ----------------------------------------------------------------------------------------


def told(supply: Supply, start: int, therapist_id: int | None = None) -> list[str]:
    names = {141: "C. Haddad", 142: "R. Moss"}
    found = session_conflicts(supply, start - ORIGIN, SESSION, therapist_id, names)
    return [conflict.sentence for conflict in found]


def full(number: int, most: int, held: int | None = None, **changes: object) -> PersonSheet:
    starts = tuple(on(2, f"{hour:02}:00") for hour in range(most if held is None else held))
    return therapist(number, most_sessions=most, sessions=starts, **changes)


def test_a_session_on_a_full_day_is_refused_for_that_alone_and_says_whose_day_it_is() -> None:
    supply = Supply(clinic(therapists=(full(1, 6),)), patient())
    assert told(supply, on(2, "10:00")) == ["C. Haddad has 6 sessions that day, the most set for them."]
    assert told(supply, on(3, "10:00")) == []
    assert told(supply.unlimited, on(2, "10:00")) == []


def test_a_day_above_a_lowered_limit_says_both_numbers() -> None:
    supply = Supply(clinic(therapists=(full(1, 4, held=6),)), patient())
    assert told(supply, on(2, "10:00")) == ["C. Haddad has 6 sessions that day, and 4 is the most set."]


def test_where_anybody_would_do_everybody_is_named_who_is_free_and_full() -> None:
    busy = therapist(3, busy=((on(2), on(3)),))
    both = Supply(clinic(therapists=(full(1, 6), full(2, 1), busy)), patient())
    assert told(both, on(2, "10:00")) == [
        "C. Haddad has 6 sessions that day, the most set for them.",
        "R. Moss has 1 session that day, the most set for them.",
    ]
    assert told(both, on(2, "10:00"), 2) == ["R. Moss has 1 session that day, the most set for them."]
    one = Supply(clinic(therapists=(full(1, 6), full(2, 7, held=6))), patient())
    assert told(one, on(2, "10:00")) == []


def test_a_full_day_is_not_blamed_on_the_room_nor_a_missing_room_on_the_day() -> None:
    only = patient(modes=(Mode.IN_PERSON,))
    taken = (room(1, (on(2, "10:00"), on(2, "11:00"))),)
    assert session_rules(on(2, "10:00"), only, rooms=taken, therapists=(full(1, 6, held=5),)) == {Rule.ROOM_BUSY}
    assert session_rules(on(2, "12:00"), only, rooms=taken, therapists=(full(1, 6),)) == {Rule.DAY_FULL}
    assert session_rules(on(2, "10:00"), only, rooms=taken, therapists=(full(1, 6),)) == {Rule.ROOM_BUSY, Rule.DAY_FULL}


def test_somebody_whose_day_is_full_and_who_is_held_or_off_is_not_told_of_the_limit() -> None:
    held = full(1, 6, busy=((on(2, "10:00"), on(2, "11:00")),))
    assert session_rules(on(2, "10:00"), therapists=(held,)) == {Rule.THERAPIST_BUSY}


def test_a_dose_whose_session_only_a_full_day_prevents_says_so() -> None:
    """The therapist works on days 4 and 5 only; the window after a dose on day 3 holds both."""
    one = dose(1, on(2, "09:00"))

    def look(*sessions: int) -> CourseView:
        hours = [(on(day, "09:00"), on(day, "16:00")) for day in (3, 4, 5)]
        person = therapist(1, *hours, most_sessions=1, sessions=sessions)
        return view(one, plan=protocol(doses=1), supply=clinic(therapists=(person,)))

    assert why_not(look(on(4, "09:00")), one, on(3, "09:00")) == ()
    found = why_not(look(on(4, "09:00"), on(5, "09:00")), one, on(3, "09:00"))
    assert [conflict.rule for conflict in found] == [Rule.NO_WINDOW_SLOT, Rule.DAY_FULL]
    assert found[1].sentence == "The therapist has 1 session on Fri 5 Feb, the most set for them."


def test_a_rolling_dose_says_whose_full_day_keeps_its_session_away() -> None:
    one = dose(2, on(6, "09:00"))
    person = therapist(1, most_sessions=1, sessions=(on(5, "15:00"),))
    plan, supply = protocol(integration=rolling()), clinic(therapists=(person,))
    look = view(dose(1, on(3, "09:00")), one, plan=plan, supply=supply)
    assert rules(look, one, on(5, "10:00")) == {Rule.NO_WINDOW_SLOT, Rule.DAY_FULL}
    assert rules(look, one, on(7, "10:00")) == set()
