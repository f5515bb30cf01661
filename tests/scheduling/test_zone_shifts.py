"""Who can follow changed zone rules, and who has to stay."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from planner.domain.intervals import Interval
from planner.scheduling.zone_shifts import Follower, ShiftMove, apart, those_who_stay

HOUR = timedelta(hours=1)
CHAIR, ROOM = 1, 2


def span(start: float, end: float) -> Interval:
    day = datetime(2027, 1, 11, tzinfo=UTC)
    return Interval(day + start * HOUR, day + end * HOUR)


def follower(name: int, start: float, end: float, *, thing: int = CHAIR, by: float = -1) -> Follower:
    return Follower(name, by * HOUR, ((thing, span(start, end)),))


def test_all_that_move_alike_follow_even_when_they_touch() -> None:
    assert those_who_stay([follower(1, 9, 10), follower(2, 10, 11), follower(3, 11, 12)], []) == frozenset()


def test_one_that_would_land_on_somebody_stays() -> None:
    promise, other = (None, (CHAIR, span(8, 9))), (77, (ROOM, span(8, 9)))
    assert those_who_stay([follower(1, 9, 10)], [promise]) == {1}
    assert those_who_stay([follower(1, 9, 10)], [other]) == frozenset()
    assert those_who_stay([follower(1, 9.5, 10)], [(77, (CHAIR, span(7, 8.5)))]) == frozenset()


def test_one_that_stays_keeps_the_next_one_from_following() -> None:
    row = [follower(1, 9, 10), follower(2, 10, 11), follower(3, 11.5, 12), follower(4, 14, 15)]
    assert those_who_stay(row, [(77, (CHAIR, span(8, 9)))]) == {1, 2, 3}


def test_two_that_would_meet_both_stay() -> None:
    before, after = follower(1, 9, 10, by=0.5), follower(2, 10, 11, by=-0.5)
    assert those_who_stay([before, after], []) == {1, 2}


def test_what_was_let_overlap_may_go_on_doing_so() -> None:
    pair = {(CHAIR, frozenset({1, 2})), (CHAIR, frozenset({1, 77}))}
    assert those_who_stay([follower(1, 9, 10), follower(2, 9, 10)], [], pair) == frozenset()
    assert those_who_stay([follower(1, 9, 10)], [(77, (CHAIR, span(8, 9)))], pair) == frozenset()
    assert those_who_stay([follower(1, 9, 10)], [(None, (CHAIR, span(8, 9)))], pair) == {1}
    elsewhere = {(CHAIR + 1, two) for _, two in pair}
    assert those_who_stay([follower(1, 9, 10), follower(2, 9, 10)], [], elsewhere) == {1, 2}, "on that holdable only"


def test_behind_one_that_may_overlap_stands_one_that_may_not() -> None:
    long, beside, third = follower(1, 9, 12), follower(2, 9.5, 10), follower(3, 13, 14, by=-3)
    assert those_who_stay([long, beside, third], [], {(CHAIR, frozenset({1, 2}))}) == {1, 3}


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4), st.sampled_from([-2, -1, 1])), max_size=9),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=5),
)
def test_whoever_follows_meets_nobody(movers: list[tuple[int, int, int]], others: list[tuple[int, int]]) -> None:
    """By comparing every pair, of movers and others that did not overlap before."""
    row: list[Follower] = []
    standing: list[Interval] = []
    for start, length, by in movers:
        wanted = span(start, start + length)
        if not any(wanted.overlaps(one.holds[0][1]) for one in row):
            row.append(Follower(len(row), by * HOUR, ((CHAIR, wanted),)))
    for start, length in others:
        wanted = span(start, start + length)
        if not any(wanted.overlaps(one) for one in [*standing, *(f.holds[0][1] for f in row)]):
            standing.append(wanted)
    stay = those_who_stay(row, [(100 + n, (CHAIR, one)) for n, one in enumerate(standing)])
    after = standing + [one.holds[0][1] if one.id in stay else one.wants[0][1] for one in row]
    assert not any(a.overlaps(b) for n, a in enumerate(after) for b in after[n + 1 :])


def shift(name: int, before: Interval, after: Interval) -> ShiftMove:
    return ShiftMove(name, before, after)


def test_shifts_that_touch_are_written_in_an_order_in_which_none_lands_on_another() -> None:
    for by in (-1, 1):
        moves = [shift(n, span(8 + n, 9 + n), span(8 + n + by, 9 + n + by)) for n in range(4)]
        now = {move.id: move.before for move in moves}
        for move in apart(moves):
            now[move.id] = move.after
            assert not any(now[a].overlaps(now[b]) for a in now for b in now if a < b)
        assert all(now[move.id] == move.after for move in moves)


def test_an_end_read_behind_a_gap_is_cut_where_the_next_shift_begins() -> None:
    night = shift(1, span(-2, 2.5), span(-2, 3.5))
    found = apart([night, shift(2, span(3, 8), span(3, 8))])
    assert [(move.id, move.after) for move in found] == [(1, span(-2, 3))]


def test_shifts_that_would_meet_stay_as_they_were() -> None:
    standing = shift(1, span(8, 9), span(8, 9))
    assert apart([standing, shift(2, span(9, 10), span(8, 9))]) == ()
    assert apart([standing, shift(2, span(9, 10), span(9, 11))])[0].after == span(9, 11)
    assert apart([standing]) == ()
