"""Offered times on a page: by day, and folded by week when there are many, with nothing chosen out of sight."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from tests.web.kit_app import make_kit_app

MONDAY = datetime(2026, 3, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
ZONE = "America/Chicago"


def slots(*days: int, a_day: int = 4) -> list[SimpleNamespace]:
    starts = [MONDAY + day * DAY + timedelta(hours=hour) for day in days for hour in range(a_day)]
    return [
        SimpleNamespace(value=f"s{n}", starts_at=start, ends_at=start + timedelta(minutes=50))
        for n, start in enumerate(starts)
    ]


def drawn(times: list[SimpleNamespace], **arguments: object) -> str:
    app = make_kit_app()
    with app.test_request_context():
        macro = app.jinja_env.get_template("components/forms.html").make_module().offered_times  # type: ignore[attr-defined]
        return str(macro("start", "Offered times", times, ZONE, **arguments))


def weeks(text: str) -> list[tuple[bool, str, int]]:
    """Of each folded week: whether it is open, its words, and how many times are in it."""
    found = re.findall(r'<details class="offer-week"( open)?>\s*<summary>(.*?)</summary>(.*?)</details>', text, re.S)
    return [
        (bool(is_open), re.sub(r"<[^>]*>|\s+", " ", words).split("  ")[0].strip(), part.count('type="radio"'))
        for is_open, words, part in found
    ]


def test_a_few_times_are_not_folded() -> None:
    text = drawn(slots(0, 7, 14))
    assert weeks(text) == []
    assert text.count('type="radio"') == 12


def test_many_times_of_one_week_are_not_folded() -> None:
    assert weeks(drawn(slots(0, 1, 2, 3, 4))) == []


def test_many_times_are_folded_by_week_and_the_nearest_week_is_open() -> None:
    times = slots(0, 2, 4, 7, 15, 16)
    assert weeks(drawn(times, near=MONDAY + 12 * DAY)) == [
        (False, "Mon 2 Mar to Fri 6 Mar", 12),
        (False, "Mon 9 Mar", 4),
        (True, "Tue 17 Mar to Wed 18 Mar", 8),
    ]
    assert [is_open for is_open, _, _ in weeks(drawn(times))] == [True, False, False]


def test_what_was_chosen_and_where_a_fault_leads_are_not_folded_away() -> None:
    times = slots(0, 2, 4, 7, 15, 16)
    near = MONDAY + 15 * DAY
    assert [is_open for is_open, _, _ in weeks(drawn(times, near=near, chosen=times[12].value))] == [False, True, True]
    assert [is_open for is_open, _, _ in weeks(drawn(times, near=near, error="Choose one."))] == [True, False, True]


def test_every_time_and_day_has_an_id_of_its_own() -> None:
    ids = re.findall(r'\bid="([^"]*)"', drawn(slots(0, 2, 4, 7, 15, 16)))
    assert len(ids) == len(set(ids)) == 24 + 6


def test_patients_read_the_weeks_days_in_full() -> None:
    first, *_ = weeks(drawn(slots(0, 2, 4, 7), audience="patient"))
    assert first[1] == "Monday 2 March to Friday 6 March"
