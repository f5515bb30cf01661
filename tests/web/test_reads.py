"""Who opens a patient's record leaves a line before the answer, and so does who tries to, without a flood of them."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from planner.domain.reads import ONE_LINE_WITHIN, READS
from planner.domain.statuses import AppointmentKind
from planner.services import chart_reads
from planner.services.drafts import begin_draft
from planner.store.engine import Store
from planner.store.records import Appointment, AuditEntry, Patient
from planner.web.access import reads_of
from planner.web.reads import Reads
from tests.support.booked_course import BookedCourse
from tests.support.cast import NOW, Cast, Clock, make_cast
from tests.support.demo import app_on, csrf_token, signed_in
from tests.support.strict_client import StrictClient
from tests.web.stage import SignIn, booked, coordinator

__all__ = ["booked", "coordinator"]

#: Things one page is about, by the argument of its address.
Things = dict[str, int]


def reads(db: Session) -> list[tuple[str, str, int | None, int | None, str]]:
    """The reads in the history: who, what, of which object, of which patient, and how it ended."""
    found = db.scalars(select(AuditEntry).where(AuditEntry.action.in_(READS)).order_by(AuditEntry.id))
    return [(row.roles, row.action, row.object_id, row.patient_id, row.outcome) for row in found]


@pytest.fixture
def alder(cast: Cast) -> Patient:
    return cast.patients["alder"]


@pytest.fixture
def things(db: Session, booked: BookedCourse, cast: Cast, alder: Patient) -> Things:
    """Numbers of records of Alder, and the coordinator's draft for Birch."""
    rows = db.scalars(select(Appointment).where(Appointment.course_id == booked.course.id)).all()
    draft = begin_draft(
        db, cast.principals["coordinator"], patient_id=cast.patients["birch"].id,
        protocol_version_id=booked.course.protocol_version_id, step=2, now=NOW,
    )  # fmt: skip
    db.commit()
    return {
        "patient_id": alder.id,
        "course_id": booked.course.id,
        "infusion": next(row.id for row in rows if row.kind is AppointmentKind.INFUSION),
        "session": next(row.id for row in rows if row.kind is AppointmentKind.INTEGRATION),
        "draft_id": draft.id,
    }


@pytest.mark.parametrize(
    ("path", "action", "thing"),
    [
        ("/patients/{patient_id}", "patient.read", "patient_id"),
        ("/patients/{patient_id}/edit", "patient.read", "patient_id"),
        ("/patients/{patient_id}/absences/new", "patient.read", "patient_id"),
        ("/patients/{patient_id}/discharge", "patient.read", "patient_id"),
        ("/patients/{patient_id}/portal", "patient.read", "patient_id"),
        ("/courses/{course_id}", "course.read", "course_id"),
        ("/courses/{course_id}/dates", "course.read", "course_id"),
        ("/courses/{course_id}/changes", "course.read", "course_id"),
        ("/courses/{course_id}/end", "course.read", "course_id"),
        ("/infusions/{infusion}", "appointment.read", "infusion"),
        ("/infusions/{infusion}/move", "appointment.read", "infusion"),
        ("/infusions/{infusion}/cancel", "appointment.read", "infusion"),
        ("/integration/{session}", "appointment.read", "session"),
        ("/integration/{session}/move", "appointment.read", "session"),
        ("/courses/new/{draft_id}/2", "draft.read", "draft_id"),
    ],
)
def test_opening_a_page_of_one_patient_leaves_one_line(
    coordinator: StrictClient, db: Session, cast: Cast, things: Things, path: str, action: str, thing: str
) -> None:
    assert coordinator.get(path.format(**things)).status_code == 200
    whose = cast.patients["birch" if thing == "draft_id" else "alder"]
    assert reads(db) == [("coordinator", action, things[thing], whose.id, "ok")]


def test_a_line_holds_ids_only(coordinator: StrictClient, db: Session, cast: Cast, alder: Patient) -> None:
    coordinator.get(f"/patients/{alder.id}")
    row = db.scalars(select(AuditEntry).where(AuditEntry.action == "patient.read")).one()
    assert (row.account_id, row.address) == (cast.accounts["coordinator"].id, "127.0.0.1")
    assert (row.object_type, row.detail, row.change_set_id) == ("patient", {}, None)


def test_a_preview_that_is_sent_is_a_read(coordinator: StrictClient, db: Session, things: Things) -> None:
    path = f"/infusions/{things['infusion']}/move"
    assert coordinator.send(path, {"day": "2026-13-45", "time": "late"}).status_code == 422
    assert reads(db)[0][1:3] == ("appointment.read", things["infusion"])


def test_going_through_the_pages_of_a_record_is_one_look(
    coordinator: StrictClient, db: Session, clock: Clock, things: Things
) -> None:
    course = f"/courses/{things['course_id']}"
    for path in (course, f"{course}/dates", course, f"{course}/changes"):
        coordinator.get(path)
    coordinator.get(course, headers={"HX-Request": "true"})
    coordinator.head(course)
    assert len(reads(db)) == 1
    clock.now += ONE_LINE_WITHIN - timedelta(seconds=1)
    coordinator.get(course)
    assert len(reads(db)) == 1
    clock.pass_time(seconds=1)
    coordinator.get(course)
    assert len(reads(db)) == 2


def test_another_person_and_another_address_are_other_looks(
    app: Flask, sign_in: SignIn, db: Session, alder: Patient
) -> None:
    path = f"/patients/{alder.id}"
    for who in ("coordinator", "nurse", "coordinator"):
        sign_in(who).get(path)
    assert [row[0] for row in reads(db)] == ["coordinator", "nurse"]
    sign_in("coordinator").get(path, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert [row[0] for row in reads(db)] == ["coordinator", "nurse", "coordinator"]


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("therapist", "/patients/{birch}"),  # not theirs
        ("coordinator-south", "/patients/{alder}"),  # another site
        ("coordinator-south", "/patients/{alder}/edit"),
        ("nurse", "/patients/{alder}/edit"),  # not a nurse's to do
        ("admin", "/patients/{alder}"),  # sees no patient
        ("patient-two", "/patients/{alder}"),
    ],
)
def test_a_refused_read_of_an_existing_record_leaves_a_line(
    sign_in: SignIn, db: Session, cast: Cast, who: str, path: str
) -> None:
    ids = {name: patient.id for name, patient in cast.patients.items()}
    whose = ids["birch" if "birch" in path else "alder"]
    client = sign_in(who)
    assert client.get(path.format(**ids)).status_code == 404
    assert client.get(path.format(**ids)).status_code == 404
    assert [row[1:] for row in reads(db)] == [("patient.read", whose, whose, "refused")]


def test_a_refused_act_leaves_a_line_too(sign_in: SignIn, db: Session, cast: Cast, things: Things) -> None:
    answer = sign_in("nurse").post(f"/infusions/{things['infusion']}/move", data={})
    assert answer.status_code == 403
    assert reads(db) == [("nurse", "appointment.read", things["infusion"], cast.patients["alder"].id, "refused")]


def test_somebody_else_s_plan_is_a_refused_read(sign_in: SignIn, db: Session, things: Things) -> None:
    assert sign_in("coordinator-south").get(f"/courses/new/{things['draft_id']}/2").status_code == 404
    assert [row[1:3] + row[4:] for row in reads(db)] == [("draft.read", things["draft_id"], "refused")]


@pytest.mark.parametrize("path", ["/patients/999999", "/courses/999999", "/infusions/999999", "/courses/new/999999/2"])
def test_what_is_not_there_leaves_no_line(coordinator: StrictClient, db: Session, path: str) -> None:
    assert coordinator.get(path).status_code == 404
    assert reads(db) == []


def test_the_wrong_page_for_one_s_own_record_shows_nothing_and_leaves_no_line(
    coordinator: StrictClient, sign_in: SignIn, db: Session, things: Things
) -> None:
    for path in (f"/infusions/{things['session']}", f"/integration/{things['infusion']}"):
        assert coordinator.get(path).status_code == 404
    assert reads(db) == []
    assert sign_in("coordinator-south").get(f"/infusions/{things['session']}").status_code == 404
    assert [row[4] for row in reads(db)] == ["refused"]


def test_nobody_signed_in_leaves_no_line(client: StrictClient, db: Session, alder: Patient) -> None:
    assert client.get(f"/patients/{alder.id}").status_code == 303
    assert reads(db) == []


def test_patients_read_their_own_without_a_line_and_others_in_vain(
    sign_in: SignIn, db: Session, cast: Cast, things: Things
) -> None:
    own, other = sign_in("patient"), sign_in("patient-two")
    path = f"/my/dates/{things['infusion']}"
    assert [own.get(page).status_code for page in ("/my", "/my/dates", path)] == [200, 200, 200]
    assert reads(db) == []
    assert other.get(path).status_code == 404
    assert reads(db) == [("patient", "appointment.read", things["infusion"], cast.patients["alder"].id, "refused")]


def test_lists_leave_a_line_with_how_many_they_show(fresh_store: Store) -> None:
    """On a database with connections of its own: a list is written down while its view still reads."""
    with fresh_store.writing() as db:
        account = make_cast(db).accounts["coordinator"]
        cookie = signed_in(db, account, NOW)
    client: Any = app_on(fresh_store, Clock()).test_client()
    client.set_cookie("planner", cookie)
    client.csrf_token = csrf_token()

    def lines() -> list[tuple[str, int, int | None]]:
        with fresh_store.reading() as db:
            found = db.scalars(select(AuditEntry).where(AuditEntry.action == "list.read").order_by(AuditEntry.id))
            return [(row.object_type, row.detail["shown"], row.patient_id) for row in found]

    for path in ("/patients", "/courses", "/courses/new", "/patients", "/today", "/rosters"):
        assert client.get(path).status_code == 200
    assert lines() == [("patients", 2, None)], "an empty list of courses shows nobody"
    for words in ("alder", "test patient"):
        client.send("/find", {"words": words})
        assert client.get("/find").status_code == 200
        assert client.get("/find").status_code == 200
    assert lines()[1:] == [("search", 1, None), ("search", 2, None)], "more than was noted is noted"


def test_a_list_that_shows_nobody_leaves_no_line(coordinator: StrictClient, sign_in: SignIn, db: Session) -> None:
    coordinator.send("/find", {"words": "nobody is called this"})
    assert coordinator.get("/find").status_code == 200
    assert sign_in("admin").get("/find").status_code == 200
    assert reads(db) == []


@pytest.fixture
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The history takes no read, as on a full disk."""

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(chart_reads, "record", fail)


@pytest.mark.usefixtures("nothing_is_kept")
def test_what_cannot_be_written_down_is_not_answered(
    coordinator: StrictClient, cast: Cast, db: Session, things: Things
) -> None:
    paths = [f"/patients/{things['patient_id']}", f"/courses/{things['course_id']}/changes", "/patients", "/courses"]
    for path in paths:
        answer = coordinator.get(path)
        assert answer.status_code == 503
        assert "We are not open just now" in answer.text
        assert "Alder" not in answer.text
        assert "P-1" not in answer.text
    assert coordinator.get("/today").status_code == 200, "the day goes on"
    assert reads(db) == []


@pytest.mark.usefixtures("nothing_is_kept")
def test_nothing_is_changed_where_the_read_cannot_be_written_down(
    coordinator: StrictClient, db: Session, alder: Patient
) -> None:
    assert coordinator.send(f"/patients/{alder.id}/discharge", version=1).status_code == 503
    db.refresh(alder)
    assert alder.active


@pytest.mark.usefixtures("nothing_is_kept")
def test_a_refusal_tells_not_by_its_fault_that_the_record_is_there(sign_in: SignIn, cast: Cast) -> None:
    client = sign_in("therapist")
    there, not_there = client.get(f"/patients/{cast.patients['birch'].id}"), client.get("/patients/999999")
    assert (there.status_code, not_there.status_code) == (404, 404)


def test_the_line_is_there_before_the_view_begins(
    app: Flask, coordinator: StrictClient, db: Session, alder: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def view(patient_id: int) -> str:
        seen.append(len(reads(db)))
        raise RuntimeError("the page breaks")

    declared = app.view_functions["patients.patient"]
    view.__dict__.update(declared.__dict__)
    monkeypatch.setitem(app.view_functions, "patients.patient", view)
    assert coordinator.get(f"/patients/{alder.id}").status_code == 500
    assert seen == [1]
    assert len(reads(db)) == 1


def test_a_course_s_history_tells_changes_and_not_who_looked(coordinator: StrictClient, things: Things) -> None:
    path = f"/courses/{things['course_id']}/changes"
    before = coordinator.page(path).words
    coordinator.get(f"/infusions/{things['infusion']}")
    assert coordinator.page(path).words == before


def test_every_declaration_names_a_part_of_its_address(app: Flask) -> None:
    wrong = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if isinstance(declared := reads_of(app.view_functions[rule.endpoint]), Reads)
        and declared.argument not in rule.arguments
    ]
    assert wrong == []
