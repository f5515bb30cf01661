"""An import on its page: waiting, running, stopped, stale, another person's; and who may come here at all."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.store.records import (
    Appointment,
    AuditEntry,
    Closure,
    Holdable,
    HoldableKind,
    ImportRun,
    ImportState,
    NurseLane,
    Occupancy,
    Patient,
)
from tests.support.cast import NOW, Cast, Clock
from tests.support.imports import InlineImports
from tests.support.strict_client import StrictClient
from tests.web.spreadsheets.conftest import Send

GOOD = b"site,day\nN,2026-05-01\n"
SignIn = Callable[[str], StrictClient]


def only_run(db: Session) -> ImportRun:
    db.expire_all()
    return db.scalars(select(ImportRun)).one()


def url(db: Session, act: str = "") -> str:
    return f"/admin/spreadsheets/runs/{only_run(db).id}{act and '/' + act}"


def test_a_running_import_asks_for_itself_and_can_be_left(
    db: Session, coordinator: StrictClient, bring: Send, imports: InlineImports
) -> None:
    imports.held = True
    page = bring("closures", GOOD)
    assert "waiting to be read" in page.words
    text = coordinator.get(url(db)).text
    assert 'hx-trigger="every 1s"' in text
    assert '<noscript><meta http-equiv="refresh"' in text
    imports.progress.tell(only_run(db).id, 400, 1_000, NOW)
    part = coordinator.get(url(db), headers={"HX-Request": "true"})
    assert "400 of 1,000 lines checked" in part.text
    assert "<html" not in part.text
    imports.work(only_run(db).id)
    done = coordinator.get(url(db), headers={"HX-Request": "true"}).text
    assert "hx-trigger" not in done
    assert "every line is good" in done
    assert url(db) in coordinator.page("/admin/spreadsheets").links


def test_an_import_is_stopped(db: Session, coordinator: StrictClient, bring: Send, imports: InlineImports) -> None:
    imports.held = True
    page = bring("closures", GOOD)
    answer = coordinator.submit(page, url(db, "stop"))
    assert "Stopped. Nothing was written." in coordinator.page(answer.location).words
    assert (only_run(db).state, only_run(db).content) == (ImportState.STOPPED, None)
    imports.work(only_run(db).id)
    assert only_run(db).state is ImportState.STOPPED


def test_an_import_whose_process_died_is_started_again(
    db: Session, coordinator: StrictClient, bring: Send, imports: InlineImports, clock: Clock
) -> None:
    imports.held = True
    bring("closures", GOOD)
    clock.pass_time(seconds=31)
    page = coordinator.page(url(db))
    assert "Nothing was written. Start it again." in page.words
    imports.held = False
    answer = coordinator.submit(page, url(db, "again"))
    assert "every line is good" in coordinator.page(answer.location).words


def test_a_sign_of_life_beside_the_database_counts(
    db: Session, coordinator: StrictClient, bring: Send, imports: InlineImports, clock: Clock
) -> None:
    imports.held = True
    bring("closures", GOOD)
    clock.pass_time(seconds=60)
    imports.progress.tell(only_run(db).id, 1, 2, clock() - timedelta(seconds=2))
    assert "1 of 2 lines checked" in coordinator.page(url(db)).words


def test_a_stale_page_writes_nothing(db: Session, coordinator: StrictClient, bring: Send) -> None:
    bring("closures", GOOD)
    answer = coordinator.send(url(db, "write"), version=1)
    assert answer.status_code == 409
    assert db.scalar(select(func.count()).select_from(Closure)) == 0


def test_a_file_with_bad_lines_is_never_written(db: Session, coordinator: StrictClient, bring: Send) -> None:
    bring("closures", GOOD + b"N,soon\n")
    answer = coordinator.send(url(db, "write"), version=only_run(db).version)
    assert answer.status_code == 422
    assert db.scalar(select(func.count()).select_from(Closure)) == 0


def test_another_persons_import_is_not_there(db: Session, bring: Send, sign_in: SignIn) -> None:
    bring("closures", GOOD)
    other = sign_in("coordinator-south")
    assert other.get(url(db)).status_code == 404
    assert other.get(url(db, "lines.csv")).status_code == 404
    for act in ("write", "again", "stop"):
        assert other.send(url(db, act), version=3).status_code == 404
    assert only_run(db).state is ImportState.CHECKED


@pytest.mark.parametrize("who", ["admin", "nurse", "therapist", "prescriber", "patient"])
def test_files_are_for_coordinators(imports: InlineImports, sign_in: SignIn, who: str) -> None:
    client = sign_in(who)
    for path in ("", "/patients", "/patients/empty.csv", "/runs/1"):
        assert client.get(f"/admin/spreadsheets{path}").status_code == 404
    for path in ("/patients", "/patients/all.csv"):
        assert client.send(f"/admin/spreadsheets{path}").status_code == 403


def test_taking_out_is_kept_to_ones_own_sites_and_in_the_history(
    db: Session, cast: Cast, coordinator: StrictClient
) -> None:
    cast.patients["alder"].escort = "=cmd|'/c calc'!A1"
    db.commit()
    page = coordinator.page("/admin/spreadsheets/patients")
    taken = coordinator.submit(page, "/admin/spreadsheets/patients/all.csv")
    assert taken.mimetype == "text/csv"
    assert taken.headers["Cache-Control"] == "no-store"
    assert taken.headers["Content-Disposition"] == 'attachment; filename="patients-2026-03-04-1.csv"'
    assert cast.patients["alder"].code in taken.text
    assert cast.patients["cedar"].code not in taken.text
    assert "\"'=cmd|" in taken.text
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "export.take")).one()
    assert (entry.object_id, entry.at, entry.account_id) == (1, NOW, cast.accounts["coordinator"].id)
    assert entry.detail == {"kind": "patients", "rows": taken.text.count("\r\n") - 1}


def test_every_kind_explains_itself_and_gives_an_empty_file_and_an_example(coordinator: StrictClient) -> None:
    pages = [link for link in coordinator.page("/admin/spreadsheets").links if link.count("/") == 3]
    assert len(pages) == 7
    for path in pages:
        page = coordinator.page(path)
        empty, example = (coordinator.get(f"{path}/{name}.csv") for name in ("empty", "example"))
        assert (empty.data.count(b"\r\n"), example.data.count(b"\r\n")) == (1, 2)
        assert all(header.strip('"') in page.words for header in empty.data.decode("utf-8-sig").strip().split(","))
    assert coordinator.get("/admin/spreadsheets/nothing").status_code == 404


def test_a_calendar_is_brought_in_for_a_site(db: Session, cast: Cast, coordinator: StrictClient, bring: Send) -> None:
    code = db.scalar(select(Patient.code).where(Patient.id == cast.patients["alder"].id))
    event = f"BEGIN:VEVENT\nUID:1\nDTSTART:20260401T140000\nDTEND:20260401T150000\nSUMMARY:{code}\nEND:VEVENT\n"
    content = f"BEGIN:VCALENDAR\n{event}END:VCALENDAR\n".encode()
    page = bring("appointments", content, "book.ics", kind="session", therapist="Test Therapist")
    assert "Import 1 appointment" in coordinator.get(url(db)).text
    assert "Read as a calendar with 1 events" in page.words
    answer = coordinator.submit(page, url(db, "write"))
    assert "brought in" in coordinator.page(answer.location).words


def test_an_appointment_of_no_course_has_its_page(
    db: Session, cast: Cast, coordinator: StrictClient, bring: Send
) -> None:
    header = "patient,kind,site,day,start,end,therapist"
    lines = [f"{cast.patients['alder'].code},{kind},N,2026-04-0{n},14:00,15:00,Test Therapist"
             for n, kind in enumerate(("visit", "session", "first talk", "follow-up", "assessment"), 1)]  # fmt: skip
    page = bring("appointments", "\n".join([header, *lines]).encode())
    coordinator.submit(page, url(db, "write"))
    for appointment in db.scalars(select(Appointment).order_by(Appointment.id)).all():
        path = f"/appointments/{appointment.id}"
        page = coordinator.page(path)
        assert cast.patients["alder"].code in page.headings[0]
        assert coordinator.submit(page, f"{path}/mark", {"status": "fulfilled"}).status_code == 404, "it is to come"
        answer = coordinator.submit(page, f"{path}/mark", {"status": "cancelled"})
        assert answer.status_code == 303
        assert "Cancel" not in [button for button in coordinator.page(path).words.split()]
    assert db.scalar(select(func.count()).select_from(Occupancy)) == 0


def test_lists_lead_to_the_page_of_an_appointment_of_no_course(
    db: Session, cast: Cast, coordinator: StrictClient, bring: Send, sign_in: SignIn
) -> None:
    header = "patient,kind,site,day,start,end,therapist,nurse"
    lines = (
        f"{cast.patients['alder'].code},visit,N,2026-03-04,10:00,11:00,,Test Nurse",
        f"{cast.patients['birch'].code},session,N,2026-03-04,12:00,13:00,Test Therapist,",
    )
    db.add(NurseLane(person_id=cast.people["nurse"].id, number=1, holdable_id=_lane(db)))
    db.commit()
    page = bring("appointments", "\n".join([header, *lines]).encode())
    coordinator.submit(page, url(db, "write"))
    ids = db.scalars(select(Appointment.id)).all()
    assert len(ids) == 2
    for client in (coordinator, sign_in("nurse"), sign_in("therapist"), sign_in("prescriber")):
        links = {link for link in client.page("/today").links if link.startswith(("/appointments/", "/inf", "/integ"))}
        assert links <= {f"/appointments/{id}" for id in ids}
        assert all(client.get(link).status_code == 200 for link in links)
    assert sign_in("coordinator-south").get(f"/appointments/{ids[0]}").status_code == 404
    assert sign_in("patient").get("/my/dates").status_code == 200


def _lane(db: Session) -> int:
    lane = Holdable(kind=HoldableKind.LANE)
    db.add(lane)
    db.flush()
    return lane.id
