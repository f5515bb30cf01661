"""What lines hold when they say so, and what may overlap because they say that too."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.intervals import minute_of
from planner.services.upkeep import overlaps
from planner.store.records import Appointment, AuditEntry, Chair, NurseLane, Occupancy, Person, RuleOverride
from tests.support.sheets import Desk, counts, furnish, reasons, set_up_desk

HEADER = (
    "reference,patient,kind,site,day,start,minutes,therapist,nurse,chair,nurse place,prescriber,"
    "therapist held,nurse held,chair held,prescriber held,booked over"
)
THERAPIST = "Test Therapist"
NURSE = "Test Twin (T2)"


@pytest.fixture
def desk(db: Session) -> Desk:
    desk = set_up_desk(db)
    furnish(desk)
    db.flush()
    return desk


def visit(reference: str, patient: str, start: str, **cells: str) -> str:
    """One line of a visit of two hours; `cells` by header, with underscores for spaces."""
    said = {header: cells.pop(header.replace(" ", "_"), "") for header in HEADER.split(",")[7:]}
    assert not cells
    return f"{reference},{patient},visit,MAIN,2027-02-01,{start},120,{','.join(said.values())}"


def told(desk: Desk, *lines: str) -> list[tuple[int, str, str]]:
    return reasons(desk.lines("appointments", HEADER, *lines))


def held(desk: Desk, record: type[Person] | type[Chair] | type[NurseLane]) -> list[tuple[int, int]]:
    """Spans in which any of these is held, in minutes from the first appointment."""
    rows = desk.db.execute(
        select(Occupancy.starts_at, Occupancy.ends_at)
        .join(record, record.holdable_id == Occupancy.holdable_id)
        .order_by(Occupancy.starts_at, Occupancy.holdable_id)
    )
    first = desk.db.scalar(select(func.min(Appointment.starts_at)))
    assert first is not None
    base = minute_of(first)
    return [(minute_of(start) - base, minute_of(end) - base) for start, end in rows]


def test_each_is_held_for_the_minutes_that_are_said_and_no_others(desk: Desk) -> None:
    line = visit(
        "V-1", "P-M1", "14:00", therapist=THERAPIST, nurse=NURSE, chair="Chair 1", therapist_held="90 to 120",
        nurse_held="0 to 10; 30 to 95", chair_held="10 to 135",
    )  # fmt: skip
    desk.bring_lines("appointments", HEADER, line)
    assert held(desk, Person) == [(90, 120)], "said, so no minutes between are added"
    assert held(desk, NurseLane) == [(0, 10), (30, 95)]
    assert held(desk, Chair) == [(10, 135)]


def test_a_part_leaves_the_rest_to_others(desk: Desk) -> None:
    first = visit("V-1", "P-M1", "14:00", therapist=THERAPIST, therapist_held="90 to 120")
    second = visit("V-2", "P-M2", "14:00", therapist=THERAPIST, therapist_held="0 to 90")
    assert told(desk, first, second) == []
    late = visit("V-2", "P-M2", "14:00", therapist=THERAPIST, therapist_held="0 to 91")
    assert told(desk, first, late) == [
        (3, "therapist", "Test Therapist is already held from 15:30 to 16:00, by line 2.")
    ]


def test_nothing_is_held_of_what_is_named_with_none(desk: Desk) -> None:
    lines = [
        visit(f"V-{n}", f"P-M{n}", "14:00", therapist=THERAPIST, nurse="-Test Nurse", **{f"{who}_held": "none"})
        for n, who in ((1, "therapist"), (2, "nurse"))
    ]
    assert told(desk, lines[0]) == []
    assert [column for _, column, _ in told(desk, lines[0], lines[0].replace("V-1,P-M1", "V-3,P-M2"))] == ["nurse"]
    assert told(desk, *lines) == []


def test_a_nurse_has_the_patients_in_the_places_that_are_said(desk: Desk) -> None:
    first = visit("V-1", "P-M1", "14:00", nurse=NURSE, nurse_place="2")
    second = visit("V-2", "P-M2", "14:00", nurse=NURSE)
    desk.bring_lines("appointments", HEADER, first, second)
    places = desk.db.execute(
        select(NurseLane.number, Appointment.patient_id)
        .join(Occupancy, Occupancy.holdable_id == NurseLane.holdable_id)
        .join(Appointment, Appointment.id == Occupancy.appointment_id)
        .order_by(Appointment.id)
    ).all()
    assert [number for number, _ in places] == [2, 1]


def test_a_place_that_is_taken_is_any_other(desk: Desk) -> None:
    lines = [visit(f"V-{n}", f"P-M{n}", "14:00", nurse=NURSE, nurse_place="2") for n in (1, 2)]
    assert told(desk, *lines) == []
    assert [column for _, column, _ in told(desk, *lines, lines[0].replace("V-1,P-M1", "V-3,P-W1"))] == ["nurse"]


def test_what_is_said_is_compared_with_what_is_here(desk: Desk) -> None:
    said = visit("V-1", "P-M1", "14:00", therapist=THERAPIST, therapist_held="90 to 120")
    desk.bring_lines("appointments", HEADER, said)
    assert counts(desk.lines("appointments", HEADER, said)) == (0, 0, 1)
    assert counts(desk.lines("appointments", HEADER, said.replace("90 to 120", ""))) == (0, 0, 1), "nothing is said"
    assert "not as this line has it" in told(desk, said.replace("90 to 120", "0 to 30"))[0][2]


# Booked over on purpose


def test_what_is_booked_over_on_purpose_is_an_override_with_its_note(desk: Desk) -> None:
    first = visit("V-1", "P-M1", "14:00", therapist=THERAPIST, chair="Chair 1")
    second = visit("V-2", "P-M2", "15:00", therapist=THERAPIST, booked_over="V-1")
    assert len(told(desk, first, second.replace("V-1", ""))) == 1
    for order in ((first, second), (second, first)):
        part = desk.db.begin_nested()
        checked = desk.bring_lines("appointments", HEADER, *order)
        assert "One pair is booked over each other, as the file says." in checked.notes
        assert overlaps(desk.db) == []
        (override,) = desk.db.scalars(select(RuleOverride)).all()
        assert (override.rule.value, override.account_id) == ("overlap", desk.principal.account_id)
        over, under = (
            desk.db.get_one(Appointment, id) for id in (override.appointment_id, override.other_appointment_id)
        )
        assert over.starts_at > under.starts_at, "it is the line's that says so, whichever comes first"
        assert desk.db.scalar(select(func.count()).where(AuditEntry.action == "rule.override")) == 1
        part.rollback()
        desk.db.expire_all()


def test_one_line_may_be_booked_over_several_and_over_what_is_here(desk: Desk) -> None:
    here = visit("V-1", "P-M1", "14:00", chair="Chair 1")
    desk.bring_lines("appointments", HEADER, here)
    both = visit("V-3", "P-W1", "15:00", chair="Chair 1", booked_over="V-1; V-2")
    desk.bring_lines("appointments", HEADER, visit("V-2", "P-M2", "16:00", chair="Chair 1"), both)
    assert overlaps(desk.db) == []
    assert desk.db.scalar(select(func.count(RuleOverride.id))) == 2


def test_only_what_is_named_may_be_booked_over(desk: Desk) -> None:
    first = visit("V-1", "P-M1", "14:00", therapist=THERAPIST)
    second = visit("V-2", "P-M2", "14:00", chair="Chair 1")
    third = visit("V-3", "P-W1", "14:00", therapist=THERAPIST, chair="Chair 1", booked_over="V-1")
    assert [(line, column) for line, column, _ in told(desk, first, second, third)] == [(4, "chair")]
    nobody = visit("V-3", "P-W1", "14:00", booked_over="V-9")
    assert [(column, words[:24]) for _, column, words in told(desk, nobody)] == [
        ("booked over", "No appointment here or i")
    ]


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"therapist_held": "0 to 20"}, "therapist held", "names no therapist"),
        ({"nurse_place": "2"}, "nurse place", "names no nurse"),
        ({"nurse": "-Test Nurse", "nurse_place": "2"}, "nurse place", "watches 1 at once"),
        ({"therapist": THERAPIST, "therapist_held": "later"}, "therapist held", "minutes from the start"),
        ({"therapist": THERAPIST, "prescriber": THERAPIST}, "prescriber", "is the therapist of this line"),
        ({"prescriber": THERAPIST}, "prescriber", "is no prescriber"),
    ],
)
def test_what_cannot_be_held_so(desk: Desk, cells: dict[str, str], column: str, words: str) -> None:
    (fault,) = told(desk, visit("V-1", "P-M1", "14:00", **cells))
    assert fault[1] == column
    assert words in fault[2]
