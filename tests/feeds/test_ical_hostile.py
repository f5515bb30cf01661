"""Whatever people type: the feed stays a feed, and every reader gets the text back."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planner.feeds.ical import render_calendar, render_event
from tests.feeds.samples import by_uid, content_lines, feed, head, parsed, utc, visit

PIECES = (
    "\r\nBEGIN:VEVENT\r\nUID:evil@calendar.invalid\r\nEND:VEVENT\r\n",
    "\nEND:VCALENDAR",
    "\r",
    "\u2028",
    "\u2029",
    "\x85",
    "\x00",
    "\x0b\x0c\x1c\x1d\x1e\x7f",
    "\\",
    "\\n",
    "\\N",
    "\\\\,",
    ";",
    ",",
    ":",
    '"',
    "^n",
    "\t",
    " ",
    "\U0001f9d1\u200d\u2695\ufe0f",
    "\U0001f1e8\U0001f1e6",
    "\u05d0\u05dc\u05d5\u05df",
    "\u202e",
    "\u2066",
    "\ud800",
    "\ufeff",
    "e\u0301",
    "TZID=Europe/Oslo:20261124",
    "Test Patient Alder",
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=12).map("".join)
LONG = (
    "\\" * 10_000,
    "\U0001f33f" * 10_000,
    "a,b;c\n" * 1_700,
    " " * 9_999 + "a",
    "\u05d0 " * 5_000,
)


def as_people_see_it(text: str) -> str:
    """The text minus its control characters, by Unicode's categories instead of the product's list."""
    text = re.sub("\r\n|[\r\u2028\u2029]", "\n", text)
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return "".join(
        sign
        for sign in text
        if sign in "\n\t"
        or (
            unicodedata.category(sign) not in ("Cc", "Cs")
            and unicodedata.bidirectional(sign) not in bidi
            and not is_noncharacter(ord(sign))
        )
    )


def is_noncharacter(number: int) -> bool:
    return number == 0xFEFF or number in (0xFFFE, 0xFFFF) or 0xFDD0 <= number <= 0xFDEF


def assert_bytes_are_a_feed(body: bytes) -> None:
    assert body.endswith(b"END:VCALENDAR\r\n")
    assert not body.startswith(b"\xef\xbb\xbf")
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", body) is None
    for line, following in pairwise(body.split(b"\r\n")):
        assert len(line) <= 75
        line.decode()  # folded between characters
        # and, for readers that unescape before they unfold, never between a backslash and another sign
        if following.startswith(b" ") and line.endswith(b"\\"):
            assert following.startswith(b" \\")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", body.decode())


@given(summary=HOSTILE, location=HOSTILE, description=HOSTILE)
@example(summary="a\\Nb", location="\\\\N\\\\n\\", description="\\\n\\n\\N")
@example(summary="\r\n\r\n", location="\n", description="\x00")
@settings(deadline=None)
def test_every_reader_gets_the_text_back_and_nothing_else(summary, location, description):
    entries = [
        visit("a@calendar.invalid", summary=f"A{summary}", location=location, description=description),
        visit("b@calendar.invalid", summary="Appointment"),
    ]
    body = feed(*entries)

    assert_bytes_are_a_feed(body)
    assert body == feed(*entries)
    calendar = parsed(body)
    occurring = recurring_ical_events.of(calendar).between(utc(2026, 11, 24), utc(2026, 11, 25))
    for events in (calendar.walk("VEVENT"), occurring):
        assert len(events) == 2
        found = by_uid(events)
        assert set(found) == {"a@calendar.invalid", "b@calendar.invalid"}
        event = found["a@calendar.invalid"]
        assert str(event["SUMMARY"]) == "A" + as_people_see_it(summary).replace("\n", " ")
        for name, text in (("LOCATION", location), ("DESCRIPTION", description)):
            expected = as_people_see_it(text)
            assert str(event.get(name, "")) == (expected if expected.strip() else "")


@given(HOSTILE)
@settings(deadline=None)
def test_a_hostile_calendar_name_changes_two_lines_only(name):
    body = render_calendar(head(name=name), [])
    lines = content_lines(body)

    assert_bytes_are_a_feed(body)
    assert len(lines) == 13
    # icalendar leaves these two properties escaped when it reads them, so they are read here by the grammar.
    shown = as_people_see_it(name).replace("\n", " ").strip() or "Appointments"
    assert [unescaped(line) for line in lines[5:7]] == [f"NAME:{shown}", f"X-WR-CALNAME:{shown}"]


def unescaped(value: str) -> str:
    """TEXT without its escapes, by RFC 5545 3.3.11."""
    return re.sub(r"\\([\\;,nN])", lambda found: "\n" if found[1] in "nN" else found[1], value)


@pytest.mark.parametrize("text", LONG, ids=["backslashes", "emoji", "lines", "spaces", "right to left"])
def test_ten_thousand_characters_are_folded_and_come_back(text):
    body = feed(visit(summary=f"A{text}", description=text))

    assert_bytes_are_a_feed(body)
    event = parsed(body).walk("VEVENT")[0]
    assert str(event["SUMMARY"]) == "A" + text.replace("\n", " ")
    assert str(event["DESCRIPTION"]) == text


@given(st.binary(max_size=200))
def test_bytes_read_as_text_by_mistake_do_no_harm_either(raw):
    assert_bytes_are_a_feed(feed(visit(summary="A" + raw.decode("utf-8", "surrogateescape"))))


@given(
    st.datetimes(utc(1990, 1, 1).replace(tzinfo=None), utc(2090, 1, 1).replace(tzinfo=None)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    st.sampled_from(
        ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"]
    ),
    st.sampled_from([0, 1]),
)
def test_instants_come_back_from_any_zone(wall, length, zone, fold):
    starts_at = wall.replace(microsecond=0, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
    length = timedelta(seconds=int(length.total_seconds()))
    local = starts_at.astimezone(ZoneInfo(zone))

    event = parsed(feed(visit(starts_at=local, ends_at=starts_at + length))).walk("VEVENT")[0]

    assert (event["DTSTART"].dt, event["DTEND"].dt) == (starts_at, starts_at + length)


def test_events_joined_are_the_events_alone():
    entry = visit(summary="A\r\nEND:VCALENDAR")

    assert render_event(entry) in feed(entry, visit("b@calendar.invalid"))
