"""Accounts: made, changed and ended; and their passwords."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from datetime import datetime

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError, NotFound, NotPermitted
from planner.services.auditing import record
from planner.services.common_passwords import is_common
from planner.services.feed_rights import ACCOUNT_ENDED, retire_lost
from planner.store.queries import accounts as find
from planner.store.records import Account, AccountOrigin, AccountRole, AccountSite, BrowserSession

#: Without a second factor a password has at least 15 characters (ASVS 5.0, 6.2.1); no rule about which ones.
SHORTEST_PASSWORD = 15
LONGEST_PASSWORD = 1000
LONGEST_EMAIL = 254
LONGEST_NAME = 120
HASHES_AT_ONCE = 4
EMAIL_TAKEN = "There is already an account with this email address."
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")
THEMES = ("", "light", "dark")
DENSITIES = ("compact", "roomy")


class Passwords:
    """argon2id with the costs this machine is set to. At most four hashes run at once: memory is the lever."""

    def __init__(self, memory_kib: int, passes: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._turn = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._dummy = self._hasher.hash("nobody signs in with this")

    def hashed(self, password: str) -> str:
        """The hash to keep."""
        with self._turn:
            return self._hasher.hash(_bytes(password))

    def fits(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one behind the hash; without a hash it takes as long and is never."""
        with self._turn:
            try:
                self._hasher.verify(password_hash or self._dummy, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False
        return bool(password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(password_hash)


def email_key(email: str) -> str:
    """What two spellings of one address have in common."""
    return email.strip().casefold()


def check_new_password(password: str, email: str = "", *, field: str = "password") -> None:
    """Raise FieldError for a password that is too short, too long, common or just the address."""
    if len(password) < SHORTEST_PASSWORD:
        raise FieldError(field, f"Enter a password of at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise FieldError(field, f"Enter a password of at most {LONGEST_PASSWORD} characters.")
    if len(set(password)) == 1 or (email and password.casefold() == email_key(email)):
        raise FieldError(field, "Enter a password that is harder to guess.")
    if is_common(password):
        raise FieldError(field, "This is one of the passwords people try first. Enter another, such as a sentence.")


def create_account(
    db: Session,
    principal: Principal | None,
    *,
    email: str,
    name: str,
    password_hash: str,
    roles: Iterable[Role],
    now: datetime,
    site_ids: Iterable[int] = (),
    person_id: int | None = None,
    patient_id: int | None = None,
    made_by: int | None = None,
) -> Account:
    """Make an account. The command line passes no principal; anybody else needs ACCOUNTS_MANAGE.

    `made_by` is the account that invited them; the principal is, where there is one.

    Raises FieldError for an address that is none or is taken, an empty name, no role, or a mixture of patient and
    staff. The password was checked and hashed before, outside the transaction.
    """
    if principal is not None:
        require(principal, Permission.ACCOUNTS_MANAGE)
    email, name, held = email.strip(), " ".join(name.split()), frozenset(roles)
    check_account(email, name, held, patient_id)
    if find.account_by_email_key(db, email_key(email)) is not None:
        raise FieldError("email", EMAIL_TAKEN)
    account = Account(
        email=email,
        email_key=email_key(email),
        password_hash=password_hash,
        name=name,
        person_id=person_id,
        patient_id=patient_id,
        created_at=now,
    )
    db.add(account)
    db.flush()
    db.add_all(AccountRole(account_id=account.id, role=role) for role in sorted(held))
    db.add_all(AccountSite(account_id=account.id, site_id=site_id) for site_id in sorted(set(site_ids)))
    db.add(AccountOrigin(account_id=account.id, made_by_id=principal.account_id if principal else made_by))
    db.flush()
    _audit(db, principal, "account.created", account.id, now, roles=sorted(held))
    return account


def check_account(email: str, name: str, roles: frozenset[Role], patient_id: int | None) -> None:
    """Raise FieldError for an account that cannot be: see `create_account`."""
    if len(email) > LONGEST_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise FieldError("email", "Enter an email address such as name@example.org.")
    if not name or len(name) > LONGEST_NAME:
        raise FieldError("name", f"Enter a name of at most {LONGEST_NAME} characters.")
    if not roles:
        raise FieldError("role", "Choose at least one role.")
    if (Role.PATIENT in roles) != (patient_id is not None) or (Role.PATIENT in roles and len(roles) > 1):
        raise FieldError("role", "A patient's account belongs to a patient and has no other role.")


def set_password(
    db: Session,
    principal: Principal | None,
    account_id: int,
    password_hash: str,
    now: datetime,
    *,
    keep_browser: str | None = None,
) -> None:
    """Take a new password hash and end every sign-in but the one whose id hash is `keep_browser`.

    Everybody sets their own; the command line (no principal) may set any. Raises NotPermitted and NotFound.
    """
    if principal is not None and principal.account_id != account_id:
        raise NotPermitted("Nobody sets the password of somebody else.")
    account = _existing(db, account_id)
    account.password_hash = password_hash
    account.version += 1
    end_sign_ins(db, account_id, keep_browser=keep_browser)
    _audit(db, principal, "account.password_changed", account_id, now)


def end_sign_ins(db: Session, account_id: int, *, keep_browser: str | None = None) -> None:
    """End the account's sign-ins in all browsers but one."""
    ended = delete(BrowserSession).where(BrowserSession.account_id == account_id)
    if keep_browser is not None:
        ended = ended.where(BrowserSession.id_hash != keep_browser)
    db.execute(ended)
    db.flush()


def deactivate_account(db: Session, principal: Principal | None, account_id: int, now: datetime) -> None:
    """End an account: its sign-ins and calendar links end with this transaction.

    Raises FieldError (`email`) for the only admin left, and NotFound.
    """
    if principal is not None:
        require(principal, Permission.ACCOUNTS_MANAGE)
    end_account(db, principal, _existing(db, account_id), now)


def end_account(db: Session, principal: Principal | None, account: Account, now: datetime) -> None:
    """The same for whoever was found to be allowed to. Raises FieldError (`email`) for the only admin left."""
    _refuse_last_admin(db, account)
    account.active = False
    account.version += 1
    end_sign_ins(db, account.id)
    retire_lost(db, principal, account.id, now, ACCOUNT_ENDED)
    _audit(db, principal, "account.deactivated", account.id, now)


def _refuse_last_admin(db: Session, account: Account) -> None:
    """Without an admin nobody could look after accounts any more. The others cannot end meanwhile: they are locked."""
    admins = find.lock_active_admins(db)
    if account.id in admins and len(admins) == 1:
        raise FieldError(
            "email",
            f"{account.email} is the only admin left. Make another admin first, on the page of accounts or with "
            "“flask --app wsgi accounts create EMAIL --name NAME --role admin”; then end this account.",
        )


def reactivate_account(db: Session, principal: Principal | None, account_id: int, now: datetime) -> None:
    """Let an ended account sign in again; its calendar links stay ended. Raises NotFound."""
    if principal is not None:
        require(principal, Permission.ACCOUNTS_MANAGE)
    reopen_account(db, principal, _existing(db, account_id), now)


def reopen_account(db: Session, principal: Principal | None, account: Account, now: datetime) -> None:
    """The same for whoever was found to be allowed to."""
    account.active = True
    account.version += 1
    db.flush()
    _audit(db, principal, "account.reactivated", account.id, now)


def set_look(db: Session, principal: Principal, *, theme: str, density: str) -> None:
    """Choose light, dark or the device's own colours, and how close lines stand. Raises FieldError."""
    if theme not in THEMES:
        raise FieldError("theme", "Choose light, dark or the same as the device.")
    if density not in DENSITIES:
        raise FieldError("density", "Choose compact or roomy.")
    account = _existing(db, principal.account_id)
    account.theme, account.density = theme, density
    db.flush()


def _existing(db: Session, account_id: int) -> Account:
    account = find.account(db, account_id)
    if account is None:
        raise NotFound()
    return account


def _audit(
    db: Session, principal: Principal | None, action: str, account_id: int, now: datetime, **detail: list[Role]
) -> None:
    record(db, principal, action=action, object_type="account", object_id=account_id, now=now, detail=detail)


def _bytes(password: str) -> bytes:
    # A lone surrogate cannot be UTF-8; it still has to be one certain password and not a fault.
    return password.encode("utf-8", "surrogatepass")
