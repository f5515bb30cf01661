"""The ways out of a dose without a session: which there are, in order, and where they begin and end."""

from planner.domain.protocols import Protocol
from planner.domain.statuses import Mode
from planner.domain.windows import WindowStatus
from planner.scheduling.decisions import WayOut, WayOutKind
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import ClinicSheet, PersonSheet, ShiftSheet, SiteSheet
from planner.scheduling.ways_out import ways_out
from tests.scheduling.plain import (
    ALWAYS,
    DOSE_END,
    SESSION,
    ZONE,
    clinic,
    no_sessions,
    on,
    patient,
    protocol,
    search,
    therapist,
    windowed,
)

CHECK_IN = on(2, "09:20")
ANCHOR = CHECK_IN + DOSE_END
OTHER, OPEN, MOVE, LATE = (
    WayOutKind.OTHER_THERAPIST,
    WayOutKind.OPEN_SLOT,
    WayOutKind.MOVE_DOSE,
    WayOutKind.LATE_SLOT,
)


def ways(
    look: CourseSearch, *, days: tuple[int, int] = (2, 2), cutoff: int | None = None, movable: bool = True
) -> dict[WayOutKind, list[WayOut]]:
    """The ways out by kind. By default the dose may go to no other day."""
    at = CHECK_IN - look.supply.origin
    cut = None if cutoff is None else cutoff - look.supply.origin
    found = ways_out(look, number=1, check_in=at, anchor=at + DOSE_END, cutoff=cut, days=days, movable=movable)
    assert [way.kind for way in found] == sorted((way.kind for way in found), key=list(WayOutKind).index)
    return {kind: [way for way in found if way.kind is kind] for kind in WayOutKind if kind in {w.kind for w in found}}


def at(start: int) -> tuple[int, int]:
    """Free for just one session then."""
    return start, start + SESSION


def staffed(*people: PersonSheet) -> ClinicSheet:
    return clinic(therapists=people)


def late(start: int, plan: Protocol | None = None, cutoff: int | None = None) -> list[int]:
    found = ways(search(plan, staffed(therapist(1, at(start)))), cutoff=cutoff)
    return [way.session.start for way in found.get(LATE, [])]


# -- somebody else -----------------------------------------------------------------------------------------------------


def test_somebody_whom_the_wishes_left_out_comes_first() -> None:
    look = search(
        None, staffed(therapist(1, at(on(20))), therapist(2, at(on(3, "10:00")))), therapist_ids=frozenset({1})
    )
    (way,) = ways(look)[OTHER]
    assert (way.session.therapist_id, way.session.start) == (2, on(3, "10:00"))
    assert not way.needs_reason


def test_of_those_whom_the_wishes_left_out_the_primary_therapist_comes_first() -> None:
    slot = at(on(3, "10:00"))
    supply = staffed(therapist(1, slot), therapist(2, slot), therapist(3, at(on(20))))
    look = search(None, supply, therapist_ids=frozenset({3}), patient=patient(primary_therapist_id=2))
    (way,) = ways(look)[OTHER]
    assert way.session.therapist_id == 2


def test_telehealth_is_a_way_out_for_a_patient_who_only_comes_in_person() -> None:
    remote = therapist(1, shifts=(ShiftSheet(at(on(3, "10:00")), None),))
    look = search(None, staffed(remote), patient=patient(modes=(Mode.IN_PERSON,)))
    (way,) = ways(look)[OTHER]
    assert (way.session.mode, way.session.start) == (Mode.TELEHEALTH, on(3, "10:00"))


# -- a slot that could be opened ---------------------------------------------------------------------------------------


def closed_on_day_3(*people: PersonSheet) -> ClinicSheet:
    site = SiteSheet(1, ZONE, 30, 10, ((ALWAYS[0], on(3)), (on(4), ALWAYS[1])))
    return clinic(site=site, therapists=people)


def test_a_shift_on_a_closed_day_can_be_opened_by_telehealth() -> None:
    look = search(None, closed_on_day_3(therapist(1, at(on(3, "10:00")))))
    (way,) = ways(look)[OPEN]
    assert (way.session.start, way.session.mode, way.needs_reason) == (on(3, "10:00"), Mode.TELEHEALTH, True)


def test_a_shift_on_a_closed_day_in_which_the_therapist_is_taken_is_no_way_out() -> None:
    busy = therapist(1, at(on(3, "10:00")), busy=((on(3, "10:40"), on(3, "11:00")),))
    assert OPEN not in ways(search(None, closed_on_day_3(busy)))


def test_a_shift_on_a_closed_day_at_which_the_patient_cannot_come_is_no_way_out() -> None:
    supply = closed_on_day_3(therapist(1, at(on(3, "10:00"))))

    def possible(until: str) -> bool:
        return OPEN in ways(search(None, supply, patient=patient(available=((on(3), on(3, until)),))))

    assert possible("10:50")
    assert not possible("10:49")


def test_slots_to_open_rank_by_the_primary_therapist_then_the_ideal_offset() -> None:
    people = (
        therapist(2, at(on(3, "10:00"))),
        therapist(1, at(on(3, "15:00")), at(on(3, "12:00"))),
    )
    found = ways(search(None, closed_on_day_3(*people)))[OPEN]
    assert [way.session.start for way in found] == [on(3, "12:00"), on(3, "15:00"), on(3, "10:00")]


def test_a_slot_to_open_is_over_before_the_next_dose() -> None:
    look = search(None, closed_on_day_3(therapist(1, at(on(3, "10:00")))))
    assert OPEN in ways(look, cutoff=on(3, "10:50"))
    assert OPEN not in ways(look, cutoff=on(3, "10:49"))


# -- another day for the dose ------------------------------------------------------------------------------------------


def test_the_dose_moves_to_the_nearest_day_with_a_session_in_the_peak() -> None:
    """One session on day 6 only: it is in the peak of a dose on day 4 or 5, and the former is nearer."""
    look = search(None, staffed(therapist(1, at(on(6, "09:00")))))
    (way,) = ways(look, days=(0, 9))[MOVE]
    assert way.infusion is not None
    assert (way.infusion.start, way.session.start) == (on(4, "09:30"), on(6, "09:00"))
    assert way.session.window_status is WindowStatus.PEAK


def test_the_dose_moves_only_within_the_days_it_may() -> None:
    look = search(None, staffed(therapist(1, at(on(6, "09:00")))))
    assert MOVE not in ways(look, days=(0, 3))
    (way,) = ways(look, days=(0, 4))[MOVE]
    assert way.infusion is not None and way.infusion.start == on(4, "09:30")
    (way,) = ways(look, days=(5, 9))[MOVE]
    assert way.infusion is not None and way.infusion.start == on(5, "09:30")


def test_a_dose_that_may_not_move_stays() -> None:
    look = search(None, staffed(therapist(1, at(on(6, "09:00")))))
    assert MOVE not in ways(look, days=(0, 9), movable=False)


# -- late --------------------------------------------------------------------------------------------------------------


def test_a_late_slot_comes_after_closing_and_until_the_end_of_the_tail() -> None:
    closes, tail = ANCHOR + 72 * 60, ANCHOR + 168 * 60
    assert late(closes) == []
    assert late(closes + 10) == [closes + 10]
    assert late(tail) == [tail]
    assert late(tail + 10) == []


def test_a_late_slot_of_a_window_that_contains_sessions_whole_begins_where_one_would_run_over() -> None:
    plan, closes = protocol(integration=windowed(containment="full")), ANCHOR + 72 * 60
    assert late(closes - SESSION, plan) == []
    assert late(closes - SESSION + 10, plan) == [closes - SESSION + 10]


def test_a_late_slot_is_over_before_the_next_dose() -> None:
    start = on(6, "09:00")
    assert late(start, cutoff=start + SESSION) == [start]
    assert late(start, cutoff=start + SESSION - 1) == []


def test_a_late_slot_needs_a_reason() -> None:
    (way,) = ways(search(None, staffed(therapist(1, at(on(6, "09:00"))))))[LATE]
    assert way.needs_reason
    assert way.session.window_status is WindowStatus.LATE


def test_a_protocol_without_windows_needs_no_way_out() -> None:
    assert ways(search(protocol(integration=no_sessions()))) == {}
