"""Which slot a dose gets: preference first, then the primary therapist, then nearness to the ideal offset."""

from planner.domain.protocols import Protocol
from planner.scheduling.sheets import PersonSheet
from planner.scheduling.slots import SessionSlots, Slot
from tests.scheduling.plain import DOSE_END, ORIGIN, SESSION, clinic, on, protocol, search, therapist, windowed

HOUR = 60
#: A dose on day 0 whose window counts from 10:00.
ANCHOR = on(0, "10:00") - ORIGIN
RISING = {"knots": ((12, 0.5), (18, 0.9), (30, 1.0), (72, 0.3), (168, 0.0))}


def slots(*people: PersonSheet, plan: Protocol | None = None) -> SessionSlots:
    found = search(plan, clinic(therapists=people)).slots
    assert found is not None
    return found


def at(day: int, wall: str) -> tuple[int, int]:
    """Free for just one session then."""
    return on(day, wall), on(day, wall) + SESSION


def found(slot: Slot | None) -> tuple[int, bool] | None:
    return None if slot is None else (slot.start + ORIGIN, not slot.not_primary)


def test_in_the_peak_the_primary_therapist_comes_before_a_better_hour() -> None:
    chosen = slots(therapist(1, at(1, "15:00")), therapist(2, at(1, "10:00"))).best(ANCHOR, None)
    assert found(chosen) == (on(1, "15:00"), True)


def test_a_slot_in_the_peak_with_anyone_comes_before_the_primary_therapist_outside_it() -> None:
    chosen = slots(therapist(1, at(3, "09:00")), therapist(2, at(2, "09:00"))).best(ANCHOR, None)
    assert found(chosen) == (on(2, "09:00"), False)


def test_preference_comes_before_the_primary_therapist_where_the_peak_is_not_flat() -> None:
    plan = protocol(integration=windowed(**RISING))
    chosen = slots(therapist(1, at(1, "10:00")), therapist(2, at(1, "16:00")), plan=plan).best(ANCHOR, None)
    assert found(chosen) == (on(1, "16:00"), False)


def test_of_two_slots_as_near_to_the_ideal_offset_the_earlier_is_taken() -> None:
    chosen = slots(therapist(1, at(1, "08:00"), at(1, "12:00"))).best(ANCHOR, None)
    assert found(chosen) == (on(1, "08:00"), True)
    nearer = slots(therapist(1, at(1, "08:00"), at(1, "11:50"))).best(ANCHOR, None)
    assert found(nearer) == (on(1, "11:50"), True)


def test_the_edges_of_the_peak_belong_to_it() -> None:
    first = slots(therapist(1, at(1, "04:00"), at(3, "09:00"))).best(ANCHOR, None)
    assert first is not None and (first.offset, first.loss) == (18 * HOUR, 0)
    last = slots(therapist(1, at(0, "22:00"), at(2, "10:00"))).best(ANCHOR, None)
    assert last is not None and (last.offset, last.loss) == (48 * HOUR, 0)


def test_a_slot_may_end_when_it_must_be_over_and_not_later() -> None:
    free, over_by = slots(therapist(1, at(1, "10:00"))), on(1, "10:50") - ORIGIN
    assert found(free.best(ANCHOR, over_by)) == (on(1, "10:00"), True)
    assert free.best(ANCHOR, over_by - 1) is None


def test_a_slot_starts_no_earlier_than_asked() -> None:
    free, begin = slots(therapist(1, at(1, "10:00"))), on(1, "10:00") - ORIGIN
    assert found(free.best(ANCHOR, None, after=begin)) == (on(1, "10:00"), True)
    assert free.best(ANCHOR, None, after=begin + 1) is None


def test_all_slots_are_those_of_the_window_with_its_edges() -> None:
    free = slots(therapist(1, at(0, "21:50"), at(0, "22:00")), therapist(2, at(3, "10:00"), at(3, "10:10")))
    last = free.link.last_start(None)
    assert last is not None
    assert [found(slot) for slot in free.all(ANCHOR, last)] == [(on(0, "22:00"), True), (on(3, "10:00"), False)]


def test_the_earliest_session_is_over_after_its_minutes() -> None:
    free = slots(therapist(1, at(0, "21:50"), at(1, "09:00"), at(1, "12:00")))
    assert free.earliest_end(ANCHOR) == on(1, "09:50") - ORIGIN
    assert free.earliest_end(ANCHOR, on(1, "09:50") - ORIGIN) == on(1, "09:50") - ORIGIN
    assert free.earliest_end(ANCHOR, on(1, "09:49") - ORIGIN) is None
    assert free.earliest_end(ANCHOR, after=on(1, "09:01") - ORIGIN) == on(1, "12:50") - ORIGIN


def test_the_window_counts_from_the_end_of_the_dose() -> None:
    check_in = on(0, "09:20") - ORIGIN
    assert search().anchor == DOSE_END
    chosen = slots(therapist(1)).best(check_in + DOSE_END, None)
    assert chosen is not None and (chosen.start + ORIGIN, chosen.offset) == (on(1, "10:00"), 24 * HOUR)
