"""A small clinic for files, and files brought into it without a page: checked, written, taken out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.services.accounts import create_account
from planner.services.places import add_chair, add_room, add_site, set_up_clinic
from planner.services.rostering import add_patient, add_person
from planner.services.signing_in import signed_in_as
from planner.services.spreadsheets.cells import csv_bytes
from planner.services.spreadsheets.checking import Checked, check_content
from planner.services.spreadsheets.exporting import export_bytes
from planner.services.spreadsheets.kinds import KINDS
from planner.store.records import Site

NOW = datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
HOURS = {day: [("00:00", "24:00")] for day in range(7)}


@dataclass(frozen=True)
class Desk:
    """A coordinator of two sites (Chicago and London time), and what they do with files."""

    db: Session
    principal: Principal

    def check(self, kind: str, content: bytes, **choices: str) -> Checked:
        return check_content(self.db, self.principal, KINDS[kind], content, choices, now=NOW)

    def lines(self, kind: str, *lines: str, **choices: str) -> Checked:
        """Check a file given as lines, the header first."""
        return self.check(kind, "\r\n".join(lines).encode(), **choices)

    def bring(self, kind: str, content: bytes, **choices: str) -> Checked:
        """Check and write; a fault is an error of the test."""
        checked = self.check(kind, content, **choices)
        assert checked.may_write, checked.faults[:3]
        checked.importer.write(lambda _: None)
        self.db.flush()
        return checked

    def bring_lines(self, kind: str, *lines: str, **choices: str) -> Checked:
        return self.bring(kind, "\r\n".join(lines).encode(), **choices)

    def bring_rows(self, kind: str, rows: Sequence[Sequence[str]]) -> Checked:
        return self.bring(kind, csv_bytes(KINDS[kind].headers, rows))

    def take_out(self, kind: str) -> bytes:
        return export_bytes(self.db, self.principal, kind, now=NOW)


def counts(checked: Checked) -> tuple[int, int, int]:
    """New, changed, unchanged."""
    return checked.importer.new, checked.importer.changed, checked.importer.same


def reasons(checked: Checked) -> list[tuple[int, str, str]]:
    """Line, column, reason of each fault."""
    return [(fault.line, fault.column, fault.reason) for fault in checked.faults]


def set_up_desk(db: Session) -> Desk:
    """A clinic with two sites and nothing else."""
    set_up_clinic(db, name="Test Clinic", zone="America/Chicago")
    main = add_site(db, name="Main", code="MAIN", zone="America/Chicago", hours=HOURS)
    west = add_site(db, name="West End", code="WEST", zone="Europe/London", hours=HOURS)
    account = create_account(
        db, None, email="files@clinic.example", name="Test Coordinator", password_hash="x", roles=[Role.COORDINATOR],
        site_ids=[main.id, west.id], now=NOW,
    )  # fmt: skip
    return Desk(db, signed_in_as(db, account).principal(""))


def furnish(desk: Desk) -> None:
    """Staff, patients, chairs and rooms at both sites. Two people have one name."""
    db = desk.db
    sites = {site.code: site for site in db.query(Site)}
    for code, site in sites.items():
        add_room(db, site, "Room 1", turnover_minutes=10)
        add_room(db, site, "=Room;-2")
        add_chair(db, site, "Chair 1")
        for number in (1, 2):
            add_patient(db, f"P-{code[0]}{number}", f"Test Patient {code} {number}", site, now=NOW)
    add_person(db, "Test Therapist", roles=[Role.THERAPIST], sites=sites.values(), turnover_minutes=5)
    add_person(db, "Test Twin", initials="T1", roles=[Role.THERAPIST], sites=[sites["MAIN"]])
    add_person(db, "Test Twin", initials="T2", roles=[Role.THERAPIST, Role.NURSE], sites=sites.values(), lanes=2)
    add_person(db, "-Test Nurse", roles=[Role.NURSE], sites=sites.values())
