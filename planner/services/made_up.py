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

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import PlannerError
from planner.services.accounts import end_sign_ins
from planner.services.auditing import record
from planner.services.demo import DEMO_DOMAIN, DEMO_HELP, fill_clinic
from planner.services.first_run import join_new_site, new_setup_link
from planner.services.protocols import install_shipped_protocols
from planner.store.emptying import empty_but_accounts
from planner.store.queries import accounts as find
from planner.store.records import Account, Appointment, Clinic, Course, Feed, Patient, Person, Site

#: Whoever fills the clinic runs it already.
FILLED_ROLES: Final = tuple(role for role in Role if role is not Role.ADMIN)
NOT_EMPTY: Final = "Only a clinic without sites, staff, patients and courses can be filled with a made-up one."
NOBODY_TO_RUN_IT: Final = (
    "Nobody who stays could run the planner. First make one of the accounts that are not made up an administrator."
)
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


# Taking it out again


@dataclass(frozen=True, slots=True)
class WhatGoes:
    """What the removal takes away, counted, and the accounts that stay (name, email)."""

    sites: int
    staff: int
    patients: int
    courses: int
    appointments: int
    calendar_links: int
    sign_ins: int
    stays: tuple[tuple[str, str], ...]


def what_goes(db: Session) -> WhatGoes:
    """Everything there is now, made up or entered since. Three queries. Raises PlannerError for a real clinic."""
    the_demo(db)
    stays = _own_accounts(db)
    kinds = (Site, Person, Patient, Course, Appointment, Feed, Account)
    counted = db.execute(select(*(select(func.count()).select_from(kind).scalar_subquery() for kind in kinds))).one()
    sites, staff, patients, courses, appointments, calendar_links, accounts = map(int, counted)
    return WhatGoes(
        sites=sites,
        staff=staff,
        patients=patients,
        courses=courses,
        appointments=appointments,
        calendar_links=calendar_links,
        sign_ins=accounts - len(stays),
        stays=tuple((one.name, one.email) for one in stays),
    )


def _own_accounts(db: Session) -> list[Account]:
    """The accounts that people made for themselves; a patient's is nothing without the patient."""
    roles = find.roles_of_all(db)
    accounts = find.accounts_by_name(db)
    return [one for one in accounts if not is_made_up(one) and Role.PATIENT not in roles.get(one.id, [])]


def remove(db: Session, principal: Principal, now: datetime) -> str | None:
    """Empty the clinic: whatever is in it goes, history included; the accounts that people made stay.

    When none is left, the clinic's own row goes too and the token of a new set-up link is returned. Raises
    PlannerError for a clinic that is not made up, and while nobody who stays could run it.
    """
    require(principal, Permission.CLINIC_WRITE)
    the_demo(db, lock=True)
    stays = {account.id: account.active for account in _own_accounts(db)}
    roles = find.roles_of_all(db)
    if stays and not any(active and Role.ADMIN in roles.get(one, []) for one, active in stays.items()):
        raise PlannerError(NOBODY_TO_RUN_IT)
    empty_but_accounts(db, stays, keep_clinic=bool(stays))
    if not stays:
        return new_setup_link(db, now)
    clinic = the_demo(db)
    clinic.is_demo = False
    clinic.help_text = "" if clinic.help_text == DEMO_HELP else clinic.help_text
    clinic.version += 1
    install_shipped_protocols(db, now)
    by = principal if principal.account_id in stays else None
    record(db, by, action="demo.removed", object_type="clinic", object_id=clinic.id, now=now)
    return None
