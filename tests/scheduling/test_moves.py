"""One act on a course: what it refuses, and where what was lost goes instead."""

from dataclasses import replace

import pytest

from planner.domain.conflicts import Rule
from planner.domain.errors import Refused
from planner.domain.protocols import Spacing
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, LineKind
from planner.scheduling.moves import Follow, decide_displaced, decide_dose_end, decide_lost, decide_move
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet
from tests.scheduling.plain import (
    SESSION,
    VISIT,
    chair,
    clinic,
    course,
    dose,
    no_sessions,
    on,
    protocol,
    session,
    therapist,
    to_the_minute,
)

CANCELLED, NOSHOW = AppointmentStatus.CANCELLED, AppointmentStatus.NOSHOW
BARE = protocol(integration=no_sessions())
THREE = dose(1, on(2, "09:00")), dose(2, on(5, "09:00")), dose(3, on(8, "09:00"))


def bare(*rows: BookedSheet, supply: ClinicSheet | None = None, **changes: object) -> CourseSheet:
    """A course without sessions."""
    return replace(course(*(rows or THREE), plan=BARE, supply=supply), **changes)  # type: ignore[arg-type]


def goes(decision: Decision) -> dict[int | None, int]:
    """Where infusions go, by id (None: a new one), as UTC minutes."""
    return {
        line.before.id if line.before else None: line.after.start
        for line in decision.lines
        if line.after is not None
        and line.after.kind is AppointmentKind.INFUSION
        and line.kind in (LineKind.MOVED, LineKind.CREATED)
    }


def refused(booked: CourseSheet, key: int, start: int) -> list[Rule]:
    with pytest.raises(Refused) as info:
        decide_move(booked, key, start)
    return [conflict.rule for conflict in info.value.conflicts]


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "rule"),
    [({"pinned": True}, Rule.PINNED), ({"status": AppointmentStatus.ARRIVED}, Rule.STATUS)],
)
def test_a_fixed_dose_does_not_move(change: dict[str, object], rule: Rule) -> None:
    assert refused(bare(dose(1, on(2, "09:00"), **change)), 1, on(3, "09:00")) == [rule]


@pytest.mark.parametrize(("now", "begun"), [("08:59", False), ("09:00", True)])
def test_a_dose_does_not_move_from_its_start_on(now: str, begun: bool) -> None:
    booked = bare(dose(1, on(2, "09:00")), supply=clinic(now=on(2, now)))
    if begun:
        assert refused(booked, 1, on(3, "09:00")) == [Rule.PAST]
    else:
        assert goes(decide_move(booked, 1, on(3, "09:00"))) == {1: on(3, "09:00")}


def test_an_appointment_that_is_gone_is_refused() -> None:
    assert refused(bare(), 99, on(3, "09:00")) == [Rule.STATUS]


def test_a_dose_keeps_the_least_days_after_the_one_before() -> None:
    assert refused(bare(), 2, on(3, "09:00")) == [Rule.SPACING]
    assert goes(decide_move(bare(), 2, on(4, "09:00"))) == {2: on(4, "09:00")}


def test_a_gap_too_short_is_told_where_it_is_overridden() -> None:
    decision = decide_move(bare(), 2, on(3, "09:00"), overrides=frozenset({Rule.SPACING}))
    assert [conflict.rule for conflict in decision.overrides] == [Rule.SPACING]
    assert goes(decision) == {2: on(3, "09:00")}


def test_later_doses_stay_where_the_spacing_is_overridden() -> None:
    decision = decide_move(bare(), 2, on(7, "09:00"), overrides=frozenset({Rule.SPACING}))
    assert [conflict.rule for conflict in decision.overrides] == [Rule.SPACING]
    assert goes(decision) == {2: on(7, "09:00")}
    enough = decide_move(bare(), 2, on(6, "09:00"), overrides=frozenset({Rule.SPACING}))
    assert enough.overrides == ()


def test_later_doses_slide_where_they_come_too_close() -> None:
    assert goes(decide_move(bare(), 2, on(6, "09:00"))) == {2: on(6, "09:00")}
    assert goes(decide_move(bare(), 2, on(7, "09:00"))) == {2: on(7, "09:00"), 3: on(9, "09:00")}


def test_a_dose_waits_for_the_session_of_the_one_before() -> None:
    """It can be over at 09:50 on day 5 at the earliest."""
    supply = to_the_minute(clinic(therapists=(therapist(1, (on(5, "09:00"), on(12))),)))
    booked = course(dose(1, on(3, "09:00")), dose(2, on(6, "09:00")), supply=supply)
    assert refused(booked, 2, on(5, "09:49")) == [Rule.NO_WINDOW_SLOT]
    assert goes(decide_move(booked, 2, on(5, "09:50"))) == {2: on(5, "09:50")}


def test_a_dose_waits_for_ever_where_the_one_before_can_have_no_session() -> None:
    supply = clinic(therapists=(therapist(1, (on(9), on(12))),))
    booked = course(dose(1, on(3, "09:00")), dose(2, on(6, "09:00")), supply=supply)
    assert refused(booked, 2, on(7, "09:00")) == [Rule.NO_WINDOW_SLOT]


def test_a_dose_keeps_its_chair_unless_another_is_asked_for() -> None:
    booked = bare(dose(1, on(2, "09:00"), chair_id=2), supply=clinic(chairs=(chair(1), chair(2), chair(3))))

    def taken(chair_id: int | None) -> int | None:
        after = decide_move(booked, 1, on(3, "09:00"), chair_id=chair_id).lines[0].after
        return after.chair_id if after else None

    assert (taken(None), taken(3)) == (2, 3)


# -- a lost dose slides to the end -------------------------------------------------------------------------------------


def lost(booked: CourseSheet, key: int, follow: Follow) -> dict[int | None, int]:
    return goes(decide_lost(booked, key, NOSHOW, follow=follow))


def test_a_lost_dose_is_given_after_the_last_one_at_its_time_of_day() -> None:
    booked = bare(THREE[0], THREE[1], dose(3, on(8, "13:00")))
    assert lost(booked, 2, "slide") == {None: on(10, "13:00")}


def test_a_lost_last_dose_is_given_on_a_later_day_than_its_own() -> None:
    assert lost(bare(), 3, "slide") == {None: on(9, "09:00")}


def test_a_lost_dose_is_given_on_the_weekdays_of_the_course() -> None:
    """Day 10 is a Thursday, day 11 a Friday."""
    assert lost(bare(pattern=frozenset({3})), 2, "slide") == {None: on(10, "09:00")}
    assert lost(bare(pattern=frozenset({4})), 2, "slide") == {None: on(11, "09:00")}


def test_a_lost_dose_is_given_off_its_weekdays_where_they_have_no_room() -> None:
    full = clinic(chairs=(chair(1, (on(11), on(12)), (on(18), on(19)), (on(25), on(26))),))
    assert lost(bare(pattern=frozenset({4}), supply=full), 2, "slide") == {None: on(12, "09:00")}


def test_a_lost_dose_is_given_before_its_weekday_where_nothing_is_free_from_then_on() -> None:
    full = clinic(chairs=(chair(1, (on(11), on(28))),))
    assert lost(bare(pattern=frozenset({4}), supply=full), 2, "slide") == {None: on(10, "09:00")}


def test_a_dropped_dose_is_not_given_again() -> None:
    assert lost(bare(), 2, "drop") == {}


def test_a_dose_without_any_day_left_cannot_slide() -> None:
    full = clinic(chairs=(chair(1, (on(9), on(28))),))
    with pytest.raises(Refused, match="has room for one more dose"):
        lost(bare(supply=full), 2, "slide")


# -- a lost dose is repaired in place ----------------------------------------------------------------------------------


def test_a_lost_dose_is_repaired_on_the_nearest_other_day_and_of_two_the_earlier() -> None:
    assert lost(bare(), 2, "repair") == {None: on(4, "09:00")}


@pytest.mark.parametrize(("free", "day"), [((6, 7), 6), ((4, 5), 4)])
def test_a_lost_dose_is_repaired_between_its_neighbours_only(free: tuple[int, int], day: int) -> None:
    busy = (on(0), on(free[0])), (on(free[1]), on(28))
    assert lost(bare(supply=clinic(chairs=(chair(1, *busy),))), 2, "repair") == {None: on(day, "09:00")}


@pytest.mark.parametrize("free", [(3, 4), (7, 8), (5, 6)])
def test_a_lost_dose_is_not_repaired_too_close_to_a_neighbour_or_on_its_own_day(free: tuple[int, int]) -> None:
    """Days 3 and 7 break the spacing; day 5 is the one it was lost on."""
    busy = (on(0), on(free[0])), (on(free[1]), on(28))
    with pytest.raises(Refused, match="no free time for this dose"):
        lost(bare(supply=clinic(chairs=(chair(1, *busy),))), 2, "repair")


def test_a_lost_last_dose_is_repaired_within_the_most_days() -> None:
    """Dose 2 is on day 5: day 12 is the last that keeps the gap."""

    def free_from(day: int) -> CourseSheet:
        return bare(supply=clinic(chairs=(chair(1, (on(0), on(day))),)))

    assert lost(free_from(12), 3, "repair") == {None: on(12, "09:00")}
    with pytest.raises(Refused):
        lost(free_from(13), 3, "repair")


def test_a_dose_that_is_lost_already_cannot_be_lost_again() -> None:
    booked = bare(replace(THREE[0], status=NOSHOW), THREE[1])
    with pytest.raises(Refused) as info:
        decide_lost(booked, 1, NOSHOW)
    assert [conflict.rule for conflict in info.value.conflicts] == [Rule.STATUS]


def test_a_pinned_dose_is_not_cancelled_but_may_be_missed() -> None:
    booked = bare(dose(1, on(2, "09:00"), pinned=True))
    with pytest.raises(Refused):
        decide_lost(booked, 1, CANCELLED, follow="drop")
    assert decide_lost(booked, 1, NOSHOW, follow="drop").lines[0].status is NOSHOW


def test_a_proposed_booster_is_cancelled_and_nothing_follows() -> None:
    booster = replace(dose(9, on(20, "09:00")), status=AppointmentStatus.PROPOSED)
    decision = decide_lost(bare(*THREE, booster), 9, CANCELLED)
    assert [(line.kind, line.status) for line in decision.lines] == [(LineKind.MARKED, CANCELLED)]


def test_a_lost_session_never_gets_its_own_time_again() -> None:
    """The day before has no room; the minute it is over has, and the minutes before do not."""
    lost_at = on(3, "09:40")
    supply = clinic(therapists=(therapist(1, (lost_at, lost_at + 2 * SESSION)),))
    booked = course(dose(1, on(2, "09:00")), session(1, lost_at), supply=supply)
    decision = decide_lost(booked, 11, CANCELLED)
    created = [line.after.start for line in decision.of(LineKind.CREATED) if line.after]
    assert created == [lost_at + SESSION]


# -- the end of a dose -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED])
def test_a_dose_that_took_place_has_an_end(status: AppointmentStatus) -> None:
    end = on(2, "09:50")
    (mark,) = decide_dose_end(bare(dose(1, on(2, "09:00"), status=status)), 1, end).lines
    assert (mark.dose_end, mark.status) == (end, AppointmentStatus.FULFILLED)


def test_what_is_no_dose_or_did_not_take_place_has_no_end() -> None:
    booked = bare(replace(THREE[0], status=NOSHOW), session(1, on(3, "09:00")))
    for key in (1, 11):
        with pytest.raises(Refused):
            decide_dose_end(booked, key, on(2, "09:50"))


# -- displaced ---------------------------------------------------------------------------------------------------------


def displaced(supply: ClinicSheet, *rows: BookedSheet, key: int = 2) -> Decision:
    return decide_displaced(bare(*rows, supply=supply), [key], "closed-day")


def test_a_displaced_dose_keeps_its_time_where_it_can() -> None:
    assert goes(displaced(clinic())) == {2: on(5, "09:00")}


def test_a_displaced_dose_goes_to_the_nearest_day_and_of_two_the_earlier() -> None:
    rows = dose(1, on(2, "09:00")), dose(2, on(7, "09:00")), dose(3, on(12, "09:00"))
    assert goes(displaced(clinic(chairs=(chair(1, (on(7), on(8))),)), *rows)) == {2: on(6, "09:00")}
    assert goes(displaced(clinic(chairs=(chair(1, (on(6), on(8))),)), *rows)) == {2: on(8, "09:00")}


def test_a_displaced_dose_that_was_too_close_to_the_one_before_does_not_stay() -> None:
    assert goes(displaced(clinic(), THREE[0], dose(2, on(3, "09:00")))) == {2: on(4, "09:00")}


def test_a_displaced_dose_is_not_drawn_forward_out_of_reach_of_the_next() -> None:
    """Only days 8 and 9 keep both gaps, and both are full: day 4 would leave eleven days to dose 3."""
    rows = dose(1, on(2, "09:00")), dose(2, on(8, "09:00")), dose(3, on(15, "09:00"))
    decision = displaced(clinic(chairs=(chair(1, (on(8), on(10))),)), *rows)
    assert goes(decision) == {}
    assert len(decision.unsaved) == 1


def test_a_displaced_dose_pushes_the_rest_where_no_day_keeps_the_spacing() -> None:
    """Days 4 to 6 are full: dose 2 goes to day 7, and dose 3 two days after that."""
    assert goes(displaced(clinic(chairs=(chair(1, (on(4), on(7))),)))) == {2: on(7, "09:00"), 3: on(9, "09:00")}


def test_a_displaced_dose_with_no_place_at_all_is_unsaved_and_the_rest_stays() -> None:
    full = clinic(chairs=(chair(1, (on(3), on(8)), (on(8, "12:00"), on(28))),))
    decision = displaced(full, THREE[0], THREE[1], dose(3, on(8, "09:00"), pinned=True))
    assert [(line.kind, line.status) for line in decision.unsaved] == [(LineKind.UNSAVED, CANCELLED)]
    assert goes(decision) == {}


def test_a_pinned_appointment_is_not_displaced() -> None:
    with pytest.raises(Refused) as info:
        displaced(clinic(), dose(1, on(2, "09:00"), pinned=True), key=1)
    assert [(c.rule, c.appointment_id) for c in info.value.conflicts] == [(Rule.PINNED, 1)]


def test_what_has_begun_is_not_displaced() -> None:
    assert displaced(clinic(now=on(5, "09:00"))).lines == ()


def test_doses_lie_apart_by_the_visit_even_on_one_day() -> None:
    plan = protocol(spacing=Spacing(0, 0, 7, 7), integration=no_sessions())
    booked = course(dose(1, on(2, "09:00")), dose(2, on(2, "12:00")), plan=plan, supply=to_the_minute(clinic()))
    assert goes(decide_move(booked, 2, on(2, "10:00"))) == {2: on(2, "09:00") + VISIT}
    assert refused(booked, 2, on(2, "09:59")) == [Rule.NO_WINDOW_SLOT]
