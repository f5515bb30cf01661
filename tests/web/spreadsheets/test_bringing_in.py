"""A file goes in through its pages: checked first, written when a person says so, the same twice."""

import io

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.store.records import ImportRun, ImportState, Shift
from tests.support.strict_client import StrictClient
from tests.web.spreadsheets.conftest import Send

HEADER = "person,site,day,start,end\r\n"
TWO = (HEADER + "Test Nurse,N,2026-03-09,08:00,16:00\r\nTest Therapist,North,2026-03-09,09:00,17:00\r\n").encode()


def shifts(db: Session) -> list[Shift]:
    db.expire_all()
    return list(db.scalars(select(Shift).order_by(Shift.starts_at)))


def test_a_file_is_checked_and_then_written(db: Session, coordinator: StrictClient, bring: Send) -> None:
    page = bring("shifts", TWO)
    assert "every line is good" in page.words
    assert shifts(db) == []
    run = db.scalars(select(ImportRun)).one()
    answer = coordinator.submit(page, f"/admin/spreadsheets/runs/{run.id}/write")
    assert answer.status_code == 303
    assert "brought in" in coordinator.page(answer.location).words
    assert [(shift.starts_minute, shift.ends_minute) for shift in shifts(db)] == [(480, 960), (540, 1020)]
    assert run.state is ImportState.DONE
    assert run.content is None


def test_the_same_file_again_changes_nothing(db: Session, coordinator: StrictClient, bring: Send) -> None:
    page = bring("shifts", TWO)
    coordinator.submit(page, f"/admin/spreadsheets/runs/{db.scalars(select(ImportRun.id)).one()}/write")
    before = [shift.id for shift in shifts(db)]
    assert "There is nothing to write" in bring("shifts", TWO).words
    assert [shift.id for shift in shifts(db)] == before


def test_the_same_form_with_another_file_is_not_taken_for_the_first(
    db: Session, coordinator: StrictClient, bring: Send
) -> None:
    page = coordinator.page("/admin/spreadsheets/shifts")
    first, again, other = (
        coordinator.submit(page, "/admin/spreadsheets/shifts", {"file": [(io.BytesIO(content), "shifts.csv")]})
        for content in (TWO, TWO, TWO.replace(b"08:00", b"07:00"))
    )
    assert (first.status_code, again.status_code, again.location) == (303, 303, first.location)
    assert other.status_code == 422
    assert len(db.scalars(select(ImportRun.id)).all()) == 1


def test_every_bad_line_is_told_and_nothing_is_written(db: Session, coordinator: StrictClient, bring: Send) -> None:
    bad = TWO + b"Nobody Here,N,2026-03-09,08:00,16:00\r\nTest Nurse,S,2026-03-10,8,16:00\r\n"
    page = bring("shifts", bad)
    assert "2 of 4 lines have to be put right" in page.words
    assert "Nobody on the staff is called “Nobody Here”" in page.words
    assert "None of your sites is called “S”" in page.words
    assert not [form for form in page.forms if form["action"].endswith("/write")]
    listed = coordinator.get(f"/admin/spreadsheets/runs/{db.scalars(select(ImportRun.id)).one()}/lines.csv")
    assert listed.get_data(as_text=True).count("\r\n") == 4
    assert shifts(db) == []


def test_what_was_taken_out_can_be_brought_in_again(db: Session, coordinator: StrictClient, bring: Send) -> None:
    page = bring("shifts", TWO)
    coordinator.submit(page, f"/admin/spreadsheets/runs/{db.scalars(select(ImportRun.id)).one()}/write")
    taken = coordinator.send("/admin/spreadsheets/shifts/all.csv")
    assert taken.headers["Cache-Control"] == "no-store"
    assert "There is nothing to write" in bring("shifts", taken.data).words
