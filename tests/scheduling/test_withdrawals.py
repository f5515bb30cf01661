"""Supply with a day or a person taken out, and which appointments of a course that displaces."""

from dataclasses import replace
from datetime import date

import pytest

from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.localdays import day_minutes
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import BookedSheet, ClinicSheet, PersonSheet, ShiftSheet, Span
from planner.scheduling.withdrawals import (
    after_decision,
    displaced_by_day,
    displaced_by_person,
    rebusied,
    without_day,
    without_person,
)
from tests.scheduling.plain import (
    ALWAYS,
    SESSION,
    chair,
    clinic,
    course,
    dose,
    nurse,
    on,
    session,
    therapist,
)

DAY_3 = date(2027, 2, 4)
AWAY: Span = (on(3, "09:00"), on(3, "12:00"))
HELD = ((151, on(3), on(3) + 60),)


def shifts_without(shift: Span, away: Span = AWAY) -> tuple[Span, ...]:
    found = without_person(clinic(therapists=(therapist(1, shift),)), 1, away)
    return tuple(each.span for each in found.therapists[0].shifts)


# -- a person away -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shift", "left"),
    [
        (("08:00", "13:00"), [("08:00", "09:00"), ("12:00", "13:00")]),
        (("09:00", "12:00"), []),
        (("10:00", "11:00"), []),
        (("08:00", "09:00"), [("08:00", "09:00")]),
        (("12:00", "13:00"), [("12:00", "13:00")]),
        (("08:00", "10:00"), [("08:00", "09:00")]),
        (("11:00", "13:00"), [("12:00", "13:00")]),
    ],
)
def test_an_absence_is_cut_out_of_shifts(shift: tuple[str, str], left: list[tuple[str, str]]) -> None:
    found = shifts_without((on(3, shift[0]), on(3, shift[1])))
    assert found == tuple((on(3, a), on(3, b)) for a, b in left)


def test_an_absence_counts_in_every_role_and_for_nobody_else() -> None:
    supply = clinic(therapists=(therapist(1), therapist(2)), nurses=(nurse(1),), prescribers=(therapist(1),))
    found = without_person(supply, 1, AWAY)
    for role in (found.therapists[0], found.nurses[0], found.prescribers[0]):
        assert [shift.span for shift in role.shifts] == [(ALWAYS[0], AWAY[0]), (AWAY[1], ALWAYS[1])]
        assert role.away == (AWAY,)
    assert found.therapists[1] == supply.therapists[1]


def test_what_is_left_of_a_telehealth_shift_is_telehealth() -> None:
    remote = therapist(1, shifts=(ShiftSheet(ALWAYS, None),))
    found = without_person(clinic(therapists=(remote,)), 1, AWAY)
    assert {shift.site_id for shift in found.therapists[0].shifts} == {None}


def displaced(*rows: BookedSheet, person: int = 1, prescribers: tuple[PersonSheet, ...] = ()) -> frozenset[int]:
    return displaced_by_person(course(*rows, supply=clinic(prescribers=prescribers)), person, AWAY)


@pytest.mark.parametrize(
    ("start", "away"),
    [
        (on(3, "09:00") - SESSION, False),
        (on(3, "09:01") - SESSION, True),
        (on(3, "11:59"), True),
        (on(3, "12:00"), False),
    ],
)
def test_an_absence_displaces_the_persons_sessions_that_overlap_it(start: int, away: bool) -> None:
    assert displaced(session(1, start, holds=HELD)) == ({11} if away else set())


def test_an_absence_displaces_nothing_of_other_people_and_nothing_given_up() -> None:
    assert displaced(session(1, AWAY[0], therapist_id=2, holds=HELD)) == set()
    assert displaced(session(1, AWAY[0])) == set()


def test_an_absent_nurse_displaces_visits() -> None:
    assert displaced(dose(1, AWAY[0], nurse_id=7, holds=HELD), person=7) == {1}


def test_an_absent_prescriber_displaces_visits_that_nobody_else_covers() -> None:
    visit = dose(1, on(3, "09:30"), holds=HELD)
    gone = therapist(8, shifts=())
    until = (on(3, "09:00"), on(3, "10:30"))
    assert displaced(visit, person=8, prescribers=(gone,)) == {1}
    assert displaced(visit, person=8, prescribers=(gone, therapist(9, until))) == set()
    short = (until[0], until[1] - 1)
    assert displaced(visit, person=8, prescribers=(gone, therapist(9, short))) == {1}
    elsewhere = therapist(9, shifts=(ShiftSheet(until, 2),))
    assert displaced(visit, person=8, prescribers=(gone, elsewhere)) == {1}


def test_an_absent_prescriber_displaces_no_visit_outside_the_absence_and_no_session() -> None:
    gone = therapist(8, shifts=())
    rows = dose(1, AWAY[1], holds=HELD), dose(2, AWAY[0] - 60, holds=HELD), session(1, AWAY[0], holds=HELD)
    assert displaced(*rows, person=8, prescribers=(gone,)) == set()


# -- a closed day ------------------------------------------------------------------------------------------------------


def test_a_closed_day_is_cut_out_of_the_opening_hours() -> None:
    start, end = day_minutes(DAY_3, "UTC")
    assert (start, end) == (on(3), on(4))
    assert without_day(clinic(), DAY_3).site.open == ((ALWAYS[0], on(3)), (on(4), ALWAYS[1]))


def test_a_closed_day_is_a_local_day() -> None:
    supply = clinic()
    east = replace(supply, site=replace(supply.site, zone="Asia/Kolkata"))
    assert without_day(east, DAY_3).site.open[0] == (ALWAYS[0], on(2, "18:30"))


def closed(*rows: BookedSheet, **changes: object) -> frozenset[int]:
    return displaced_by_day(course(*rows, supply=clinic(**changes)), DAY_3)


def test_a_closed_day_displaces_what_is_held_at_the_site_from_midnight_to_midnight() -> None:
    rows = (
        dose(1, on(3) - 1, holds=HELD),
        dose(2, on(3), holds=HELD),
        session(2, on(4) - 1, room_id=1, holds=HELD),
        session(3, on(4), room_id=1, holds=HELD),
    )
    assert closed(*rows) == {2, 12}


def test_a_closed_day_displaces_nothing_that_holds_nothing() -> None:
    assert closed(dose(1, on(3)), session(1, on(3, "12:00"))) == set()


@pytest.mark.parametrize(
    ("works", "site", "away"),
    [
        (("09:00", "09:50"), None, False),
        (("09:01", "12:00"), None, True),
        (("08:00", "09:49"), None, True),
        (("08:00", "12:00"), 1, True),
    ],
)
def test_telehealth_goes_on_if_its_therapist_works_from_elsewhere_all_through(
    works: tuple[str, str], site: int | None, away: bool
) -> None:
    shift = ShiftSheet((on(3, works[0]), on(3, works[1])), site)
    one = session(1, on(3, "09:00"), holds=HELD)
    assert closed(one, therapists=(therapist(1, shifts=(shift,)),)) == ({11} if away else set())


# -- what another decision uses ----------------------------------------------------------------------------------------


def busy_chair(supply: ClinicSheet) -> tuple[Span, ...]:
    return supply.chairs[0].busy


def placement(*holds: tuple[int, int, int]) -> Placement:
    return Placement(AppointmentKind.INFUSION, "induction", 1, on(5), on(5) + 60, 1, holds=holds)


def after(kind: LineKind, status: AppointmentStatus | None = None, goes: bool = True) -> tuple[Span, ...]:
    """What holds the chair once a dose held on day 3 has this line, with a place on day 5 if it `goes`."""
    before = dose(1, on(3), holds=((101, on(3), on(3) + 60),))
    line = Line(kind, "", before, placement((101, on(5), on(5) + 60)) if goes else None, status)
    return busy_chair(after_decision(clinic(chairs=(chair(1, (on(3), on(3) + 60)),)), Decision("x", (line,))))


def test_what_a_decision_moves_holds_its_new_time_and_no_longer_the_old() -> None:
    assert after(LineKind.MOVED) == ((on(5), on(5) + 60),)


def test_what_a_decision_gives_up_holds_nothing() -> None:
    assert after(LineKind.RELEASED, AppointmentStatus.CANCELLED, goes=False) == ()
    assert after(LineKind.UNSAVED, AppointmentStatus.CANCELLED, goes=False) == ()


@pytest.mark.parametrize("kind", [LineKind.NOTED, LineKind.RELINKED, LineKind.RENUMBERED])
def test_what_keeps_its_slot_holds_it_still(kind: LineKind) -> None:
    assert after(kind) == ((on(3), on(3) + 60),)


def test_what_cannot_be_saved_but_can_stay_holds_its_slot_still() -> None:
    assert after(LineKind.UNSAVED, goes=False) == ((on(3), on(3) + 60),)


def test_giving_back_one_of_two_equal_holds_leaves_the_other() -> None:
    span = (on(3), on(3) + 60)
    assert busy_chair(rebusied(clinic(chairs=(chair(1, span, span),)), [(101, *span)], [])) == (span,)


def test_giving_back_what_is_not_held_changes_nothing() -> None:
    assert busy_chair(rebusied(clinic(), [(101, on(3), on(4))], [])) == ()


def test_lanes_people_and_rooms_are_held_and_given_back_too() -> None:
    span = (on(3), on(3) + 60)
    supply = clinic(prescribers=(therapist(8),))
    ids = [211, 121, 141, 148, 111, 101]
    full = rebusied(supply, [], [(key, *span) for key in ids])
    held = (full.nurses[0].lanes[0], full.nurses[0], full.therapists[0], full.prescribers[0], full.rooms[0])
    assert [each.busy for each in (*held, full.chairs[0])] == [(span,)] * 6
    assert rebusied(full, [(key, *span) for key in ids], []) == supply
