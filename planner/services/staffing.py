"""Members of staff as the roster knows them: who they are, what they may do, where, and how many at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Role, Scope, require, scopes
from planner.domain.errors import FieldError, NotFound
from planner.domain.walltime import day_and_year, local_day, to_wall
from planner.services import auditing
from planner.services.current import take_to_change
from planner.services.places import new_holdable, one_line
from planner.services.rostering import ROSTER_ROLES, add_person, initials_of
from planner.services.sites import said
from planner.store.occupying import lock_holdables
from planner.store.queries.places import STANDING
from planner.store.records import (
    Appointment,
    Clinic,
    Holdable,
    HoldableKind,
    NurseLane,
    Occupancy,
    Person,
    PersonRole,
    PersonSite,
    Shift,
    ShiftPattern,
    Site,
)

MOST_LANES: Final = 12
MOST_TURNOVER_MINUTES: Final = 240
MOST_SESSIONS: Final = 24


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What a roster needs to know of somebody. `lanes` is how many patients a nurse watches at once."""

    name: str
    initials: str
    roles: frozenset[Role]
    site_ids: frozenset[int]
    lanes: int = 1
    turnover_minutes: int = 0
    most_sessions_a_day: int | None = None


def add_staff(db: Session, principal: Principal, facts: PersonFacts, *, now: datetime) -> Person:
    """Somebody new at one or more of the principal's sites.

    Raises NotPermitted, and FieldError at `name`, `initials`, `roles`, `sites`, `lanes`, `turnover` or `most`.
    """
    require(principal, Permission.PEOPLE_WRITE)
    sites = _chosen_sites(db, principal, facts.site_ids)
    if not sites:
        raise FieldError("sites", "Choose at least one site.")
    _check_numbers(facts)
    person = add_person(
        db, facts.name, roles=facts.roles, sites=sites, lanes=facts.lanes, initials=facts.initials,
        turnover_minutes=facts.turnover_minutes,
    )  # fmt: skip
    person.most_sessions_a_day = facts.most_sessions_a_day
    db.flush()
    _audit(db, principal, "person.add", person, now)
    return person


def change_person(
    db: Session, principal: Principal, person_id: int, facts: PersonFacts, *, seen_version: int, now: datetime
) -> Person:
    """Set somebody's facts. A coordinator gives and takes their own sites only; the others stay.

    A role, site or lane under bookings to come is not taken away. Raises NotPermitted, NotFound, StaleVersion, and
    FieldError as `add_staff`.
    """
    require(principal, Permission.PEOPLE_WRITE)
    demand_theirs(db, principal, person_id)
    person = take_to_change(db, Person, person_id, seen_version, "This person")
    _check_numbers(facts)
    person.name = one_line(facts.name, "name", 120)
    person.initials = one_line(facts.initials or initials_of(person.name), "initials", 6)
    person.most_sessions_a_day = facts.most_sessions_a_day
    db.get_one(Holdable, person.holdable_id).turnover_minutes = facts.turnover_minutes
    _set_roles(db, person, facts.roles, now)
    _set_sites(db, principal, person, facts.site_ids, now)
    _set_lanes(db, person, facts.lanes if Role.NURSE in facts.roles else 0, now)
    db.flush()
    _audit(db, principal, "person.change", person, now)
    return person


def demand_theirs(db: Session, principal: Principal, person_id: int) -> None:
    """Raise NotFound for somebody whom the principal may not change: a coordinator changes people of their sites."""
    if not is_theirs(db, principal, person_id):
        raise NotFound


def is_theirs(db: Session, principal: Principal, person_id: int) -> bool:
    """Whether the principal may change this person."""
    held = scopes(principal, Permission.PEOPLE_WRITE)
    found = select(Person.id).where(Person.id == person_id)
    if Scope.CLINIC not in held:
        if Scope.SITE not in held:
            return False
        here = select(PersonSite.person_id).where(PersonSite.site_id.in_(principal.site_ids))
        found = found.where(Person.id.in_(here))
    return db.scalar(found) is not None


def may_choose_site(principal: Principal, site_id: int) -> bool:
    """Whether the principal may give or take this site."""
    return Scope.CLINIC in scopes(principal, Permission.PEOPLE_WRITE) or site_id in principal.site_ids


def clinic_day(db: Session, now: datetime) -> date:
    """Today on the clinic's own clock."""
    return local_day(now, db.get_one(Clinic, 1).zone)


def _chosen_sites(db: Session, principal: Principal, site_ids: Iterable[int]) -> list[Site]:
    wanted = set(site_ids)
    found = list(db.scalars(select(Site).where(Site.id.in_(wanted), Site.active).order_by(Site.id)))
    if len(found) != len(wanted) or not all(may_choose_site(principal, site.id) for site in found):
        raise FieldError("sites", "Choose among your own sites.")
    return found


def _check_numbers(facts: PersonFacts) -> None:
    if not facts.roles <= ROSTER_ROLES:
        raise FieldError("roles", "Choose one or more of nurse, prescriber and therapist.")
    if Role.NURSE in facts.roles and not 1 <= facts.lanes <= MOST_LANES:
        raise FieldError("lanes", f"A nurse watches between 1 and {MOST_LANES} patients at once.")
    if not 0 <= facts.turnover_minutes <= MOST_TURNOVER_MINUTES:
        raise FieldError("turnover", f"Enter a number of minutes from 0 to {MOST_TURNOVER_MINUTES}.")
    if facts.most_sessions_a_day is not None and not 1 <= facts.most_sessions_a_day <= MOST_SESSIONS:
        raise FieldError("most", f"Enter a number from 1 to {MOST_SESSIONS}, or leave it empty for no limit.")


def _set_roles(db: Session, person: Person, wanted: frozenset[Role], now: datetime) -> None:
    present = set(db.scalars(select(PersonRole.role).where(PersonRole.person_id == person.id)))
    others = present - ROSTER_ROLES
    if not wanted and not others:
        raise FieldError("roles", "Choose one or more of nurse, prescriber and therapist.")
    for role, column in ((Role.THERAPIST, Appointment.therapist_id), (Role.NURSE, Appointment.nurse_id)):
        if role in present - wanted:
            count, last = _booked(db, column == person.id, now)
            if count:
                raise FieldError(
                    "roles",
                    f"{person.name} is booked as {role} for {said(count, 'appointment', 'appointments').lower()} until "
                    f"{last}. Give them to somebody else or move them, then take the role away.",
                )
    db.execute(
        delete(PersonRole).where(PersonRole.person_id == person.id, PersonRole.role.in_(sorted(ROSTER_ROLES - wanted)))
    )
    db.add_all(PersonRole(person_id=person.id, role=role) for role in sorted(wanted - present))
    db.flush()


def _set_sites(db: Session, principal: Principal, person: Person, given: frozenset[int], now: datetime) -> None:
    present = set(db.scalars(select(PersonSite.site_id).where(PersonSite.person_id == person.id)))
    _chosen_sites(db, principal, given - present)
    if not all(may_choose_site(principal, site_id) for site_id in given):
        raise FieldError("sites", "Choose among your own sites.")
    # A site that is closed down is not offered, so that leaving it out says nothing.
    offered = set(db.scalars(select(Site.id).where(Site.id.in_(present), Site.active)))
    taken = {site_id for site_id in offered - given if may_choose_site(principal, site_id)}
    if not (present | given) - taken:
        raise FieldError("sites", "Choose at least one site.")
    for site in db.scalars(select(Site).where(Site.id.in_(taken)).order_by(Site.id)):
        _refuse_busy_there(db, person, site, now)
    db.execute(delete(PersonSite).where(PersonSite.person_id == person.id, PersonSite.site_id.in_(taken)))
    db.add_all(PersonSite(person_id=person.id, site_id=site_id) for site_id in sorted(given - present))
    db.flush()


def _refuse_busy_there(db: Session, person: Person, site: Site, now: datetime) -> None:
    own = or_(Appointment.therapist_id == person.id, Appointment.nurse_id == person.id)
    count, last = _booked(db, own & (Appointment.site_id == site.id), now)
    if count:
        raise FieldError(
            "sites",
            f"{person.name} is booked at {site.name} for {said(count, 'appointment', 'appointments').lower()} until "
            f"{last}. Give them to somebody else or move them, then take the site away.",
        )
    shifts = db.scalar(
        select(func.count())
        .select_from(Shift)
        .where(Shift.person_id == person.id, Shift.roster_site_id == site.id, Shift.ends_at > now)
    )
    today = local_day(now, site.zone)
    patterns = db.scalar(
        select(func.count())
        .select_from(ShiftPattern)
        .where(
            ShiftPattern.person_id == person.id,
            ShiftPattern.site_id == site.id,
            or_(ShiftPattern.until_day.is_(None), ShiftPattern.until_day >= today),
        )
    )
    if shifts or patterns:
        what = said(shifts, "shift", "shifts").lower() if shifts else "a weekly pattern"
        raise FieldError(
            "sites",
            f"{person.name} still has {what} on the roster of {site.name}. Take them off the roster first, then take "
            "the site away.",
        )


def _set_lanes(db: Session, person: Person, wanted: int, now: datetime) -> None:
    """As many lanes as wanted. Those that are free go first; the holdable of one that goes keeps its past."""
    lanes = list(db.scalars(select(NurseLane).where(NurseLane.person_id == person.id).order_by(NurseLane.number)))
    lock_holdables(db, [lane.holdable_id for lane in lanes])
    numbers = [number for number in range(1, MOST_LANES + 1) if number not in {lane.number for lane in lanes}]
    for number in numbers[: max(0, wanted - len(lanes))]:
        db.add(NurseLane(person_id=person.id, number=number, holdable_id=new_holdable(db, HoldableKind.LANE)))
    surplus = len(lanes) - wanted
    if surplus > 0:
        held = _held_until(db, [lane.holdable_id for lane in lanes], now)
        free = [lane for lane in lanes if lane.holdable_id not in held]
        if surplus > len(free):
            zone = db.get_one(Clinic, 1).zone
            last = day_and_year(to_wall(max(held.values()), zone))
            raise FieldError(
                "lanes",
                f"{said(len(held), 'of these places is', 'of these places are')} booked, the last until {last}. "
                f"Choose {len(held)} or more, or give the appointments to somebody else first.",
            )
        for lane in free[len(free) - surplus :]:
            db.delete(lane)
    db.flush()


def _held_until(db: Session, holdable_ids: list[int], now: datetime) -> dict[int, datetime]:
    query = (
        select(Occupancy.holdable_id, func.max(Occupancy.ends_at))
        .where(Occupancy.holdable_id.in_(holdable_ids), Occupancy.ends_at > now)
        .group_by(Occupancy.holdable_id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def _booked(db: Session, condition: ColumnElement[bool], now: datetime) -> tuple[int, str]:
    """How many appointments to come meet the condition, and the day of the last on its own clock."""
    rows = db.execute(
        select(Appointment.ends_at, Appointment.zone)
        .where(condition, Appointment.status.in_(STANDING), Appointment.ends_at > now)
        .order_by(Appointment.ends_at)
    ).all()
    return len(rows), day_and_year(to_wall(rows[-1][0], rows[-1][1])) if rows else ""


def _audit(db: Session, principal: Principal, action: str, person: Person, now: datetime) -> None:
    auditing.record(db, principal, action=action, object_type="person", object_id=person.id, now=now)
