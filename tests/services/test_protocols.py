"""Protocols in the database: shipped ones, new versions, and the ones courses keep."""

import copy

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from planner.domain.errors import FieldError, NotFound
from planner.domain.protocols import ProtocolInvalid
from planner.services.protocols import install_shipped_protocols, newest_version, protocol_of, save_version
from planner.services.shipped import SHIPPED_SLUGS, shipped_document, shipped_protocol
from planner.store.queries.clinic import protocols
from planner.store.records import AuditEntry, ProtocolRecord
from tests import builders
from tests.builders import NOW

SLUG = "iv-racemic-twice-weekly"


@pytest.fixture
def coordinator(db: Session):
    install_shipped_protocols(db, NOW)
    return builders.coordinator(db, builders.site(db))


def test_the_shipped_protocols_go_in_once_and_on_or_off_as_they_say(db: Session) -> None:
    assert len(install_shipped_protocols(db, NOW)) == len(SHIPPED_SLUGS)
    assert install_shipped_protocols(db, NOW) == []
    rows = protocols(db)
    assert [row.slug for row in rows] == list(SHIPPED_SLUGS)
    assert [row.enabled for row in rows] == [shipped_protocol(slug).enabled_by_default for slug in SHIPPED_SLUGS]
    assert {row.slug for row in rows} - {row.slug for row in protocols(db, only_enabled=True)} >= {"nad"}


def test_a_stored_protocol_is_the_one_its_document_says(db: Session, coordinator) -> None:
    version = newest_version(db, SLUG)
    assert protocol_of(db, version.id) == shipped_protocol(SLUG)
    assert protocol_of(db, version.id) is protocol_of(db, version.id)
    with pytest.raises(NotFound):
        protocol_of(db, 999_999)
    with pytest.raises(NotFound):
        newest_version(db, "no-such")


def test_a_changed_document_becomes_the_next_version_and_courses_keep_theirs(db: Session, coordinator) -> None:
    first = newest_version(db, SLUG)
    course = builders.course(db, builders.patient(db, builders.site(db)), first)
    document = shipped_document(SLUG)
    document["integration"]["window"]["closes_h"]["value"] = 71
    document["integration"]["window"]["knots"][3]["hours"]["value"] = 71
    second = save_version(db, coordinator, first.protocol_id, document, "Dr Test", NOW)
    assert (second.number, second.signed_by, second.signed_at) == (2, "Dr Test", NOW)
    assert newest_version(db, SLUG).id == second.id
    windows = [protocol_of(db, version.id).integration.window for version in (first, second)]
    assert [window.closes_h for window in windows if window] == [72, 71]
    assert course.protocol_version_id == first.id
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "protocol.version")).one()
    assert entry.detail == {"version": 2}
    assert [row.number for row in protocols(db) if row.slug == SLUG] == [2]


def test_a_version_that_a_course_uses_cannot_be_rewritten(db: Session, coordinator) -> None:
    version = newest_version(db, SLUG)
    builders.course(db, builders.patient(db, builders.site(db)), version)
    with pytest.raises(DatabaseError, match="protocol_version_immutable"), db.begin_nested():
        version.document = copy.deepcopy(version.document) | {"name": "Rewritten"}
        db.flush()


def test_a_document_that_cannot_be_is_refused_with_its_faults(db: Session, coordinator) -> None:
    row = db.scalars(select(ProtocolRecord).where(ProtocolRecord.slug == SLUG)).one()
    document = shipped_document(SLUG)
    document["integration"]["window"]["knots"].reverse()
    with pytest.raises(ProtocolInvalid) as refused:
        save_version(db, coordinator, row.id, document, "Dr Test", NOW)
    assert any(path.startswith("integration.window") for path, _ in refused.value.problems)
    for wrong, error in (
        ({"signed_by": " "}, FieldError),
        ({"document": shipped_document("nad")}, FieldError),
        ({"protocol_id": 999_999}, NotFound),
    ):
        asked = {"protocol_id": row.id, "document": shipped_document(SLUG), "signed_by": "Dr Test"} | wrong
        with pytest.raises(error):
            save_version(db, coordinator, now=NOW, **asked)
    assert newest_version(db, SLUG).number == 1
