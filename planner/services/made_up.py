"""The made-up clinic in a planner that somebody runs: put in, its sign-ins opened, and taken out again.

Its staff and patient can be signed in as only after an administrator has chosen a password for them: a planner that
others can reach has no password that everybody knows (ASVS 5.0, 6.3.2).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import PlannerError
from planner.services.accounts import end_sign_ins
from planner.services.auditing import record
from planner.services.demo import DEMO_DOMAIN, fill_clinic
from planner.services.first_run import join_new_site
from planner.store.queries import accounts as find
from planner.store.records import Account, Clinic, Course, Patient, Person, Site

#: Whoever fills the clinic runs it already.
FILLED_ROLES: Final = tuple(role for role in Role if role is not Role.ADMIN)
NOT_EMPTY: Final = "Only a clinic without sites, staff, patients and courses can be filled with a made-up one."
NO_DEMO: Final = "This clinic is not made up; nothing was removed."


def is_empty(db: Session) -> bool:
    """Whether the clinic has neither places nor people nor courses. One query."""
    return not db.scalar(
        select(
            exists(select(Site.id)) | exists(select(Person.id)) | exists(select(Patient.id)) | exists(select(Course.id))
        )
    )


def fill(db: Session, principal: Principal, hashed: Callable[[str], str], now: datetime) -> Clinic:
    """Put the made-up clinic into an empty one; whoever does it works at its sites. Raises PlannerError."""
    require(principal, Permission.CLINIC_WRITE)
    clinic = db.get(Clinic, 1, with_for_update=True)
    if clinic is None or clinic.is_demo or not is_empty(db):
        raise PlannerError(NOT_EMPTY)
    # A password nobody knows, until an administrator chooses one.
    fill_clinic(db, clinic, hashed(secrets.token_urlsafe(32)), now, roles=FILLED_ROLES)
    for site in db.scalars(select(Site).order_by(Site.id)):
        join_new_site(db, principal, site)
    record(db, principal, action="demo.filled", object_type="clinic", object_id=clinic.id, now=now)
    return clinic


@dataclass(frozen=True, slots=True)
class MadeUpSignIn:
    """One account of the made-up clinic."""

    role: Role
    email: str
    name: str


def sign_ins(db: Session) -> list[MadeUpSignIn]:
    """The accounts of the made-up clinic that may sign in. Two queries."""
    roles = find.roles_of_all(db)
    found = [
        MadeUpSignIn(role, account.email, account.name)
        for account in find.accounts_by_name(db)
        if account.active and is_made_up(account)
        for role in roles.get(account.id, [])
    ]
    return sorted(found, key=lambda one: list(Role).index(one.role))


def is_made_up(account: Account) -> bool:
    """Whether the account came with the made-up clinic."""
    return account.email_key.endswith(DEMO_DOMAIN)


def open_sign_ins(db: Session, principal: Principal, password_hash: str, now: datetime) -> int:
    """Give every made-up account this password; how many. Raises PlannerError unless the clinic is a demo."""
    require(principal, Permission.CLINIC_WRITE)
    the_demo(db)
    accounts = [one for one in find.accounts_by_name(db) if is_made_up(one) and one.id != principal.account_id]
    for account in accounts:
        account.password_hash = password_hash
        account.version += 1
        end_sign_ins(db, account.id)
    record(db, principal, action="demo.password_changed", object_type="clinic", object_id=1, now=now)
    return len(accounts)


def the_demo(db: Session, *, lock: bool = False) -> Clinic:
    """The clinic, made up. Raises PlannerError for a real one."""
    clinic = db.get(Clinic, 1, with_for_update=lock)
    if clinic is None or not clinic.is_demo:
        raise PlannerError(NO_DEMO)
    return clinic
