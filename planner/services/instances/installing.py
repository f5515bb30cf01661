"""An instance's protocols as protocols of the clinic, switched on and signed by the instance itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.services.instances.policies import document_of, parsed
from planner.store.records import ProtocolRecord, ProtocolVersion

if TYPE_CHECKING:
    from planner.services.instances.bringing import Brought


def add_protocols(db: Session, brought: Brought, now: datetime) -> None:
    """A protocol for each that is in the file, and one with the therapist present for those who want that."""
    instance = brought.instance
    wanted = {(name, False) for name in instance.protocols}
    wanted |= {(patient.protocol, patient.therapist_present) for patient in instance.patients}
    known = set(db.scalars(select(ProtocolRecord.slug)))
    for name, present in sorted(wanted):
        slug = _slug(name + (" therapist present" if present else ""), known)
        known.add(slug)
        document = document_of(instance.id, slug, name, instance.protocols[name], with_therapist=present)
        protocol = parsed(document)
        row = ProtocolRecord(slug=slug, name=protocol.name, enabled=True)
        db.add(row)
        db.flush()
        version = ProtocolVersion(
            protocol_id=row.id,
            number=1,
            document=document,
            signed_by=f"Planning instance {instance.id}",
            created_at=now,
        )
        db.add(version)
        db.flush()
        brought.versions[name, present] = version


def _slug(name: str, known: set[str]) -> str:
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.lower()).split()
    slug = base = "-".join(words)[:48].strip("-") or "protocol"
    number = 1
    while slug in known:
        number += 1
        slug = f"{base}-{number}"
    return slug
