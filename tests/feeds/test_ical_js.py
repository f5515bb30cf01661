"""ical.js, Thunderbird's parser, reads a feed inside a real browser."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.feeds.samples import feed, leave, utc, visit

LIBRARY = Path(__file__).parent.parent / "vendor" / "ical.js" / "ical.min.js"

READ = """
async ([source, text]) => {
  const { default: ICAL } = await import(
    URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const calendar = new ICAL.Component(ICAL.parse(text));
  const instant = time => time.isDate ? time.toString() : time.toJSDate().toISOString();
  return {
    name: calendar.getFirstPropertyValue("x-wr-calname"),
    parts: calendar.getAllSubcomponents().map(part => part.name),
    events: calendar.getAllSubcomponents("vevent").map(part => {
      const event = new ICAL.Event(part);
      return {
        uid: event.uid,
        zone: event.startDate.zone.tzid,
        span: [instant(event.startDate), instant(event.endDate)],
        sequence: event.sequence,
        summary: event.summary,
        location: event.location,
        description: event.description,
        status: part.getFirstPropertyValue("status"),
      };
    }),
  };
}
"""


@pytest.fixture
def read(browser):
    """Parses feed bytes in a page of its own, whose own time zone is far from UTC."""
    context = browser.new_context(timezone_id="America/New_York")
    page = context.new_page()
    yield lambda body: page.evaluate(READ, [LIBRARY.read_text(encoding="utf-8"), body.decode()])
    context.close()


def iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_it_sees_the_same_appointments_at_the_same_instants(read):
    # Both passes through the hour that clocks repeat, and the appointment across the hour they skip.
    clock_changes = [
        (zone, datetime(*wall, tzinfo=ZoneInfo(zone), fold=fold))
        for zone, wall in (
            ("America/New_York", (2026, 11, 1, 1, 30)),
            ("Europe/London", (2026, 10, 25, 1, 15)),
            ("Australia/Lord_Howe", (2026, 4, 5, 1, 45)),
            ("America/New_York", (2026, 3, 8, 1, 30)),
        )
        for fold in (0, 1)
    ]
    entries = [
        visit(f"{number}@calendar.invalid", starts_at=starts_at, ends_at=utc(2026, 12, 1), sequence=number)
        for number, (_, starts_at) in enumerate(clock_changes)
    ]

    seen = read(feed(*entries))

    assert seen["parts"] == ["vevent"] * len(entries)
    assert {(event["uid"], *event["span"], event["sequence"]) for event in seen["events"]} == {
        (entry.uid, iso(entry.starts_at), iso(entry.ends_at), entry.sequence) for entry in entries
    }
    assert {event["zone"] for event in seen["events"]} == {"UTC"}
    assert len({event["span"][0] for event in seen["events"][:6]}) == 6


def test_it_sees_leave_as_whole_days_and_cancelled_as_cancelled(read):
    seen = read(feed(leave(), visit(cancelled=True, summary="Cancelled: Appointment")))

    away, cancelled = seen["events"]
    assert away["span"] == ["2026-12-21", "2026-12-24"]
    assert (cancelled["status"], cancelled["summary"]) == ("CANCELLED", "Cancelled: Appointment")


def test_it_gets_hostile_text_back(read):
    text = 'a\\b\\n\\N;c,d:"e"\nEND:VEVENT \U0001f9d1\u200d\u2695\ufe0f \u05d0\u05dc\u05d5\u05df ' * 300

    (event,) = read(feed(visit(summary=f"A{text}", location=text, description=text)))["events"]

    assert event["summary"] == "A" + text.replace("\n", " ")
    assert (event["location"], event["description"]) == (text, text)


def test_an_empty_feed_is_read_as_empty(read):
    assert read(feed()) == {"name": "Appointments", "parts": [], "events": []}
