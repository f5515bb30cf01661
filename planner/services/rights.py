"""What an account may do: its roles and sites, given and taken away as one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, require
from planner.domain.errors import FieldError, NotFound
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
) -> Account:
    """Let a member of staff have exactly these roles and sites. Calendar links they may no longer have end with it.

    The command line passes no principal; anybody else needs ACCOUNTS_MANAGE. Raises FieldError (`role`, `site`) for
    no role, a patient's account or the patient's role, the last admin, a site that is none; NotFound.
    """
    if principal is not None:
        require(principal, Permission.ACCOUNTS_MANAGE)
    account = find.account(db, account_id)
    if account is None:
        raise NotFound
    held, works_at = frozenset(roles), frozenset(site_ids)
    _check(db, account, held, works_at)
    db.execute(delete(AccountRole).where(AccountRole.account_id == account_id))
    db.execute(delete(AccountSite).where(AccountSite.account_id == account_id))
    db.add_all(AccountRole(account_id=account_id, role=role) for role in sorted(held))
    db.add_all(AccountSite(account_id=account_id, site_id=site_id) for site_id in sorted(works_at))
    account.version += 1
    db.flush()
    ended = retire_lost(db, principal, account_id, now)
    record(
        db, principal, action="account.rights_changed", object_type="account", object_id=account_id, now=now,
        detail={"roles": sorted(held), "sites": sorted(works_at), "links_ended": len(ended)},
    )  # fmt: skip
    return account


def _check(db: Session, account: Account, roles: frozenset[Role], site_ids: frozenset[int]) -> None:
    if not roles:
        raise FieldError("role", "Choose at least one role; to take all rights away, end the account.")
    if account.patient_id is not None or Role.PATIENT in roles:
        raise FieldError("role", "A patient's account has one role and keeps it.")
    known = set(db.scalars(select(Site.id).where(Site.id.in_(site_ids))))
    if unknown := site_ids - known:
        raise FieldError("site", f"There is no site {min(unknown)}.")
    # The other admins are locked meanwhile, so that two of them cannot take it from each other at once.
    if Role.ADMIN not in roles and set(find.lock_active_admins(db)) == {account.id}:
        raise FieldError("role", "This is the last admin. Make another account admin first.")
