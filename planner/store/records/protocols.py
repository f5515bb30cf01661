"""Protocols as versioned data. A version that a course uses cannot change: triggers refuse it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, UtcInstant


class ProtocolRecord(Base):
    """A named protocol of the clinic. `enabled` decides whether new courses may use it."""

    __tablename__ = "protocol"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    enabled: Mapped[bool] = mapped_column(default=False)


class ProtocolVersion(Base):
    """One version of a protocol's numbers as a document (see `planner.domain.protocol_parsing`), with who signed it.

    `note` says in the signer's words why it was changed.
    """

    __tablename__ = "protocol_version"
    __table_args__ = (UniqueConstraint("protocol_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    protocol_id: Mapped[int] = mapped_column(ForeignKey("protocol.id"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    signed_by: Mapped[str] = mapped_column(String(120), default="")
    signed_at: Mapped[datetime | None] = mapped_column(UtcInstant)
    note: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcInstant)


class ProtocolDraft(Base):
    """Changes to a protocol that no prescriber has signed yet. They began from version `base_number`.

    `previous` is what stood before the last change of them, which can be undone; nothing once that was undone, or
    once they were signed or thrown away.
    """

    __tablename__ = "protocol_draft"

    id: Mapped[int] = mapped_column(primary_key=True)
    protocol_id: Mapped[int] = mapped_column(ForeignKey("protocol.id"), unique=True)
    base_number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    updated_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    updated_at: Mapped[datetime] = mapped_column(UtcInstant)
    version: Mapped[int] = mapped_column(default=1)
