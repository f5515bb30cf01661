"""Where a session may start after its dose: the edges of a window, to the minute."""

import pytest

from planner.domain.protocols import Protocol
from planner.scheduling.breaks import Breaks
from planner.scheduling.links import Link, link_of, needs_session
from tests.scheduling.plain import DOSE_END, SESSION, VISIT, no_sessions, protocol, rolling, weekly, windowed

HOUR = 60


def link(plan: Protocol, breaks: Breaks | None = None) -> Link:
    found = link_of(plan, breaks)
    assert found is not None
    return found


def breaks(leaves: int = VISIT, before_visit: int = 0) -> Breaks:
    return Breaks(leaves, leaves, before_visit, 0)


def test_a_session_may_start_at_closing_where_only_its_start_is_bound() -> None:
    found = link(protocol())
    assert found.last_start(None) == 72 * HOUR
    assert found.fits(72 * HOUR, None)
    assert not found.fits(72 * HOUR + 1, None)


def test_a_session_is_over_at_closing_where_the_window_contains_it_whole() -> None:
    found = link(protocol(integration=windowed(containment="full")))
    assert found.last_start(None) == 72 * HOUR - SESSION
    assert found.fits(72 * HOUR - SESSION, None)
    assert not found.fits(72 * HOUR - SESSION + 1, None)


def test_a_session_starts_at_opening_and_not_a_minute_before() -> None:
    found = link(protocol())
    assert found.fits(12 * HOUR, None)
    assert not found.fits(12 * HOUR - 1, None)


def test_a_session_is_over_when_the_next_dose_cuts_the_window_short() -> None:
    found, over_by = link(protocol()), 20 * HOUR
    assert found.fits(over_by - SESSION, over_by)
    assert not found.fits(over_by - SESSION + 1, over_by)


def test_a_window_cut_to_less_than_a_session_after_opening_is_no_window() -> None:
    found = link(protocol())
    assert found.last_start(12 * HOUR + SESSION) == 12 * HOUR
    assert found.last_start(12 * HOUR + SESSION - 1) is None


def test_a_window_that_opens_at_once_opens_when_the_patient_has_left() -> None:
    plan = protocol(integration=windowed(opens_h=0, knots=((0, 0.5), (18, 1.0), (168, 0.0))))
    assert link(plan).opens == VISIT - DOSE_END
    assert link(plan, breaks(leaves=VISIT + 25)).opens == VISIT - DOSE_END + 25


def test_a_window_that_opens_later_opens_by_its_rule() -> None:
    assert link(protocol(), breaks(leaves=VISIT + 25)).opens == 12 * HOUR


def test_a_peak_that_starts_at_once_starts_when_the_patient_has_left() -> None:
    rule = {"opens_h": 0, "peak_start_h": 0, "knots": ((0, 1.0), (48, 1.0), (168, 0.0))}
    assert link(protocol(integration=windowed(**rule))).peak_start == VISIT - DOSE_END


@pytest.mark.parametrize(("policy_h", "turnover", "gap"), [(2, 15, 120), (0, 15, 15), (0.25, 15, 15)])
def test_the_longer_of_policy_and_turnover_stays_free_before_the_next_dose(
    policy_h: float, turnover: int, gap: int
) -> None:
    plan = protocol(integration=windowed(min_gap_before_next_dose_h=policy_h))
    assert link(plan, breaks(before_visit=turnover)).gap == gap


def test_a_weekly_session_comes_between_discharge_and_the_end_of_its_days() -> None:
    found = link(protocol(integration=weekly(7)))
    assert (found.opens, found.closes) == (VISIT - DOSE_END, 7 * 24 * HOUR)
    assert found.last_start(None) == 7 * 24 * HOUR
    assert {found.loss(offset) for offset in (20, 24 * HOUR, 7 * 24 * HOUR)} == {0}


def test_the_anchor_at_check_out_is_when_the_patient_leaves() -> None:
    found = link(protocol(integration=windowed(anchor="check_out", opens_h=0, knots=((0, 0.5), (168, 0.0)))))
    assert (found.anchor, found.opens) == (VISIT, 0)


def test_protocols_without_a_session_after_the_dose_have_no_link() -> None:
    assert link_of(protocol(integration=no_sessions())) is None
    assert link_of(protocol(integration=rolling())) is None


def test_every_second_dose_has_a_session() -> None:
    plan = protocol(doses=4, integration=windowed(every=2))
    assert [needs_session(plan, dose) for dose in (1, 2, 3, 4)] == [False, True, False, True]


def test_the_last_dose_has_no_rolling_session() -> None:
    plan = protocol(doses=3, integration=rolling())
    assert [needs_session(plan, dose) for dose in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("knots", "flat"),
    [
        (((12, 0.5), (18, 1.0), (48, 1.0), (72, 0.3), (168, 0.0)), True),
        (((12, 0.5), (18, 1.0), (30, 0.9), (48, 1.0), (72, 0.3), (168, 0.0)), False),
        (((12, 1.0), (18, 1.0), (48, 1.0), (72, 0.3), (168, 0.0)), False),
        (((12, 0.5), (18, 1.0), (48, 1.0), (72, 1.0), (168, 0.0)), False),
        (((12, 0.5), (18, 1.0), (48, 1.0), (60, 0.5), (66, 1.0), (168, 0.0)), False),
    ],
    ids=["flat", "dip inside", "as good before", "as good after", "as good again later"],
)
def test_a_peak_is_flat_when_every_start_in_it_is_best_and_none_outside(
    knots: tuple[tuple[float, float], ...], flat: bool
) -> None:
    assert link(protocol(integration=windowed(knots=knots))).flat_peak is flat


def test_no_preference_is_lost_on_the_edges_of_the_peak() -> None:
    found = link(protocol())
    assert (found.loss(18 * HOUR), found.loss(48 * HOUR)) == (0, 0)
    assert found.loss(18 * HOUR - 1) > 0
    assert found.loss(48 * HOUR + 1) > 0
    assert found.loss(12 * HOUR) == 5000
