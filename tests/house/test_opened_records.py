"""In the demo clinic: a page of one patient's record writes down what it answers, whoever asks for it."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from planner.domain.reads import About
from planner.domain.statuses import AppointmentKind
from planner.store.records import Account, Appointment, AuditEntry, Course, Patient, PlanDraft
from planner.web.access import reads_of
from planner.web.reads import Reads
from tests.house.conftest import WHO, Stage
from tests.support.demo import EMAILS, ROLES

FIRST_ERROR = 400
SEE_OTHER = 303
#: Further parts of an address.
PARTS = {"act": "invite", "place": 1, "change_set_id": 1}
HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)


def charts(app: Flask) -> Iterator[tuple[Rule, Reads]]:
    """Every address that opens one patient's record."""
    for rule in app.url_map.iter_rules():
        declared = reads_of(app.view_functions[rule.endpoint])
        if isinstance(declared, Reads) and "GET" in (rule.methods or ()):
            yield rule, declared


@pytest.fixture(scope="module")
def some(stage: Stage) -> dict[About, list[int]]:
    """The first and the last record of each kind."""
    is_infusion, in_course = Appointment.kind == AppointmentKind.INFUSION, Appointment.course_id.is_not(None)
    queries = {
        About.PATIENT: select(Patient.id),
        About.COURSE: select(Course.id),
        About.DRAFT: select(PlanDraft.id),
        About.INFUSION: select(Appointment.id).where(is_infusion, in_course),
        About.SESSION: select(Appointment.id).where(~is_infusion, in_course),
        About.LOOSE: select(Appointment.id).where(~in_course),
        About.DATE: select(Appointment.id).where(in_course),
    }
    with stage.demo.store.reading() as db:
        found = {about: sorted(db.scalars(query)) for about, query in queries.items()}
    return {about: sorted({ids[0], ids[-1]}) for about, ids in found.items()}


@pytest.mark.parametrize("who", ROLES)
def test_what_is_written_down_is_what_was_answered(stage: Stage, some: dict[About, list[int]], who: str) -> None:
    """Each page is asked for from a network address of its own, so that each asking would be a line of its own."""
    client, faults, shown = stage.client(who), [], 0
    urls = stage.demo.app.url_map.bind("localhost")
    asked = [(rule, declared, number) for rule, declared in charts(stage.demo.app) for number in some[declared.about]]
    for place, (rule, declared, number) in enumerate(asked):
        parts = {name: PARTS.get(name) for name in rule.arguments}
        path = urls.build(rule.endpoint, {**parts, declared.argument: number})
        address = f"2001:db8::{ROLES.index(who)}:{place:x}"
        status = client.get(path, environ_base={"REMOTE_ADDR": address}).status_code
        if status == SEE_OTHER:
            continue  # it shows nothing and leads on to a page that is asked for here too
        answered = status < FIRST_ERROR
        shown += answered
        expected = (["ok"] if not declared.own else []) if answered else ["refused"]
        if (written := noted(stage, who, number, address)) != expected:
            faults.append(f"{path}: {written}, not {expected}")
    assert faults == []
    assert shown or who == "admin"


def noted(stage: Stage, who: str, number: int, address: str) -> list[str]:
    """How the reads of the record from this address ended."""
    with stage.demo.store.reading() as db:
        query = select(AuditEntry.outcome).join(Account, Account.id == AuditEntry.account_id)
        found = query.where(
            Account.email == EMAILS[who],
            AuditEntry.address == address,
            AuditEntry.object_id == number,
            AuditEntry.patient_id.is_not(None),
        )
        return list(db.scalars(found))


def test_a_page_that_names_a_patient_in_its_heading_writes_its_reads_down(stage: Stage) -> None:
    """Whatever its address looks like."""
    with stage.demo.store.reading() as db:
        called = [word for row in db.execute(select(Patient.code, Patient.name)) for word in row]
    views = {rule.rule: stage.demo.app.view_functions[rule.endpoint] for rule in stage.demo.app.url_map.iter_rules()}
    named, unsaid = set(), set()
    for one in (one for who in WHO for one in stage.walk(who).seen):
        heading = " ".join(HEADING.findall(one.markup))
        if any(word in heading for word in called):
            named.add(one.pattern)
            unsaid |= {one.pattern} if not isinstance(reads_of(views[one.pattern]), Reads) else set()
    assert unsaid == set()
    assert {"/patients/<id:patient_id>", "/courses/<id:course_id>", "/infusions/<id:appointment_id>"} <= named
