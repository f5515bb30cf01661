"""What an account may do: its roles and sites, given and taken away as one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select, true, update
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError, NotFound, StaleVersion
from planner.services.auditing import record
from planner.services.feed_rights import retire_lost
from planner.store.queries import accounts as find
from planner.store.records import Account, AccountRole, AccountSite, Site


def change_rights(
    db: Session,
    principal: Principal | None,
    account_id: int,
    *,
    roles: Iterable[Role],
    site_ids: Iterable[int],
    now: datetime,
    seen_version: int | None = None,
) -> Account:
    """Let a member of staff have exactly these roles and sites. Calendar links they may no longer have end with it.

    The command line passes no principal; anybody else needs ACCOUNTS_MANAGE. Raises FieldError (`role`, `site`) for
    no role, a patient's account or the patient's role, the last admin, one's own role as admin, a site that is none;
    StaleVersion when the account changed since `seen_version`; NotFound.
    """
    if principal is not None:
        require(principal, Permission.ACCOUNTS_MANAGE)
    account = find.account(db, account_id)
    if account is None:
        raise NotFound
    held, works_at = frozenset(roles), frozenset(site_ids)
    _check(db, principal, account, held, works_at)
    claim_version(db, account, seen_version)
    db.execute(delete(AccountRole).where(AccountRole.account_id == account_id))
    db.execute(delete(AccountSite).where(AccountSite.account_id == account_id))
    db.add_all(AccountRole(account_id=account_id, role=role) for role in sorted(held))
    db.add_all(AccountSite(account_id=account_id, site_id=site_id) for site_id in sorted(works_at))
    db.flush()
    ended = retire_lost(db, principal, account_id, now)
    record(
        db, principal, action="account.rights_changed", object_type="account", object_id=account_id, now=now,
        detail={"roles": sorted(held), "sites": sorted(works_at), "links_ended": len(ended)},
    )  # fmt: skip
    return account


def claim_version(db: Session, account: Account, seen_version: int | None) -> None:
    """Count the version on, if it is still the one that was seen. Raises StaleVersion: somebody was faster."""
    same = true() if seen_version is None else Account.version == seen_version
    claimed = db.execute(
        update(Account)
        .where(Account.id == account.id, same)
        .values(version=Account.version + 1)
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    db.refresh(account)
    if claimed is None:
        raise StaleVersion(seen_version or 0, account.version, "This account")


def _check(
    db: Session, principal: Principal | None, account: Account, roles: frozenset[Role], site_ids: frozenset[int]
) -> None:
    if not roles:
        raise FieldError("role", "Choose at least one role; to take all rights away, end the account.")
    if account.patient_id is not None or Role.PATIENT in roles:
        raise FieldError("role", "A patient's account has one role and keeps it.")
    known = set(db.scalars(select(Site.id).where(Site.id.in_(site_ids))))
    if unknown := site_ids - known:
        raise FieldError("site", f"There is no site {min(unknown)}.")
    if principal is not None and principal.account_id == account.id and Role.ADMIN not in roles:
        raise FieldError("role", "You would not be an admin any more yourself. Ask another admin to do this.")
    # The other admins are locked meanwhile, so that two of them cannot take it from each other at once.
    if Role.ADMIN not in roles and set(find.lock_active_admins(db)) == {account.id}:
        raise FieldError("role", "This is the last admin. Make another account admin first.")
