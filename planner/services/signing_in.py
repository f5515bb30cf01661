"""Signing in and out, and the server-side sessions of browsers (security.md 8.3, abuse cases 18 to 23).

A sign-in has three steps, so that no password is hashed inside a transaction: `begin_sign_in` counts the try and
reads the hash, the caller compares, `finish_sign_in` or `refuse_sign_in` writes the end of it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from planner.domain.access import STAFF, Principal, Role
from planner.domain.errors import NotFound
from planner.domain.portal_end import last_day_to_read, portal_ends_at
from planner.services.accounts import email_key
from planner.services.auditing import record
from planner.services.fetching import forget_old_tries
from planner.services.idempotency import forget_old_requests
from planner.store.queries import accounts as find
from planner.store.records import Account, BrowserSession, SignInAttempt

ID_BYTES = 32
SEEN_EVERY = timedelta(seconds=30)
STAFF_ABSOLUTE = timedelta(hours=12)
PATIENT_ABSOLUTE = timedelta(hours=24)
UNSIGNED_ABSOLUTE = timedelta(hours=12)
DEFAULT_IDLE = {"staff": 15, "patient": 30}

#: Limits on failed sign-ins (security.md abuse case 19), within this time.
COUNTED = timedelta(minutes=15)
PER_ACCOUNT_AND_ADDRESS = 5
PER_ACCOUNT = 20
PER_ADDRESS = 60
FIRST_DELAY = timedelta(seconds=30)
#: An address from which the account signed in lately is not kept out by what others try elsewhere.
KNOWN_ADDRESS = timedelta(days=30)
LONGEST_AGENT = 120


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, as the pages need it."""

    account_id: int
    email: str
    name: str
    theme: str
    density: str
    roles: frozenset[Role]
    person_id: int | None
    patient_id: int | None
    sites: tuple[tuple[int, str], ...]
    #: The clinic asks for a second factor and there is none yet: nothing but setting it up is open.
    factor_due: bool = False
    #: Of a discharged patient, who only reads: the last day of that at their site, and when the sign-in ends.
    reads_until: date | None = None
    ends_at: datetime | None = None

    @property
    def is_staff(self) -> bool:
        """Whether the account is anything but a patient's."""
        return bool(self.roles & STAFF)

    def principal(self, address: str) -> Principal:
        """The same as the services see it, acting from `address`."""
        return Principal(
            account_id=self.account_id,
            roles=self.roles,
            person_id=self.person_id,
            patient_id=self.patient_id,
            site_ids=frozenset(site_id for site_id, _ in self.sites),
            address=address,
            reads_only=self.ends_at is not None,
        )


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that showed a cookie we know. `seen_at` is when it was last used, as stored; `created_at` when
    somebody signed in there, if anybody did.
    """

    id_hash: str
    created_at: datetime
    seen_at: datetime
    absolute_end_at: datetime
    signed_in: SignedIn | None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignInTry:
    """A counted try: whom it is for, if anybody, and how long to wait when there were too many.

    With `needs_code` the password is only the first half; `factor_passed` says that the second fitted, too.
    """

    attempt_id: int | None
    account_id: int | None
    password_hash: str | None
    retry_after: timedelta | None = None
    needs_code: bool = False
    factor_passed: bool = False


def hash_of(cookie: str) -> str:
    """What the table keeps of a cookie's value."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def new_cookie() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(ID_BYTES)


# Sessions of browsers


def known_browser(db: Session, cookie: str, now: datetime) -> Browser | None:
    """The live session behind a cookie; None when it is unknown, idle for too long, at its end or its account is."""
    found = find.browser_with_account(db, hash_of(cookie))
    if found is None:
        return None
    browser, account, clinic = found
    if now >= browser.absolute_end_at:
        return None
    signed_in = None
    if browser.account_id is not None:
        if account is None or not account.active:
            return None
        signed_in = signed_in_as(db, account)
        if signed_in.ends_at is not None and now >= signed_in.ends_at:
            return None
        asked = clinic is not None and clinic.staff_second_factor and signed_in.is_staff
        if asked and not find.has_factor(db, account.id):
            signed_in = replace(signed_in, factor_due=True)
        kind = "staff" if signed_in.is_staff else "patient"
        minutes = getattr(clinic, f"{kind}_idle_minutes", DEFAULT_IDLE[kind])
        if now >= browser.seen_at + timedelta(minutes=minutes):
            return None
    return Browser(
        browser.id_hash, browser.created_at, browser.seen_at, browser.absolute_end_at, signed_in, dict(browser.data)
    )


def signed_in_as(db: Session, account: Account) -> SignedIn:
    """The account with its roles and sites."""
    reads_until, ends_at = end_of_reading(db, account.patient_id)
    return SignedIn(
        account_id=account.id,
        email=account.email,
        name=account.name,
        theme=account.theme,
        density=account.density,
        roles=find.roles_of(db, account.id),
        person_id=account.person_id,
        patient_id=account.patient_id,
        sites=tuple(find.sites_of(db, account.id)),
        reads_until=reads_until,
        ends_at=ends_at,
    )


def end_of_reading(db: Session, patient_id: int | None) -> tuple[date | None, datetime | None]:
    """Of a discharged patient the last local day on which they may read, and the instant from which not; else nothing.

    One query for a patient, none for nobody.
    """
    found = find.discharge_of(db, patient_id) if patient_id is not None else None
    if found is None:
        return None, None
    discharged_at, days, zone = found
    last = last_day_to_read(discharged_at, days, zone) if discharged_at is not None else None
    return last, portal_ends_at(discharged_at, days, zone)


def may_sign_in(db: Session, account: Account, now: datetime) -> bool:
    """Whether the account is in use, and, of a discharged patient, the time to read is not over."""
    _, ends_at = end_of_reading(db, account.patient_id)
    return account.active and (ends_at is None or now < ends_at)


def open_unsigned_browser(db: Session, data: Mapping[str, Any], address: str, agent: str, now: datetime) -> str:
    """Start a session for a browser that is not signed in and return its cookie. Ended sessions are swept out."""
    db.execute(delete(BrowserSession).where(BrowserSession.absolute_end_at <= now))
    return _open(db, None, now + UNSIGNED_ABSOLUTE, data, address, agent, now)


def mark_seen(db: Session, id_hash: str, now: datetime) -> None:
    """Note that the browser was used."""
    db.execute(update(BrowserSession).where(BrowserSession.id_hash == id_hash).values(seen_at=now))


def keep_data(db: Session, id_hash: str, data: Mapping[str, Any]) -> None:
    """Keep what the pages remember for this browser."""
    db.execute(update(BrowserSession).where(BrowserSession.id_hash == id_hash).values(data=dict(data)))


def _open(
    db: Session,
    account_id: int | None,
    absolute_end: datetime,
    data: Mapping[str, Any],
    address: str,
    agent: str,
    now: datetime,
) -> str:
    cookie = new_cookie()
    db.add(
        BrowserSession(
            id_hash=hash_of(cookie),
            account_id=account_id,
            created_at=now,
            seen_at=now,
            absolute_end_at=absolute_end,
            address=address,
            agent=agent[:LONGEST_AGENT],
            data=dict(data),
        )
    )
    db.flush()
    return cookie


# Signing in


def begin_sign_in(db: Session, email: str, address: str, now: datetime) -> SignInTry:
    """Count a try before its password is looked at, so that tries sent at once are all counted.

    An unknown or ended account is counted and answered like any other.
    """
    key = email_key(email)
    email_hash = hash_of(key)
    account = find.account_by_email_key(db, key, lock=True)
    active = account if account is not None and may_sign_in(db, account, now) else None
    wait = wait_for_next_try(db, email_hash, active.id if active else None, address, now)
    if wait is not None:
        return SignInTry(None, None, None, wait)
    attempt = SignInAttempt(email_hash=email_hash, address=address, at=now)
    db.add(attempt)
    db.flush()
    if active is None:
        return SignInTry(attempt.id, None, None)
    return SignInTry(attempt.id, active.id, active.password_hash, needs_code=find.has_factor(db, active.id))


def wait_for_next_try(
    db: Session, email_hash: str, account_id: int | None, address: str, now: datetime
) -> timedelta | None:
    """How long nobody may try this account from this address; None when they may now. Reads only."""
    since = now - COUNTED
    here, last = find.failures(db, since, email_hash=email_hash, address=address)
    if here >= PER_ACCOUNT_AND_ADDRESS and last is not None:
        over: timedelta = last + min(FIRST_DELAY * 2.0 ** (here - PER_ACCOUNT_AND_ADDRESS), COUNTED) - now
        if over > timedelta():
            return over
    if find.failures(db, since, address=address)[0] >= PER_ADDRESS:
        return COUNTED
    if find.failures(db, since, email_hash=email_hash)[0] >= PER_ACCOUNT:
        known = account_id is not None and find.has_signed_in_from(db, account_id, address, now - KNOWN_ADDRESS)
        return None if known else COUNTED
    return None


def forget_tries(db: Session, email: str, address: str) -> None:
    """The password fitted: earlier slips of this account at this address count no more."""
    db.execute(
        delete(SignInAttempt).where(
            SignInAttempt.email_hash == hash_of(email_key(email)), SignInAttempt.address == address
        )
    )


def refuse_sign_in(db: Session, tried: SignInTry, address: str, now: datetime) -> None:
    """Write down a sign-in that failed. The try itself stays counted."""
    record(
        db,
        None,
        action="account.sign_in_refused",
        object_type="account",
        object_id=tried.account_id,
        now=now,
        outcome="refused" if tried.retry_after is None else "limited",
        address=address,
    )


def finish_sign_in(
    db: Session,
    tried: SignInTry,
    *,
    old_cookie: str | None,
    new_hash: str | None,
    data: Mapping[str, Any],
    address: str,
    agent: str,
    now: datetime,
) -> tuple[str, SignedIn]:
    """Sign in after the password fitted: a new id for the browser, the old one gone. Returns cookie and person.

    `new_hash` replaces a hash made with outdated costs. What is past its time (tries, answered requests) is swept
    out on the way. Raises NotFound when the account ended meanwhile, or takes a code that did not come: no way in
    leaves it out.
    """
    account = find.account(db, tried.account_id) if tried.account_id is not None else None
    if account is None or not may_sign_in(db, account, now):
        raise NotFound()
    if not tried.factor_passed and find.has_factor(db, account.id):
        raise NotFound()
    if new_hash is not None:
        account.password_hash = new_hash
    forget_tries(db, account.email, address)
    db.execute(delete(SignInAttempt).where(SignInAttempt.at <= now - COUNTED))
    forget_old_requests(db, now)
    forget_old_tries(db, now)
    if old_cookie is not None:
        db.execute(delete(BrowserSession).where(BrowserSession.id_hash == hash_of(old_cookie)))
    signed_in = signed_in_as(db, account)
    absolute = STAFF_ABSOLUTE if signed_in.is_staff else PATIENT_ABSOLUTE
    cookie = _open(db, account.id, now + absolute, data, address, agent, now)
    _audit(db, signed_in.principal(address), "account.signed_in", now)
    return cookie, signed_in


# Signing out


def sign_out(db: Session, principal: Principal, id_hash: str, now: datetime) -> None:
    """End this browser's session; a copy of its cookie is worth nothing afterwards."""
    db.execute(delete(BrowserSession).where(BrowserSession.id_hash == id_hash))
    _audit(db, principal, "account.signed_out", now)


def sign_out_everywhere(db: Session, principal: Principal, now: datetime) -> None:
    """End the sign-ins of this account in every browser, this one included."""
    db.execute(delete(BrowserSession).where(BrowserSession.account_id == principal.account_id))
    _audit(db, principal, "account.signed_out_everywhere", now)


def end_browser(db: Session, principal: Principal, reference: str, now: datetime) -> None:
    """End one of one's own other sign-ins, named by the first letters of its hash. Raises NotFound."""
    for browser in find.browsers_of(db, principal.account_id):
        if browser_reference(browser.id_hash) == reference:
            db.execute(delete(BrowserSession).where(BrowserSession.id_hash == browser.id_hash))
            _audit(db, principal, "account.browser_ended", now)
            return
    raise NotFound()


def browser_reference(id_hash: str) -> str:
    """What a page calls a browser: enough of the hash to name it, nothing that could sign in."""
    return id_hash[:16]


def _audit(db: Session, principal: Principal, action: str, now: datetime) -> None:
    record(db, principal, action=action, object_type="account", object_id=principal.account_id, now=now)
