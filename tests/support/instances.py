"""Planning instances for tests: the files, a clinic made of one, and whoever brings it in and plans."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.walltime import day_span
from planner.services.accounts import create_account
from planner.services.instances.bringing import bring_in
from planner.services.instances.parsing import parse_instance
from planner.services.instances.shapes import Instance
from planner.services.signing_in import signed_in_as
from planner.store.records import Account
from tests.support.cast import PASSWORD_HASH

FILES = Path(__file__).parents[1] / "services" / "instances" / "data"
SMALL = "S"
HARD = ("a04-weekend-window", "a05-weekend-infeasible", "a14-greedy-trap")
EVERY = (SMALL, *HARD)


def content_of(name: str) -> bytes:
    """One of the files."""
    return (FILES / f"{name}.json").read_bytes()


def document_of(name: str) -> dict[str, Any]:
    """One of the files, read anew."""
    found: dict[str, Any] = json.loads(content_of(name))
    return found


def day_before(instance: Instance) -> datetime:
    """Midnight at the beginning of the day before the horizon."""
    return day_span(instance.first_day - timedelta(days=1), instance.zone)[0]


@dataclass
class Planned:
    """An instance that has been brought in, when that was, and who does what."""

    instance: Instance
    now: datetime
    admin: Principal
    coordinator: Principal


def account(db: Session, who: str, role: Role, now: datetime) -> Account:
    """An account without sites, as there are before the clinic has any."""
    return create_account(
        db, None, email=f"{who}@clinic.example", name=f"Test {who.title()}", password_hash=PASSWORD_HASH,
        roles=[role], now=now,
    )  # fmt: skip


def brought_in(db: Session, content: bytes) -> Planned:
    """A clinic made of a file; its coordinator's account was there before it."""
    instance = parse_instance(content)
    now = day_before(instance)
    admin = signed_in_as(db, account(db, "admin", Role.ADMIN, now)).principal("127.0.0.1")
    coordinator = account(db, "coordinator", Role.COORDINATOR, now)
    bring_in(db, admin, instance, content=content, now=now)
    return Planned(instance, now, admin, signed_in_as(db, coordinator).principal("127.0.0.1"))
