"""The first run: the link that makes the first account, and what follows when its holder adds the first places.

No account exists before somebody makes their own (ASVS 5.0, 6.3.2): there is no default password to forget about.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import Principal, Role
from planner.domain.errors import FieldError, NotFound, PlannerError
from planner.services.accounts import create_account
from planner.services.auditing import record
from planner.services.places import set_up_clinic
from planner.services.protocols import install_shipped_protocols
from planner.services.rostering import ROSTER_ROLES, add_person
from planner.store.queries import accounts as find
from planner.store.records import Account, AccountSite, Clinic, PersonSite, SetupTicket, Site

TOKEN_BYTES: Final = 32
#: How long a printed link works.
LINK_LASTS: Final = timedelta(hours=24)
#: What whoever sets the planner up is besides what they choose.
FOUNDER_ROLES: Final = frozenset({Role.ADMIN, Role.COORDINATOR})
NO_LINK_NEEDED: Final = "There are accounts already, so there is no set-up link; an administrator makes further ones."
TOO_LATE: Final = "This planner has been set up in the meantime. Sign in, or ask whoever did it for an account."


@dataclass(frozen=True, slots=True)
class Founding:
    """What the set-up page asks for. `zone` is an IANA name; the password was checked and hashed outside."""

    clinic_name: str
    neutral_name: str
    zone: str
    name: str
    email: str
    password_hash: str
    #: The founder's own work with patients besides running the planner.
    work: Collection[Role] = ()


def new_setup_link(db: Session, now: datetime) -> str:
    """The token of a new set-up link; any earlier one stops working. Raises PlannerError once anybody can sign in."""
    if find.any_account(db):
        raise PlannerError(NO_LINK_NEEDED)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    db.execute(delete(SetupTicket))
    db.add(SetupTicket(token_hash=_hash_of(token), created_at=now))
    db.flush()
    return token


def setup_is_begun(db: Session) -> bool:
    """Whether a set-up link was ever made: then somebody wants a clinic of their own."""
    return db.scalar(select(SetupTicket.id).limit(1)) is not None


def setup_is_open(db: Session, token: str, now: datetime) -> bool:
    """Whether this link may still make the first account."""
    made_at = db.scalar(
        select(SetupTicket.created_at).where(SetupTicket.token_hash == _hash_of(token), SetupTicket.used_at.is_(None))
    )
    return made_at is not None and now < made_at + LINK_LASTS and not find.any_account(db)


def found_clinic(db: Session, token: str, founding: Founding, now: datetime) -> Account:
    """Make the clinic, the shipped protocols and the founder's account, which runs the planner and coordinates.

    Of two that use one link at once, one gets here. Raises NotFound for a link that does not work (any more), and
    FieldError for what cannot be used.
    """
    if not set(founding.work) <= ROSTER_ROLES:
        raise FieldError("work", "Choose among prescriber, nurse and therapist.")
    # The row is locked by the update: a second one waits for it on PostgreSQL, and then finds it used.
    claimed = db.execute(
        update(SetupTicket)
        .where(
            SetupTicket.token_hash == _hash_of(token),
            SetupTicket.used_at.is_(None),
            SetupTicket.created_at > now - LINK_LASTS,
        )
        .values(used_at=now)
        .returning(SetupTicket.id)
    ).one_or_none()
    if claimed is None or find.any_account(db):
        raise NotFound(TOO_LATE)
    try:
        with db.begin_nested():
            set_up_clinic(db, name=founding.clinic_name, zone=founding.zone, neutral_name=founding.neutral_name)
    except IntegrityError:  # by another link, made on the command line at the very same moment
        raise NotFound(TOO_LATE) from None
    except FieldError as error:
        raise FieldError("clinic_name" if error.field == "name" else error.field, error.sentence) from None
    install_shipped_protocols(db, now)
    founder = create_account(
        db,
        None,
        email=founding.email,
        name=founding.name,
        password_hash=founding.password_hash,
        roles=FOUNDER_ROLES | set(founding.work),
        now=now,
    )
    record(db, None, action="clinic.set_up", object_type="clinic", object_id=1, now=now)
    return founder


def join_new_site(db: Session, principal: Principal, site: Site) -> None:
    """Let whoever adds a site work there, so that a clinic of one's own needs no second step.

    An account that only administers gets no site: it sees no patient. One that also treats becomes a member of staff
    with the first site; at which others they work is for the staff page.
    """
    account = db.get(Account, principal.account_id)
    roles = find.roles_of(db, principal.account_id)
    if account is None or not roles - {Role.ADMIN}:
        return
    if db.get(AccountSite, (account.id, site.id)) is None:
        db.add(AccountSite(account_id=account.id, site_id=site.id))
    work = roles & ROSTER_ROLES
    if work and account.person_id is None:
        account.person_id = add_person(db, account.name, roles=work, sites=[site]).id
    elif account.person_id is not None and not _works_anywhere(db, account.person_id):
        db.add(PersonSite(person_id=account.person_id, site_id=site.id))
    db.flush()


def _works_anywhere(db: Session, person_id: int) -> bool:
    return db.scalar(select(PersonSite.site_id).where(PersonSite.person_id == person_id).limit(1)) is not None


def clinic_is_set_up(db: Session) -> bool:
    """Whether the clinic has its row."""
    return db.get(Clinic, 1) is not None


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
