"""Protocols in the database: the shipped ones put in, and new versions signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import FieldError, NotFound
from planner.domain.plain_text import as_read
from planner.domain.protocol_parsing import parse_protocol
from planner.domain.protocols import Protocol, ProtocolInvalid
from planner.services.auditing import record
from planner.services.places import one_line, refuse_taken
from planner.services.shipped import SHIPPED_SLUGS, shipped_document
from planner.store.queries.clinic import protocols
from planner.store.queries.protocols import standing
from planner.store.records import ProtocolRecord, ProtocolVersion
from planner.store.sheets import protocol_of_version

#: Who signed the shipped documents: nobody at the clinic has yet, and the page says so.
SHIPPED = "Shipped with the planner"


def install_shipped_protocols(db: Session, now: datetime) -> list[ProtocolVersion]:
    """Put in every shipped protocol that is not there yet as version 1, switched on as its document says."""
    known = set(db.scalars(select(ProtocolRecord.slug)))
    installed = []
    for slug in SHIPPED_SLUGS:
        if slug in known:
            continue
        document = shipped_document(slug)
        protocol = parse_protocol(document)
        row = ProtocolRecord(slug=slug, name=protocol.name, enabled=protocol.enabled_by_default)
        db.add(row)
        db.flush()
        installed.append(
            ProtocolVersion(protocol_id=row.id, number=1, document=document, signed_by=SHIPPED, created_at=now)
        )
        db.add(installed[-1])
    db.flush()
    return installed


def protocol_of(db: Session, version_id: int) -> Protocol:
    """The protocol of one stored version, parsed once per document and process. Raises NotFound."""
    return protocol_of_version(db, version_id)


def newest_version(db: Session, slug: str) -> ProtocolVersion:
    """The version that new courses use. Raises NotFound for an unknown protocol."""
    found = db.scalar(
        select(ProtocolVersion)
        .join(ProtocolRecord, ProtocolRecord.id == ProtocolVersion.protocol_id)
        .where(ProtocolRecord.slug == slug)
        .order_by(ProtocolVersion.number.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound(f"There is no protocol called “{slug[:60]}”.")
    return found


def save_version(
    db: Session,
    principal: Principal,
    protocol_id: int,
    document: Mapping[str, Any],
    signed_by: str,
    now: datetime,
    *,
    note: str = "",
) -> ProtocolVersion:
    """Keep a changed document as the next version; `note` says why. Courses already planned keep theirs.

    Raises NotFound, FieldError at `signed_by` or `slug`, and ProtocolInvalid with every fault at its dotted path.
    """
    row = db.get(ProtocolRecord, protocol_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such protocol.")
    signed_by = one_line(signed_by, "signed_by", 120)
    protocol = parse_protocol(document)
    if protocol.slug != row.slug:
        raise FieldError("slug", f"This document is about another protocol; here it must be “{row.slug}”.")
    latest = db.scalar(select(func.max(ProtocolVersion.number)).where(ProtocolVersion.protocol_id == row.id))
    version = ProtocolVersion(
        protocol_id=row.id,
        number=(latest or 0) + 1,
        document=dict(document),
        signed_by=signed_by,
        signed_at=now,
        note=note,
        created_at=now,
    )
    row.name = protocol.name
    db.add(version)
    db.flush()
    record(
        db,
        principal,
        action="protocol.version",
        object_type="protocol",
        object_id=row.id,
        now=now,
        detail={"version": version.number},
    )
    return version


def switch_protocol(db: Session, principal: Principal, protocol_id: int, *, enabled: bool, now: datetime) -> str:
    """Offer a protocol for new courses, or no longer; its name. Courses that go by it go on.

    Raises NotPermitted, NotFound.
    """
    require(principal, Permission.PROTOCOLS_SIGN)
    row = db.get(ProtocolRecord, protocol_id, with_for_update=True)
    if row is None:
        raise NotFound("There is no such protocol.")
    if row.enabled != enabled:
        row.enabled = enabled
        db.flush()
        record(
            db,
            principal,
            action="protocol.offer" if enabled else "protocol.withdraw",
            object_type="protocol",
            object_id=row.id,
            now=now,
        )
    return row.name


def refuse_same_name(db: Session, name: str, *, besides: int | None = None, field: str = "name") -> None:
    """Raise FieldError (at `field`) when another protocol's name reads the same: who plans chooses by it.

    `besides` is the id of the protocol that may have it.
    """
    others = db.execute(select(ProtocolRecord.id, ProtocolRecord.name))
    if any(as_read(other) == as_read(name) for number, other in others if number != besides):
        raise FieldError(field, "Another protocol has this name already.")


def copy_protocol(
    db: Session, principal: Principal, protocol_id: int, *, name: str, slug: str, now: datetime
) -> ProtocolRecord:
    """A protocol of the clinic's own that begins as the newest version of another says; not offered, not signed yet.

    Raises NotPermitted, NotFound, FieldError at `name` or `slug`.
    """
    require(principal, Permission.PROTOCOLS_WRITE)
    original = standing(db, protocol_id)
    name, slug = one_line(name, "name", 120), one_line(slug, "slug", 60)
    refuse_taken(db, ProtocolRecord.slug, slug, "slug", "Another protocol has this short name already.")
    refuse_same_name(db, name)
    document = original.document | {"slug": slug, "name": name}
    try:
        parse_protocol(document)
    except ProtocolInvalid as invalid:
        raise FieldError(*invalid.problems[0]) from invalid
    row = ProtocolRecord(slug=slug, name=name, enabled=False)
    db.add(row)
    db.flush()
    origin = f"Copied from “{original.name[:70]}”, version {original.number}"
    db.add(ProtocolVersion(protocol_id=row.id, number=1, document=document, signed_by=origin, created_at=now))
    db.flush()
    record(
        db,
        principal,
        action="protocol.copy",
        object_type="protocol",
        object_id=row.id,
        now=now,
        detail={"from": original.id, "version": original.number},
    )
    return row


def signed_protocols(db: Session) -> int:
    """How many protocols that new courses may use were signed by a person in their newest version. One query."""
    return sum(row.enabled and row.signed_at is not None for row in protocols(db, only_enabled=True))


__all__ = [
    "ProtocolInvalid",
    "copy_protocol",
    "install_shipped_protocols",
    "newest_version",
    "protocol_of",
    "save_version",
    "signed_protocols",
    "switch_protocol",
]
