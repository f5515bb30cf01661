"""What an account looked at lately, and the filters it keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from planner.store.base import Base, UtcInstant


class RecentVisit(Base):
    """A patient, course or member of staff that an account opened lately. Shown only while it may still see it."""

    __tablename__ = "recent_visit"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    object_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcInstant)


class SavedFilter(Base):
    """A way of narrowing down a list that an account keeps under a name. It holds no patient's name."""

    __tablename__ = "saved_filter"
    __table_args__ = (UniqueConstraint("account_id", "page", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    page: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(60))
    choices: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcInstant)
