"""What is taken out can be brought into the same clinic, empty again, and taken out as the very same bytes."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from planner.domain.plain_text import TURNS_AROUND, can_be_seen
from planner.services.spreadsheets.cells import protect
from planner.services.spreadsheets.kinds import KINDS
from planner.store.records import Person
from tests.support.sheets import Desk, counts, furnish, reasons, set_up_desk

Row = tuple[str, ...]
#: Without shrinking: each try is several files, and what failed is small enough to read.
few = settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.generate),
)


@pytest.fixture
def desk(db: Session) -> Desk:
    return set_up_desk(db)


@pytest.fixture
def furnished(desk: Desk) -> Desk:
    furnish(desk)
    desk.db.flush()
    return desk


def printable(most: int, least: int = 1) -> st.SearchStrategy[str]:
    """One line of hostile text without space around it."""
    signs = st.one_of(
        st.sampled_from(list("=+-@'\";, \uff1d\u200bé0")),
        st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters=TURNS_AROUND),
    )
    lines = st.text(signs, max_size=most).map(lambda text: text.strip())
    return lines.filter(lambda text: len(text) >= least and (not text or can_be_seen(text)))


def comes_back(desk: Desk, kind: str, rows: Sequence[Row], already: int = 0) -> None:
    """Bring the rows in and out, forget them, bring in what came out; it comes out again the same."""
    first = desk.db.begin_nested()
    desk.bring_rows(kind, rows)
    taken = desk.take_out(kind)
    again = desk.check(kind, taken)
    assert counts(again) == (0, 0, len(rows) + already), again.faults[:3]
    first.rollback()
    desk.db.expire_all()
    second = desk.db.begin_nested()
    assert counts(desk.bring(kind, taken)) == (len(rows), 0, already)
    assert desk.take_out(kind) == taken
    second.rollback()
    desk.db.expire_all()


SITES = st.sampled_from(["MAIN", "WEST"])
STAFF = st.sampled_from(["Test Therapist", "Test Twin (T1)", "Test Twin (T2)", "-Test Nurse"])
YES = st.sampled_from(["yes", "no"])
#: Around both clock changes, and on plain days.
DAYS = st.sampled_from(
    [date(2027, 3, 13), date(2027, 3, 14), date(2027, 3, 28), date(2027, 10, 31), date(2027, 11, 7), date(2027, 6, 1)]
).flatmap(lambda day: st.sampled_from([(day + timedelta(days=more)).isoformat() for more in range(2)]))


def times(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least // 5, most // 5).map(lambda n: f"{n * 5 // 60:02}:{n * 5 % 60:02}")


def unlike(key: Callable[[Row], object], rows: st.SearchStrategy[Row], most: int = 4) -> st.SearchStrategy[list[Row]]:
    return st.lists(rows, min_size=1, max_size=most, unique_by=key)


def folded(text: str) -> str:
    return " ".join(text.split()).casefold()


@given(data=st.data())
@few
def test_chairs_and_rooms(desk: Desk, data: st.DataObject) -> None:
    room = st.tuples(st.just("room"), SITES, printable(60), st.integers(0, 240).map(str), YES)
    chair = st.tuples(st.just("chair"), SITES, printable(60), st.just(""), YES)
    rows = data.draw(unlike(lambda row: (row[0], row[1], folded(row[2])), room | chair))
    comes_back(desk, "chairs-and-rooms", rows)


@given(data=st.data())
@few
def test_people(desk: Desk, data: st.DataObject) -> None:
    lists = st.sampled_from(["MAIN", "WEST", "MAIN; WEST"])
    nurse = st.tuples(st.sampled_from(["nurse", "therapist; NURSE"]), lists, st.integers(1, 12).map(str))
    other = st.tuples(st.sampled_from(["prescriber", "therapist; prescriber"]), lists, st.just(""))
    numbers = st.tuples(st.integers(0, 240).map(str), st.sampled_from(["", "6"]), YES)
    row = st.tuples(st.tuples(printable(120), printable(6)), nurse | other, numbers).map(
        lambda parts: (*parts[0], *parts[1], *parts[2])
    )
    comes_back(desk, "people", data.draw(unlike(lambda row: (folded(row[0]), folded(row[1])), row)))


@given(data=st.data())
@few
def test_patients(furnished: Desk, data: st.DataObject) -> None:
    weekly = st.sampled_from(["", "Thu 13:00-17:00; mon 9:00 - 12:00", "Sun 00:00–24:00"])
    modes = st.sampled_from(["", "telehealth", "telehealth; in-person"])
    row = st.tuples(
        printable(12), printable(120), SITES, st.sampled_from(["", "Test Therapist", "Test Twin (T2)"]),
        printable(120, 0), modes, st.sampled_from(["", "09:00"]), st.sampled_from(["", "15:00"]), weekly, YES,
    )  # fmt: skip
    rows = data.draw(unlike(lambda row: folded(row[0]), row).filter(lambda rows: all(r[0][0] != "P" for r in rows)))
    comes_back(furnished, "patients", rows, already=4)


@given(data=st.data())
@few
def test_shifts(furnished: Desk, data: st.DataObject) -> None:
    breaks = st.sampled_from([("", ""), ("12:00", "12:30")])
    row = st.tuples(STAFF, SITES, DAYS, times(180, 600), times(900, 1500), breaks, YES, YES).map(
        lambda row: (*row[:5], *row[5], *row[6:])
    )
    comes_back(furnished, "shifts", data.draw(unlike(lambda row: (row[0], row[2]), row)))


@given(data=st.data())
@few
def test_absences(furnished: Desk, data: st.DataObject) -> None:
    row = st.tuples(
        STAFF, DAYS, times(180, 600) | st.just(""), st.just(""), times(900, 1440) | st.just(""), printable(120, 0)
    )
    comes_back(furnished, "absences", data.draw(unlike(lambda row: (row[0], row[1]), row)))


@given(data=st.data())
@few
def test_closed_days(desk: Desk, data: st.DataObject) -> None:
    row = st.tuples(SITES, DAYS, printable(120, 0))
    comes_back(desk, "closures", data.draw(unlike(lambda row: row[:2], row)))


@given(data=st.data())
@few
def test_appointments(furnished: Desk, data: st.DataObject) -> None:
    kinds = st.sampled_from(["first talk", "Visit", "integration", "follow-up", "assessment"])
    status = st.sampled_from(["", "booked", "fulfilled", "cancelled", "noshow"])
    who = st.sampled_from(
        [
            ("in-person", "Test Therapist", "", "", "Room 1"),
            ("", "", "-Test Nurse", "Chair 1", ""),
            ("telehealth", "Test Twin (T2)", "", "", ""),
            ("in-person", "", "Test Twin (T2)", "", "=Room;-2"),
        ]
    )
    length = st.integers(5, 90).map(str)
    row = st.tuples(printable(200, 0), SITES, DAYS, times(180, 1200), length, kinds, status, who).map(
        lambda row: (
            row[0], f"P-{row[1][0]}1", row[5], row[1], row[2], row[3], "", row[4], row[6], *row[7],
        )
    )  # fmt: skip
    # One a day and site, so that nobody is held twice.
    rows = data.draw(unlike(lambda row: row[4], row).filter(lambda rows: len({r[0] for r in rows}) == len(rows)))
    comes_back(furnished, "appointments", rows)


# The same lines as other programs write them


@dataclass(frozen=True)
class Way:
    """How a spreadsheet writes a file: its encoding with the mark it begins with, its separator, its line ends."""

    encoding: str
    mark: str
    separator: str
    end: str
    header: Callable[[str], str]
    empty_columns: int
    empty_lines: int

    def write(self, header: Row, rows: Sequence[Row]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.separator, lineterminator=self.end)
        rest = ("",) * self.empty_columns
        writer.writerow([self.header(name) for name in header] + list(rest))
        writer.writerows([*(protect(cell) for cell in row), *rest] for row in rows)
        writer.writerows([("", *rest)] * self.empty_lines)
        return (self.mark + text.getvalue() + self.end * self.empty_lines).encode(self.encoding)


WAYS = st.builds(
    Way,
    encoding=st.just("utf-8"),
    mark=st.sampled_from(["", "\ufeff"]),
    separator=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    header=st.sampled_from(
        [str, str.upper, str.title, lambda name: f"  {name.replace(' ', '_')} *", lambda name: name.replace(" ", "  ")]
    ),
    empty_columns=st.integers(0, 3),
    empty_lines=st.integers(0, 3),
)
#: With byte-order marks; without one, only the encodings that are found out by their bytes.
ENCODED = st.sampled_from([("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff")])
CURLY = "Zoë “Bee” O’Hara – 5 €"


@given(way=WAYS, encoded=ENCODED, name=printable(120).filter(lambda name: name.isprintable()))
@settings(few, max_examples=25)
def test_other_programs_files_are_the_same_lines(desk: Desk, way: Way, encoded: tuple[str, str], name: str) -> None:
    way = replace(way, encoding=encoded[0], mark=encoded[1])
    row = (name, "T9", "nurse", "MAIN; WEST", "2", "0", "", "yes")
    part = desk.db.begin_nested()
    desk.bring("people", way.write(KINDS["people"].headers, [row]))
    assert [person.name for person in desk.db.query(Person)] == [name]
    part.rollback()
    desk.db.expire_all()


@given(way=WAYS)
@few
def test_curly_quotes_and_the_euro_sign_of_windows_are_read_right(desk: Desk, way: Way) -> None:
    part = desk.db.begin_nested()
    content = replace(way, encoding="cp1252", mark="").write(
        KINDS["people"].headers, [(CURLY, "T9", "nurse", "MAIN", "2", "0", "", "yes")]
    )
    assert b"\x80" in content and b"\x93" in content
    desk.bring("people", content)
    assert [person.name for person in desk.db.query(Person)] == [CURLY]
    part.rollback()
    desk.db.expire_all()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_line_break_in_a_name_is_told_with_the_line_it_begins_on(desk: Desk, end: str) -> None:
    lines = ["name,roles,sites", "Test One,nurse,MAIN", '"Test', 'Two",nurse,MAIN', "Test Three,nurse,EAST"]
    checked = desk.check("people", end.join(lines).encode())
    assert reasons(checked) == [
        (3, "name", "Write this on one line, without line breaks or control characters."),
        (5, "sites", "There is no site called “EAST”."),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clinic_without_any_gives_a_header_alone(desk: Desk, kind: str) -> None:
    taken = desk.take_out(kind)
    assert taken.count(b"\r\n") == 1
    assert taken.decode("utf-8-sig").startswith(f'"{KINDS[kind].headers[0]}"')
