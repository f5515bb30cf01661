"""Calendar files of other programs are read as plain events, within bounds; the rest is told."""

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.feeds.reading import CalendarUnreadable, looks_like_calendar, read_calendar

ZONE = "America/Chicago"
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
PLAIN = "UID:1\r\nDTSTART:20270201T140000\r\nDTEND:20270201T150000\r\nSUMMARY:P-1"
AT_TWO = datetime(2027, 2, 1, 20, 0, tzinfo=UTC)


def calendar(*events: str, before: str = "") -> bytes:
    body = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"{HEAD}{before}{body}END:VCALENDAR\r\n".encode()


def fault_of(event: str) -> str:
    (found,) = read_calendar(calendar(event), ZONE)
    return found.fault


def test_what_an_appointment_needs_is_read() -> None:
    event = (
        "UID:1@x\r\nDTSTART;TZID=America/Chicago:20270201T140000\r\nDURATION:PT1H\r\nSUMMARY:P-1\\, first\r\n  talk\r\n"
        "CATEGORIES:a,b\r\nLOCATION:Room 1\r\nSTATUS:CANCELLED"
    )
    (found,) = read_calendar(b"\xef\xbb\xbf" + calendar(event), "Europe/London")
    assert (found.line, found.uid, found.title, found.categories, found.place, found.is_cancelled) == (
        3, "1@x", "P-1, first talk", ("a", "b"), "Room 1", True,
    )  # fmt: skip
    assert (found.starts_at, (found.ends_at - found.starts_at).seconds) == (AT_TWO, 3600)


@pytest.mark.parametrize("start", ["DTSTART:20270201T140000", "DTSTART:20270201T200000Z",
                                   "DTSTART;TZID=Central Standard Time:20270201T140000"])  # fmt: skip
def test_floating_times_are_the_sites_and_windows_zones_are_known(start: str) -> None:
    (found,) = read_calendar(calendar(PLAIN.replace("DTSTART:20270201T140000", start)), ZONE)
    assert found.starts_at == AT_TWO


def test_a_zone_definition_in_the_file_does_not_say_what_a_zone_is() -> None:
    lie = (
        "BEGIN:VTIMEZONE\r\nTZID:Made Up\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0000\r\n"
        "TZOFFSETTO:+1200\r\nRRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    event = PLAIN.replace("DTSTART", "DTSTART;TZID=Made Up")
    (found,) = read_calendar(calendar(event, before=lie), ZONE)
    assert "Nobody knows the time zone “Made Up”" in found.fault


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (PLAIN + "\r\nRRULE:FREQ=SECONDLY", "repeats"),
        ("UID:1\r\nDTSTART:00010101T000000Z\r\nDTEND:00010101T010000Z", "the year 1,"),
        ("UID:1\r\nDTSTART:99991231T230000\r\nDTEND:99991231T235900", "the year 9999,"),
        ("UID:1\r\nDTSTART:20270201T140000Z\r\nDURATION:P2900000D", "the year 9967,"),
        (PLAIN + "\r\nRDATE:20270301T100000", "repeats"),
        ("UID:1\r\nDTSTART;VALUE=DATE:20270201\r\nSUMMARY:x", "all day"),
        (PLAIN.replace("UID:1\r\n", ""), "no UID"),
        (PLAIN.replace("DTEND:20270201T150000\r\n", ""), "neither when it ends"),
        (PLAIN.replace("T150000", "T130000"), "ends before"),
        (PLAIN.replace("DTSTART:20270201T140000", "DTSTART:20270314T023000"), "does not exist"),
        (PLAIN.replace("DTSTART:20270201T140000", "DTSTART:soon"), "not written as calendars are"),
        (PLAIN.replace("DTSTART:20270201T140000\r\n", ""), "does not say when"),
        (PLAIN + "\r\nX-LONG:x" * 600, "longer than"),
    ],
)
def test_events_that_cannot_be_used_say_why(event: str, words: str) -> None:
    assert words in fault_of(event)


def test_alarms_inside_an_event_are_left_out() -> None:
    (found,) = read_calendar(calendar(PLAIN + "\r\nBEGIN:VALARM\r\nSUMMARY:other\r\nEND:VALARM"), ZONE)
    assert found.title == "P-1"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (calendar(*[PLAIN] * 5_001), "5,000 events"),
        (calendar(PLAIN) + b" " * 2_000_000, "2 MB"),
        (calendar(), "no event"),
        (calendar(PLAIN).removesuffix(b"END:VCALENDAR\r\n"), "cut short"),
        (b"BEGIN:VCALENDAR\r\n" * 1_000, "nested deeper"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "did not begin"),
        (calendar("SUMMARY:caf\u00e9").replace("\u00e9".encode(), b"\xe9"), "UTF-8"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_files_that_are_no_usable_calendar_say_why(content: bytes, words: str) -> None:
    with pytest.raises(CalendarUnreadable, match=words):
        read_calendar(content, ZONE)


def test_a_compressed_calendar_is_none() -> None:
    assert not looks_like_calendar(gzip.compress(calendar(PLAIN)))
    assert looks_like_calendar(b"\xef\xbb\xbf\r\nbegin:vcalendar\r\n")


ODD_LINES = [
    *PLAIN.split("\r\n"),
    *(
        "DTSTART;TZID=:x",
        "DTEND;VALUE=PERIOD:a/b",
        "DURATION:P",
        "\u2028",
        "RECURRENCE-ID:x",
        "CATEGORIES:",
        "UID",
        ":",
    ),
    "DTSTART:20270201T140000Z",
]


@given(st.lists(st.sampled_from(ODD_LINES), max_size=9))
def test_whatever_an_event_says_it_is_read_or_told(lines: list[str]) -> None:
    for found in read_calendar(calendar("\r\n".join(lines)), ZONE):
        assert found.fault or found.ends_at > found.starts_at
