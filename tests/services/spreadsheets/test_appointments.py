"""Existing appointments hold what they name; a double booking is a bad line that names the other one."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.services.booking import UID_HOST
from planner.services.upkeep import disagreements, overlaps
from planner.store.records import Appointment, CalendarVersion, Occupancy
from tests.support.sheets import Desk, counts, furnish, reasons, set_up_desk

HEADER = "reference,patient,kind,site,day,start,end,minutes,status,way of meeting,therapist,nurse,chair,room"
SESSION = "A-1,P-M1,session,MAIN,2027-02-01,14:00,15:00,,,,Test Therapist,,,Room 1"


@pytest.fixture
def desk(db: Session) -> Desk:
    desk = set_up_desk(db)
    furnish(desk)
    db.flush()
    return desk


def told(desk: Desk, *lines: str) -> list[tuple[int, str, str]]:
    return reasons(desk.lines("appointments", HEADER, *lines))


def test_an_appointment_holds_everybody_and_everything_it_names(desk: Desk) -> None:
    visit = "A-2,P-M2,visit,MAIN,2027-02-01,14:00,,120,,,,Test Twin (T2),Chair 1,"
    desk.bring_lines("appointments", HEADER, SESSION, visit)
    held = desk.db.execute(
        select(func.count(Occupancy.id)).group_by(Occupancy.appointment_id).order_by(Occupancy.appointment_id)
    )
    assert [row[0] for row in held] == [3, 3]
    session = desk.db.scalars(select(Appointment).order_by(Appointment.id)).first()
    assert session is not None
    assert (session.course_id, session.status.value, session.starts_wall) == (None, "booked", "2027-02-01T14:00")
    longest = desk.db.scalar(select(func.max(Occupancy.ends_at)).where(Occupancy.appointment_id == session.id))
    assert longest is not None
    assert (longest - session.ends_at).total_seconds() == 600, "the room is free ten minutes later"
    assert overlaps(desk.db) == []
    assert disagreements(desk.db) == []
    assert desk.db.scalar(select(func.count()).select_from(CalendarVersion)) == 7


def test_what_is_over_or_cancelled_holds_nothing_or_its_time(desk: Desk) -> None:
    same_time = SESSION.replace("A-1", "A-2").replace(",,,,Test", ",,cancelled,,Test")
    desk.bring_lines("appointments", HEADER, SESSION, same_time)
    assert disagreements(desk.db) == []


def test_double_bookings_are_told_with_the_other_line(desk: Desk) -> None:
    other = SESSION.replace("A-1", "A-2").replace("P-M1", "P-M2").replace("14:00,15:00", "14:30,15:30")
    assert told(desk, SESSION, other) == [
        (3, "therapist", "Test Therapist is already held from 14:00 to 15:05, by line 2."),
        (3, "room", "Room 1 is already held from 14:00 to 15:10, by line 2."),
    ]


def test_double_bookings_are_told_with_the_other_appointment(desk: Desk) -> None:
    desk.bring_lines("appointments", HEADER, SESSION)
    other = "A-2,P-M2,session,MAIN,2027-02-01,15:00,16:00,,,,Test Therapist,,,"
    assert told(desk, other) == [
        (2, "therapist", "Test Therapist is already held from 14:00 to 15:05, by an appointment of P-M1.")
    ]


def test_a_nurse_watches_as_many_as_they_may(desk: Desk) -> None:
    visits = [
        f"V-{n},P-{p},visit,{site},2027-02-01,{hour}:00,,90,,,,Test Twin (T2),{chair},"
        for n, (p, site, hour, chair) in enumerate(
            [("M1", "MAIN", "14", "Chair 1"), ("M2", "MAIN", "14", ""), ("W1", "WEST", "20", "Chair 1")]
        )
    ]
    assert [(line, column) for line, column, _ in told(desk, *visits)] == [(4, "nurse")]


def test_the_same_book_again_changes_nothing_and_moves_nothing(desk: Desk) -> None:
    plain = "P-M2,assessment,MAIN,2027-02-02,09:00,09:30,,,,,,,"
    desk.bring_lines("appointments", HEADER, SESSION, f",{plain}")
    assert counts(desk.lines("appointments", HEADER, SESSION, f",{plain}")) == (0, 0, 2)
    moved = SESSION.replace("14:00,15:00", "16:00,17:00")
    assert "is here already, at MAIN on Mon 1 Feb 2027 at 14:00" in told(desk, moved)[0][2]
    assert "is “booked”" in told(desk, SESSION.replace(",,,,Test", ",,noshow,,Test"))[0][2]


def test_a_reference_never_stands_in_a_calendar(desk: Desk) -> None:
    desk.bring_lines("appointments", HEADER, SESSION.replace("A-1", "Test Patient Alder 7"))
    uid = desk.db.scalar(select(Appointment.uid))
    assert uid is not None
    assert uid.endswith(f"@{UID_HOST}")
    assert "Alder" not in uid


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        (SESSION.replace("P-M1", "P-XX"), "patient", "None of your sites has a patient"),
        (SESSION.replace("session", "chat"), "kind", "Write one of"),
        (SESSION.replace("14:00,15:00,", "14:00,15:00,60"), "minutes", "not both"),
        (SESSION.replace("14:00,15:00,", "14:00,,"), "end", "Write when it ends"),
        (SESSION.replace("14:00,15:00", "14:00,14:00"), "end", "takes 1 to"),
        (SESSION.replace("Test Therapist", "-Test Nurse"), "therapist", "is no therapist"),
        (SESSION.replace("Room 1", "Room 9"), "room", "no room called"),
        (SESSION.replace(",,,,Test", ",,,telehealth,Test"), "way of meeting", "no chair and no room"),
        (SESSION.replace("2027-02-01", "2099-02-01"), "day", "further ahead"),
    ],
)
def test_appointments_that_cannot_be(desk: Desk, line: str, column: str, words: str) -> None:
    (fault,) = told(desk, line)
    assert fault[1] == column
    assert words in fault[2]


# Calendars


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n{body}END:VCALENDAR\r\n".encode()


TIMES = "DTSTART:20270201T140000\r\nDTEND:20270201T150000"


def test_a_calendar_becomes_appointments_and_is_known_again(desk: Desk) -> None:
    one = f"UID:one@cal.example\r\n{TIMES}\r\nSUMMARY:P-M1 session\r\nLOCATION:Room 1"
    other = "UID:two\r\nDTSTART:20270201T220000Z\r\nDURATION:PT45M\r\nSUMMARY:Talk with P-M2\r\nCATEGORIES:Follow-up"
    choices = {"site": "MAIN", "therapist": "Test Therapist"}
    assert counts(desk.bring("appointments", calendar(one, other), **choices)) == (2, 0, 0)
    rows = desk.db.scalars(select(Appointment).order_by(Appointment.id)).all()
    assert [(row.starts_wall, row.kind.value, row.room_id is not None) for row in rows] == [
        ("2027-02-01T14:00", "integration", True),
        ("2027-02-01T16:00", "consolidation", False),
    ]
    assert counts(desk.check("appointments", calendar(one, other), **choices)) == (0, 0, 2)


def test_events_that_cannot_be_recognised_are_bad_lines(desk: Desk) -> None:
    content = calendar(
        f"UID:a\r\n{TIMES}\r\nSUMMARY:Lunch",
        f"UID:b\r\n{TIMES}\r\nSUMMARY:P-M1 session\r\nRRULE:FREQ=WEEKLY",
        f"UID:c\r\n{TIMES}\r\nSUMMARY:P-M1 and P-M2 session",
    )
    checked = desk.check("appointments", content, site="MAIN")
    assert [(line, column) for line, column, _ in reasons(checked)] == [
        (4, "patient"), (4, "kind"), (10, ""), (17, "patient"),
    ]  # fmt: skip
    assert (checked.total, checked.bad_lines, checked.may_write) == (3, 3, False)
