"""Invitations: a link that works once, with which somebody makes their own account.

What they will be was chosen by who invited them. A link dies with the right of that person to invite: a former
admin has no way back in by a link they kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, not_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from planner.domain.access import MATRIX, STAFF, Permission, Principal, Role, require
from planner.domain.errors import FieldError, NotFound
from planner.services.accounts import EMAIL_TAKEN, check_account, create_account, email_key
from planner.services.auditing import record
from planner.services.link_tokens import new_token, token_hash
from planner.store.queries.scopes import the_one, visible_patients, works_with
from planner.store.records import Account, AccountRole, Invitation, Patient, Person, Site

LASTS: Final = timedelta(days=7)


def invite(
    db: Session,
    principal: Principal,
    *,
    email: str,
    name: str,
    roles: Iterable[Role],
    site_ids: Iterable[int],
    person_id: int | None,
    now: datetime,
) -> tuple[Invitation, str]:
    """Invite a member of staff; the invitation and its token, which cannot be shown again.

    Raises FieldError at `email`, `name`, `role`, `site` or `person`, and NotPermitted.
    """
    require(principal, Permission.ACCOUNTS_MANAGE)
    held, works_at = frozenset(roles), frozenset(site_ids)
    if not held <= STAFF:
        raise FieldError("role", "Patients are invited from their own page.")
    _check_new(db, email, name, held, None)
    known = set(db.scalars(select(Site.id).where(Site.id.in_(works_at), Site.active)))
    if works_at - known:
        raise FieldError("site", "One of these sites is not there any more. Load the page again.")
    _check_person(db, person_id, now)
    return _add(db, principal, email, name, sorted(held), sorted(works_at), now, person_id=person_id)


def invite_patient(
    db: Session, principal: Principal, patient_id: int, *, email: str, name: str, now: datetime
) -> tuple[Invitation, str]:
    """Invite a patient to the portal. Raises FieldError at `email` or `name`, and NotFound for whom one may not see."""
    patient = the_one(db, visible_patients(principal, Permission.PATIENTS_WRITE), Patient.id == patient_id)
    if not patient.active:
        raise FieldError("email", "This patient is no longer in care here.")
    if db.scalar(select(Account.id).where(Account.patient_id == patient_id)) is not None:
        raise FieldError("email", "This patient has an account already.")
    open_one = select(Invitation.id).where(Invitation.patient_id == patient_id, *is_open(now))
    if db.scalar(open_one.limit(1)) is not None:
        raise FieldError("email", "This patient has been invited already. Renew or withdraw that invitation.")
    _check_new(db, email, name, frozenset({Role.PATIENT}), patient_id)
    return _add(db, principal, email, name, [Role.PATIENT], [], now, patient_id=patient_id)


def _check_new(db: Session, email: str, name: str, roles: frozenset[Role], patient_id: int | None) -> None:
    """Of patients' addresses nobody learns here: that one is taken, who takes up the invitation is told."""
    check_account(email.strip(), " ".join(name.split()), roles, patient_id)
    taken = select(Account.id).where(Account.email_key == email_key(email), Account.patient_id.is_(None))
    if db.scalar(taken) is not None:
        raise FieldError("email", EMAIL_TAKEN)


def _check_person(db: Session, person_id: int | None, now: datetime) -> None:
    if person_id is None:
        return
    person = db.get(Person, person_id)
    if person is None or not person.active:
        raise FieldError("person", "This member of staff is not there any more. Choose again.")
    if db.scalar(select(Account.id).where(Account.person_id == person_id)) is not None:
        raise FieldError("person", f"{person.name} has an account already.")
    if db.scalar(select(Invitation.id).where(Invitation.person_id == person_id, *is_open(now)).limit(1)) is not None:
        raise FieldError("person", f"{person.name} has been invited already. Renew or withdraw that invitation.")


def _add(
    db: Session,
    principal: Principal,
    email: str,
    name: str,
    roles: list[Role],
    site_ids: list[int],
    now: datetime,
    *,
    person_id: int | None = None,
    patient_id: int | None = None,
) -> tuple[Invitation, str]:
    key = email_key(email)
    same_kind = Invitation.patient_id.is_(None) if patient_id is None else Invitation.patient_id == patient_id
    waiting = select(Invitation.id).where(Invitation.email_key == key, same_kind, *is_open(now))
    if db.scalar(waiting.limit(1)) is not None:
        raise FieldError("email", "This address has been invited already. Renew or withdraw that invitation.")
    token = new_token()
    invitation = Invitation(
        email=email.strip(),
        email_key=key,
        name=" ".join(name.split()),
        roles=[role.value for role in roles],
        site_ids=site_ids,
        person_id=person_id,
        patient_id=patient_id,
        token_hash=token_hash(token),
        created_by_id=principal.account_id,
        created_at=now,
        expires_at=now + LASTS,
    )
    db.add(invitation)
    db.flush()
    _audit(db, principal, "invitation.made", invitation, now)
    return invitation, token


# Afterwards


def renew(db: Session, principal: Principal, invitation: Invitation, now: datetime) -> str:
    """A new link for the same invitation; the old one is dead. Raises FieldError when it is used or withdrawn."""
    token = new_token()
    _change_unused(
        db,
        invitation,
        token_hash=token_hash(token),
        expires_at=now + LASTS,
        created_by_id=principal.account_id,
    )
    _audit(db, principal, "invitation.renewed", invitation, now)
    return token


def withdraw(db: Session, principal: Principal, invitation: Invitation, now: datetime) -> None:
    """Make the link worth nothing. Raises FieldError when it is used or withdrawn."""
    _change_unused(db, invitation, withdrawn_at=now)
    _audit(db, principal, "invitation.withdrawn", invitation, now)


def _change_unused(db: Session, invitation: Invitation, **values: object) -> None:
    changed = db.execute(
        update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None))
        .values(**values)
        .returning(Invitation.id)
    ).scalar_one_or_none()
    if changed is None:
        raise FieldError("email", "This invitation has been used or withdrawn in the meantime.")
    db.refresh(invitation)


def staff_invitation(db: Session, principal: Principal, invitation_id: int) -> Invitation:
    """An invitation to staff. Raises NotPermitted, and NotFound also for a patient's."""
    require(principal, Permission.ACCOUNTS_MANAGE)
    return the_one(db, select(Invitation).where(Invitation.patient_id.is_(None)), Invitation.id == invitation_id)


def patient_invitation(db: Session, principal: Principal, patient_id: int) -> Invitation:
    """The open invitation of a patient, run out or not. Raises NotFound, also for a patient who is not theirs."""
    the_one(db, visible_patients(principal, Permission.PATIENTS_WRITE), Patient.id == patient_id)
    query: Select[Invitation] = select(Invitation).where(
        Invitation.patient_id == patient_id, Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None)
    )
    found = db.scalars(query.order_by(Invitation.id.desc()).limit(1)).one_or_none()
    if found is None:
        raise NotFound
    return found


def is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions on an invitation that can still be taken up."""
    return (Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None), Invitation.expires_at > now)


# Taking it up


def good_invitation(db: Session, token: str, now: datetime) -> Invitation:
    """The invitation behind a link. Raises NotFound for one unknown, used, withdrawn, run out, or without backing."""
    query = select(Invitation).where(Invitation.token_hash == token_hash(token), *is_open(now), _is_backed(), _fits())
    found = db.scalars(query).one_or_none()
    if found is None:
        raise NotFound
    return found


def _is_backed() -> ColumnElement[bool]:
    """Who made the link may still invite; a patient, only while they work at the patient's site."""
    return or_(
        Invitation.created_by_id.is_(None),
        and_(Invitation.patient_id.is_(None), _holds(Permission.ACCOUNTS_MANAGE)),
        and_(
            Invitation.patient_id.is_not(None),
            _holds(Permission.PATIENTS_WRITE),
            works_with(Invitation.created_by_id, Invitation.patient_id).correlate(Invitation),
        ),
    )


def _holds(permission: Permission) -> ColumnElement[bool]:
    held = exists().where(
        Account.id == Invitation.created_by_id,
        Account.active,
        AccountRole.account_id == Account.id,
        AccountRole.role.in_(list(MATRIX[permission])),
    )
    return held.correlate(Invitation)


def _fits() -> ColumnElement[bool]:
    """The person it is for still works here, the patient is still in care, and neither has an account by now."""
    person = exists().where(Person.id == Invitation.person_id, Person.active).correlate(Invitation)
    patient = exists().where(Patient.id == Invitation.patient_id, Patient.active).correlate(Invitation)
    theirs = exists().where(or_(Account.person_id == Invitation.person_id, Account.patient_id == Invitation.patient_id))
    return and_(
        or_(Invitation.person_id.is_(None), person),
        or_(Invitation.patient_id.is_(None), patient),
        not_(theirs.correlate(Invitation)),
    )


def accept(db: Session, token: str, *, name: str, password_hash: str, now: datetime, address: str) -> Account:
    """Make the account: of two who try at once, one does. The password was checked and hashed before, outside.

    Raises NotFound as `good_invitation`, and FieldError at `name` or `email`.
    """
    invitation = good_invitation(db, token, now)
    used = db.execute(
        update(Invitation).where(Invitation.id == invitation.id, *is_open(now)).values(used_at=now)
        .returning(Invitation.id)
    ).scalar_one_or_none()  # fmt: skip
    if used is None:
        raise NotFound
    sites = db.scalars(select(Site.id).where(Site.id.in_(invitation.site_ids), Site.active)).all()
    try:
        with db.begin_nested():
            account = create_account(
                db,
                None,
                email=invitation.email,
                name=name,
                password_hash=password_hash,
                roles=[Role(word) for word in invitation.roles],
                site_ids=sites,
                person_id=invitation.person_id,
                patient_id=invitation.patient_id,
                made_by=invitation.created_by_id,
                now=now,
            )
    except IntegrityError as taken:  # by another invitation, at the same moment
        raise FieldError("email", EMAIL_TAKEN) from taken
    record(
        db, None, action="invitation.accepted", object_type="invitation", object_id=invitation.id, now=now,
        address=address, detail={"roles": list(invitation.roles)}, patient_id=invitation.patient_id,
    )  # fmt: skip
    return account


def _audit(db: Session, principal: Principal, action: str, invitation: Invitation, now: datetime) -> None:
    record(
        db, principal, action=action, object_type="invitation", object_id=invitation.id, now=now,
        patient_id=invitation.patient_id, detail={"roles": list(invitation.roles), "sites": list(invitation.site_ids)},
    )  # fmt: skip
