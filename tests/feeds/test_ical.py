import logging
import os
import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from planner.feeds.ical import (
    ALARM_TEXT,
    PRODID,
    EntryError,
    FeedUnavailable,
    render_all,
    render_calendar,
    render_event,
)
from tests.feeds.samples import CHANGED, content_lines, feed, head, leave, parsed, utc, visit

LOG = logging.getLogger("test.feeds")


def lines_of(entry):
    return content_lines(render_event(entry))


# Rule 1


def test_an_appointment_is_one_event_in_utc():
    new_york = ZoneInfo("America/New_York")
    entry = visit(
        starts_at=datetime(2026, 11, 24, 10, 0, 0, 7, tzinfo=new_york),
        ends_at=datetime(2026, 11, 24, 12, 25, tzinfo=new_york),
    )

    lines = lines_of(entry)

    assert "DTSTART:20261124T150000Z" in lines
    assert "DTEND:20261124T172500Z" in lines
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 1


@pytest.mark.parametrize(("fold", "expected"), [(0, "20261101T053000Z"), (1, "20261101T063000Z")])
def test_the_repeated_hour_keeps_its_two_meanings(fold, expected):
    starts_at = datetime(2026, 11, 1, 1, 30, fold=fold, tzinfo=ZoneInfo("America/New_York"))

    assert f"DTSTART:{expected}" in lines_of(visit(starts_at=starts_at, ends_at=utc(2026, 11, 1, 8)))


def test_a_feed_has_no_zones_no_recurrence_and_no_other_people():
    text = feed(visit(), leave()).decode()

    for name in ("TZID", "VTIMEZONE", "X-WR-TIMEZONE", "RRULE", "ATTENDEE", "ORGANIZER", "ATTACH", "<html"):
        assert name not in text


def test_leave_is_dates_with_the_day_after_as_end():
    lines = lines_of(leave(first_day=date(2026, 12, 21), last_day=date(2026, 12, 23)))

    assert "DTSTART;VALUE=DATE:20261221" in lines
    assert "DTEND;VALUE=DATE:20261224" in lines


def test_one_day_of_leave_ends_the_next_day():
    lines = lines_of(leave(first_day=date(2026, 12, 31), last_day=date(2026, 12, 31)))

    assert "DTEND;VALUE=DATE:20270101" in lines


def test_leave_until_further_notice_can_be_written():
    assert "DTEND;VALUE=DATE:99991231" in lines_of(leave(last_day=date.max))


# Rules 2 to 4


def test_the_uid_is_as_stored():
    uid = "8f7a1c34-5b0e-4b7e-9a57-0d5cf7a6f2aa@calendar.invalid"

    assert f"UID:{uid}" in lines_of(visit(uid))


@pytest.mark.parametrize("uid", ["", " ", "a b", "a\r\nBEGIN:VEVENT", "a;b", "\u00e9", "x" * 201])
def test_a_uid_that_is_not_plain_is_refused(uid):
    with pytest.raises(EntryError) as caught:
        render_event(visit(uid))

    assert "UID" in caught.value.sentence


@pytest.mark.parametrize("sequence", [0, 2**31 - 1])
def test_the_sequence_is_the_count_given(sequence):
    assert f"SEQUENCE:{sequence}" in lines_of(visit(sequence=sequence))


@pytest.mark.parametrize("sequence", [-1, 2**31, 1_700_000_000_000])
def test_a_sequence_readers_refuse_is_refused(sequence):
    with pytest.raises(EntryError):
        render_event(visit(sequence=sequence))


def test_stamp_and_last_modified_are_the_time_of_the_change():
    lines = lines_of(visit(changed_at=utc(2026, 11, 2, 9, 30, 7)))

    assert "DTSTAMP:20261102T093007Z" in lines
    assert "LAST-MODIFIED:20261102T093007Z" in lines


# Rule 5


def test_a_cancelled_appointment_stays_marked_and_frees_the_time():
    lines = lines_of(visit(cancelled=True, tentative=True, alarm_minutes=60, summary="Cancelled: Appointment"))

    assert "STATUS:CANCELLED" in lines
    assert "TRANSP:TRANSPARENT" in lines
    assert "X-MICROSOFT-CDO-BUSYSTATUS:FREE" in lines
    assert "SUMMARY:Cancelled: Appointment" in lines
    assert "BEGIN:VALARM" not in lines


# Rule 6


def test_the_head_is_exactly_this():
    assert render_calendar(head(name="North; rooms, 1"), []).decode() == (
        "BEGIN:VCALENDAR\r\n"
        "VERSION:2.0\r\n"
        f"PRODID:{PRODID}\r\n"
        "CALSCALE:GREGORIAN\r\n"
        "METHOD:PUBLISH\r\n"
        "NAME:North\\; rooms\\, 1\r\n"
        "X-WR-CALNAME:North\\; rooms\\, 1\r\n"
        "COLOR:teal\r\n"
        "LAST-MODIFIED:20261102T093000Z\r\n"
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n"
        "X-APPLE-CALENDAR-COLOR:#1F7A7A\r\n"
        "X-PUBLISHED-TTL:PT1H\r\n"
        "END:VCALENDAR\r\n"
    )


def test_a_calendar_name_cannot_add_lines():
    lines = content_lines(render_calendar(head(name="A\r\nBEGIN:VEVENT\rX\nY\\N\\n"), []))

    assert lines.count("NAME:A BEGIN:VEVENT X Y\\\\N\\\\n") == 1
    assert "BEGIN:VEVENT" not in lines


def test_a_calendar_without_a_name_gets_a_neutral_one():
    assert "NAME:Appointments" in content_lines(render_calendar(head(name=" \x00"), []))


def test_the_calendar_itself_has_no_uid():
    lines = content_lines(feed(visit(), leave()))

    assert [line for line in lines[: lines.index("BEGIN:VEVENT")] if line.startswith("UID")] == []
    assert sum(line.startswith("UID:") for line in lines) == 2


# Rule 7


@pytest.mark.parametrize(
    ("changes", "status", "transparency", "outlook"),
    [
        ({}, "CONFIRMED", "OPAQUE", "BUSY"),
        ({"tentative": True}, "TENTATIVE", "OPAQUE", "TENTATIVE"),
        ({"busy": False}, "CONFIRMED", "TRANSPARENT", "FREE"),
    ],
)
def test_an_appointment_says_whether_the_time_is_taken(changes, status, transparency, outlook):
    lines = lines_of(visit(**changes))

    assert f"STATUS:{status}" in lines
    assert f"TRANSP:{transparency}" in lines
    assert f"X-MICROSOFT-CDO-BUSYSTATUS:{outlook}" in lines
    assert "CLASS:PRIVATE" in lines


def test_leave_is_out_of_office():
    assert "X-MICROSOFT-CDO-BUSYSTATUS:OOF" in lines_of(leave())


def test_place_and_description_are_written_when_there_are_any():
    lines = lines_of(visit(location="Room R4", description="Details in the portal"))

    assert "LOCATION:Room R4" in lines
    assert "DESCRIPTION:Details in the portal" in lines
    assert not any(line.startswith(("LOCATION", "DESCRIPTION")) for line in lines_of(visit(location=" \x07")))


@pytest.mark.parametrize(
    "fault",
    [
        {"summary": " \x00\n"},
        {"ends_at": utc(2026, 11, 24, 15, 0)},
        {"ends_at": utc(2026, 11, 24, 14, 0)},
        {"ends_at": utc(2026, 11, 24, 15, 0) + timedelta(milliseconds=900)},
        {"starts_at": datetime(2026, 11, 24, 15, 0)},
        {"changed_at": datetime(2026, 11, 24, 15, 0)},
        {"alarm_minutes": -1},
        {"alarm_minutes": 20_000},
    ],
)
def test_a_faulty_appointment_is_refused_with_one_sentence(fault):
    with pytest.raises(EntryError) as caught:
        render_event(visit(**fault))

    assert caught.value.uid == visit().uid
    assert caught.value.sentence.endswith(".")


def test_leave_that_ends_before_it_starts_is_refused():
    with pytest.raises(EntryError):
        render_event(leave(last_day=date(2026, 12, 20)))


# Rules 8 and 9


def test_a_feed_holds_events_only():
    lines = content_lines(feed(visit(), leave()))

    assert {line for line in lines if line.startswith("BEGIN:")} == {"BEGIN:VCALENDAR", "BEGIN:VEVENT"}


def test_an_alarm_is_neutral_and_only_on_request():
    lines = lines_of(visit(alarm_minutes=90, summary="Visit \u00b7 ref 7Q4K"))
    alarm = lines[lines.index("BEGIN:VALARM") : lines.index("END:VALARM")]

    assert sorted(alarm[1:]) == ["ACTION:DISPLAY", f"DESCRIPTION:{ALARM_TEXT}", "TRIGGER:-PT1H30M"]
    assert "BEGIN:VALARM" not in lines_of(visit())


# Rule 10


def test_text_is_escaped_once_and_only_where_the_grammar_asks():
    lines = lines_of(visit(summary='a\\b;c,d:e"f\\Ng\\nh', description="one\ntwo"))

    assert 'SUMMARY:a\\\\b\\;c\\,d:e"f\\\\Ng\\\\nh' in lines
    assert "DESCRIPTION:one\\ntwo" in lines


# Stable bytes


def test_the_same_entry_gives_the_same_bytes_whatever_the_machine_thinks(monkeypatch):
    first = feed(visit(), leave())

    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        again = feed(visit(), leave())
    finally:
        monkeypatch.undo()
        time.tzset()

    assert again == first
    assert os.environ.get("TZ") != "Pacific/Auckland"


def test_an_empty_calendar_is_whole():
    calendar = parsed(render_calendar(head(), []))

    assert calendar.subcomponents == []
    assert calendar["METHOD"] == "PUBLISH"


# Rule 19


def test_all_entries_come_in_order_with_their_bytes():
    entries = [visit("b@calendar.invalid"), leave(), visit("a@calendar.invalid")]

    rendered = render_all(entries, LOG)

    assert [event.entry for event in rendered] == entries
    assert [event.body for event in rendered] == [render_event(entry) for entry in entries]
    assert all(event.fresh for event in rendered)


def test_a_faulty_entry_keeps_its_last_good_bytes(caplog):
    good = render_event(visit())
    broken = visit(sequence=-5, summary="Test Patient Alder")

    rendered = render_all([broken, leave()], LOG, {broken.uid: good})

    assert [(event.body, event.fresh) for event in rendered] == [(good, False), (render_event(leave()), True)]
    assert broken.uid in caplog.text
    assert "Alder" not in caplog.text


def test_a_faulty_entry_without_good_bytes_stops_the_feed_instead_of_shortening_it(caplog):
    broken = visit(sequence=-5)

    with pytest.raises(FeedUnavailable) as caught:
        render_all([leave(), broken], LOG, {leave().uid: render_event(leave())})

    assert caught.value.uids == (broken.uid,)


def test_a_fault_nobody_foresaw_stays_with_its_entry_and_its_text_out_of_the_log(caplog):
    broken = visit(summary=object())

    rendered = render_all([broken], LOG, {broken.uid: b"kept"})

    assert rendered[0].body == b"kept"
    assert "AttributeError" in caplog.text or "TypeError" in caplog.text
    assert "Traceback" not in caplog.text


def test_of_two_entries_with_one_uid_the_later_change_is_written(caplog):
    older = visit(sequence=3)
    newer = visit(sequence=4, changed_at=CHANGED + timedelta(seconds=1), summary="Visit")

    for entries in ([older, newer], [newer, older]):
        assert [event.entry for event in render_all(entries, LOG)] == [newer]
    assert "twice" in caplog.text
