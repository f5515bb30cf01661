"""Whatever a patient, a member of staff or a place is called: in every mode one event with the lines it should have."""

from itertools import product

import icalendar
import pytest

from planner.feeds.entries import FeedEntry
from planner.feeds.wording import AppointmentFacts, Audience, Detail, FeedStyle, appointment_text
from tests.feeds.samples import feed, utc

LONG = "A" * 10_000
HOSTILE = {
    "line breaks": "Alder\r\nBEGIN:VEVENT\r\nUID:evil@calendar.invalid\r\nEND:VEVENT",
    "the end": "Alder\nEND:VEVENT\nEND:VCALENDAR\n",
    "nul": "Al\x00der\x0b\x0c\x1b\x7f",
    "separators": "Al\u2028der\u2029x\x85y",
    "escapes": 'Al;der, Test\\n\\N\\;\\,\\\\ "x" ^n',
    "properties": "Alder;VALUE=DATE:20270101,ATTENDEE:mailto:x",
    "emoji": "\U0001f9d1\u200d\u2695\ufe0f" * 300,
    "right to left": "\u202e\u2067\u200f\u05d0\u05dc\u05d5\u05df\u202c",
    "surrogate": "Al\ud800der\ufeff",
    "long": LONG,
    "long with breaks": "a,b;c\r\n" * 1_500,
    "nothing": " \r\n ",
}
ALWAYS = {
    "UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS", "TRANSP",
    "X-MICROSOFT-CDO-BUSYSTATUS", "CLASS",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(("audience", "detail"), list(product(Audience, Detail)))
def test_a_name_never_gets_out_of_its_line(audience: Audience, detail: Detail, text: str) -> None:
    bodies = []
    for cancelled, online, place in ((False, False, False), (False, False, True), (True, True, True)):
        facts = AppointmentFacts(
            kind="integration", code=text, initials=text, full_name=text, chair_code=text, room_code=text,
            site_alias=text, address=text, portal_url="https://portal.example/", online=online, cancelled=cancelled,
        )  # fmt: skip
        style = FeedStyle(
            audience=audience, detail=detail, show_place=place, short_name=text, initials_decided=True,
            agreement_recorded=True,
        )  # fmt: skip
        words = appointment_text(facts, style)
        bodies.append(
            FeedEntry(
                uid=f"{len(bodies)}@calendar.invalid", sequence=0, changed_at=utc(2027, 1, 1),
                starts_at=utc(2027, 1, 2, 9), ends_at=utc(2027, 1, 2, 10), summary=words.summary,
                location=words.location, description=words.description, cancelled=cancelled,
            )
        )  # fmt: skip
    whole = feed(*bodies)
    assert max(len(line) for line in whole.split(b"\r\n")) <= 75
    assert not set(whole) & {*range(9), 11, 12, *range(14, 32), 127}
    assert whole.count(b"\n") == whole.count(b"\r") == whole.count(b"\r\n")
    calendar = icalendar.Calendar.from_ical(whole)
    assert [part.name for part in calendar.walk()] == ["VCALENDAR", *["VEVENT"] * len(bodies)]
    for event, entry in zip(calendar.walk("VEVENT"), bodies, strict=True):
        texts = {"LOCATION": entry.location, "DESCRIPTION": entry.description}
        assert set(event) == ALWAYS | {name for name, said in texts.items() if said}
        assert event.errors == []
        assert (str(event["UID"]), str(event["SUMMARY"]).strip() != "") == (entry.uid, True)
