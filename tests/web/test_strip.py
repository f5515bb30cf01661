"""The picture of a window: numbers on an elapsed axis, words on the site's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from planner.web.strip import StripModel, StripSession, window_strip

LONDON = "Europe/London"


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def draw(**changes: object) -> StripModel:
    sample: dict[str, object] = {
        "dose_end": at(24, 11, 10),
        "opens": at(24, 23, 10),
        "peak_start": at(25, 5, 10),
        "peak_end": at(26, 11, 10),
        "closes": at(27, 8),
        "cut_short_by": "infusion 3",
        "sessions": [StripSession(at(25, 14), at(25, 15))],
        "zone": LONDON,
        "next_dose": at(27, 10),
    }
    return window_strip(**{**sample, **changes})  # type: ignore[arg-type]


def test_the_sentence_of_the_worked_sample() -> None:
    assert draw().sentence == (
        "Clinic window open Tue 24 Nov 23:10 to Fri 27 Nov 08:00 (cut short by infusion 3). "
        "Preferred Wed 05:10 to Thu 11:10. 1 of 1 integration session is inside."
    )


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        ([], "No integration session is booked."),
        ([StripSession(at(27, 7, 30), at(27, 8, 30))], "0 of 1 integration session is inside."),
        (
            [StripSession(at(25, 14), at(25, 15)), StripSession(at(27, 12), at(27, 13))],
            "1 of 2 integration sessions is inside.",
        ),
        ([StripSession(at(27, 7, 30), at(27, 8, 30), fits=True)], "1 of 1 integration session is inside."),
    ],
)
def test_sessions_are_counted_by_the_whole_session_or_by_the_clinics_verdict(
    sessions: list[StripSession], words: str
) -> None:
    assert draw(sessions=sessions).sentence.endswith(words)


def test_a_session_that_touches_both_ends_is_inside() -> None:
    assert "1 of 1" in draw(sessions=[StripSession(at(24, 23, 10), at(27, 8))]).sentence


def test_a_cut_that_leaves_nothing_is_said() -> None:
    strip = draw(closes=at(24, 22), cut_short_by="infusion 3", sessions=[])
    assert strip.sentence.startswith("No clinic window is left (cut short by infusion 3).")
    assert strip.bands == ()
    assert [edge.tone for edge in strip.edges] == ["dose"]


def test_a_cut_that_leaves_no_preferred_time_is_said() -> None:
    strip = draw(closes=at(25, 4))
    assert "None of the preferred time is left." in strip.sentence
    assert [band.tone for band in strip.bands] == ["open"]


def test_a_cut_inside_the_preferred_time_shortens_it() -> None:
    assert "Preferred Wed 05:10 to Thu 08:00." in draw(closes=at(26, 8)).sentence


def test_a_window_without_a_preferred_part() -> None:
    strip = draw(peak_start=None, peak_end=None)
    assert "referred" not in strip.sentence


def test_everything_lies_inside_the_picture() -> None:
    far = StripSession(at(29, 9), at(29, 10))
    strip = draw(sessions=[StripSession(at(24, 7), at(24, 8)), far])
    for block in strip.blocks:
        assert 0 < block.x < block.x + block.width < 100
    assert [block.letter for block in strip.blocks] == ["D", "D", "T", "T"]


def test_edges_stand_where_the_bands_begin_and_end() -> None:
    strip = draw()
    opened, best = strip.bands
    places = {edge.tone: edge.x for edge in strip.edges if edge.tone != "best"}
    assert places["open"] == opened.x
    assert places["shut"] == pytest.approx(opened.x + opened.width, abs=0.002)
    assert next(edge.x for edge in strip.edges if edge.tone == "best") == best.x


def test_the_narrow_form_says_the_same_day_by_day() -> None:
    days = draw().days
    assert [(day.words, day.tone) for day in days] == [
        ("Tue 24 Nov", "dose"),
        ("Wed 25 Nov", "best"),
        ("Thu 26 Nov", "best"),
        ("Fri 27 Nov", "open"),
    ]
    assert days[1].lines == ("Preferred from 05:10", "T  Integration session 14:00 to 15:00")
    assert days[3].lines == ("Closes 08:00 (infusion 3)", "D  Next dose 10:00")


def test_a_day_on_which_nothing_happens_says_how_it_stands() -> None:
    strip = draw(closes=at(29, 11), peak_end=at(28, 11), cut_short_by=None, next_dose=None)
    assert [day.lines for day in strip.days][2:4] == [("Preferred all day",), ("Preferred all day",)]


@pytest.mark.parametrize(
    ("day", "month", "hours"), [(24, 10, 25.0), (28, 3, 23.0), (23, 11, 24.0)], ids=["autumn", "spring", "plain"]
)
def test_the_axis_is_elapsed_time_so_a_day_may_have_23_or_25_hours(day: int, month: int, hours: float) -> None:
    end = at(day, 11, month=month)
    strip = window_strip(end, end + timedelta(hours=12), None, None, end + timedelta(hours=72), None, [], LONDON)
    one_hour = strip.bands[0].width / 60
    midnights = [tick.x for tick in strip.ticks[1:]]
    assert (midnights[1] - midnights[0]) / one_hour == pytest.approx(hours, abs=0.05)
    assert (midnights[2] - midnights[1]) / one_hour == pytest.approx(24, abs=0.05)


def test_times_on_the_sites_own_clock_draw_the_same_picture() -> None:
    zone = ZoneInfo(LONDON)
    end = at(24, 11, month=10)
    instants = [end, end + timedelta(hours=12), end + timedelta(hours=18), end + timedelta(hours=48)]
    closes = end + timedelta(hours=72)
    plain = window_strip(*instants, closes, None, [], LONDON)
    local = window_strip(*(instant.astimezone(zone) for instant in instants), closes.astimezone(zone), None, [], LONDON)
    assert local == plain


def late(**changes: object) -> StripModel:
    return draw(**{"late_until": at(30, 11, 10), "cut_short_by": None, "next_dose": None, "sessions": [], **changes})


def test_late_time_is_drawn_to_its_end_and_named_not_only_coloured() -> None:
    strip = late()
    opened, after, best = strip.bands
    assert (opened.tone, after.tone, best.tone) == ("open", "late", "best")
    assert after.x == pytest.approx(opened.x + opened.width, abs=0.002)
    ends = next(edge for edge in strip.edges if edge.tone == "late")
    assert (ends.words, ends.x) == ("late until Mon 11:10", pytest.approx(after.x + after.width, abs=0.002))
    assert ends.x < 100
    assert strip.shows_late
    assert not draw().shows_late


def test_labels_of_a_picture_with_late_time_do_not_meet() -> None:
    edges = {edge.words: edge for edge in late().edges}
    assert edges["opens 23:10"].anchor == edges["closes 08:00"].anchor == "start"
    assert edges["dose ends 11:10"].text_y != edges["preferred 05:10 to 11:10"].text_y
    assert edges["late until Mon 11:10"].anchor == "end"


def test_of_many_days_only_as_many_are_named_as_have_room() -> None:
    named = [tick.x for tick in late(late_until=at(24, 11, 10) + timedelta(days=14)).ticks if tick.words]
    assert len(named) > 3
    assert all(after - before >= 11.5 for before, after in pairwise([*named, 100.0]))


def test_the_narrow_form_goes_on_day_by_day_to_the_end_of_the_late_time() -> None:
    days = late().days
    assert [(day.words, day.tone) for day in days[3:]] == [
        ("Fri 27 Nov", "open"),
        ("Sat 28 Nov", "late"),
        ("Sun 29 Nov", "late"),
        ("Mon 30 Nov", "late"),
    ]
    assert [day.lines for day in days[3:]] == [
        ("Closes 08:00, late after that",),
        ("Late all day",),
        ("Late all day",),
        ("Late until 11:10",),
    ]


def test_late_time_that_ends_with_the_window_is_not_drawn() -> None:
    strip = late(closes=at(30, 11, 10))
    assert not strip.shows_late
    assert "late" not in [band.tone for band in strip.bands]


def test_late_time_follows_a_window_that_a_dose_has_cut_away() -> None:
    strip = late(closes=at(24, 22))
    assert [band.tone for band in strip.bands] == ["late"]


def test_naive_times_and_unknown_zones_are_refused() -> None:
    with pytest.raises(ValueError, match="must carry its zone"):
        draw(dose_end=datetime(2026, 11, 24, 11, 10))
    with pytest.raises(ValueError, match="no time zone"):
        draw(zone="Nowhere/Town")
