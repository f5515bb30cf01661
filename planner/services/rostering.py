"""People and their time: staff with roles and lanes, shifts, absences; patients and when they can come.

Wall times are read in the zone of the site (or the zone given); a time that clock changes skip or show twice is
refused for a single shift and resolved leniently in a weekly pattern. Whether a person may do this is decided by the
door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from planner.domain.access import Role
from planner.domain.errors import FieldError
from planner.domain.statuses import Mode
from planner.domain.walltime import (
    AmbiguousWallTime,
    NonexistentWallTime,
    day_span,
    resolve_wall,
    resolve_wall_leniently,
)
from planner.services.places import WallSpan, known_zone, new_holdable, one_line, refuse_taken, wall_minutes
from planner.store.calendar_versions import bump
from planner.store.records import (
    Absence,
    FeedScope,
    HoldableKind,
    NurseLane,
    Patient,
    PatientAbsence,
    PatientAvailability,
    Person,
    PersonRole,
    PersonSite,
    Shift,
    Site,
)

ROSTER_ROLES = frozenset({Role.NURSE, Role.PRESCRIBER, Role.THERAPIST})
BOTH_MODES = (Mode.IN_PERSON, Mode.TELEHEALTH)


def add_person(
    db: Session,
    name: str,
    *,
    roles: Iterable[Role],
    sites: Iterable[Site],
    lanes: int = 1,
    initials: str = "",
    turnover_minutes: int = 0,
) -> Person:
    """A member of staff who works at `sites`; a nurse may watch `lanes` patients at once.

    Raises FieldError at `name`, `roles`, `lanes`, `initials` or `turnover_minutes`.
    """
    wanted = frozenset(roles)
    if not wanted or not wanted <= ROSTER_ROLES:
        raise FieldError("roles", "Choose one or more of nurse, prescriber and therapist.")
    if not 1 <= lanes <= 12:
        raise FieldError("lanes", "A nurse watches between 1 and 12 patients at once.")
    name = one_line(name, "name", 120)
    person = Person(
        holdable_id=new_holdable(db, HoldableKind.PERSON, turnover_minutes),
        name=name,
        initials=one_line(initials or initials_of(name), "initials", 6),
    )
    db.add(person)
    db.flush()
    db.add_all(PersonRole(person_id=person.id, role=role) for role in sorted(wanted))
    db.add_all(PersonSite(person_id=person.id, site_id=site.id) for site in sites)
    if Role.NURSE in wanted:
        for number in range(1, lanes + 1):
            holdable_id = new_holdable(db, HoldableKind.LANE)
            db.add(NurseLane(person_id=person.id, number=number, holdable_id=holdable_id))
    db.flush()
    return person


def initials_of(name: str) -> str:
    """The first letters of the first and last word of a name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def add_patient(
    db: Session,
    code: str,
    name: str,
    site: Site,
    *,
    now: datetime,
    primary_therapist: Person | None = None,
    modes: Iterable[Mode] = BOTH_MODES,
    preferred: WallSpan = ("00:00", "24:00"),
    escort: str = "",
    active: bool = True,
) -> Patient:
    """A patient of a site. `modes` are the ways of meeting they accept, the liked one first; `preferred` bounds the
    check-in times they like, in wall time; who is not `active` is in no treatment. Raises FieldError at `code`,
    `name`, `modes`, `preferred` or `escort`.
    """
    accepted = list(dict.fromkeys(modes))
    if not accepted:
        raise FieldError("modes", "Choose at least one way of meeting.")
    first, last = wall_minutes(preferred, "preferred")
    code = one_line(code, "code", 12)
    refuse_taken(db, Patient.code, code, "code", f"There is already a patient with the code {code}.")
    patient = Patient(
        holdable_id=new_holdable(db, HoldableKind.PATIENT),
        code=code,
        name=one_line(name, "name", 120),
        site_id=site.id,
        primary_therapist_id=primary_therapist.id if primary_therapist else None,
        escort=one_line(escort, "escort", 120, optional=True),
        modes=[mode.value for mode in accepted],
        preferred_from_minute=first,
        preferred_to_minute=last,
        active=active,
        created_at=now,
    )
    db.add(patient)
    db.flush()
    return patient


def set_availability(db: Session, patient: Patient, weekly: Mapping[int, Iterable[WallSpan]]) -> None:
    """When a patient can come each week, in place of what was said before; nothing at all means any time.

    Raises FieldError at `weekly`.
    """
    rows = []
    for weekday, spans in weekly.items():
        if weekday not in range(7):
            raise FieldError("weekly", "A weekday is a number from 0 for Monday to 6 for Sunday.")
        for span in spans:
            first, last = wall_minutes(span, "weekly")
            rows.append(PatientAvailability(patient_id=patient.id, weekday=weekday, from_minute=first, to_minute=last))
    db.execute(delete(PatientAvailability).where(PatientAvailability.patient_id == patient.id))
    db.add_all(rows)
    db.flush()


def add_patient_absence(db: Session, patient: Patient, starts_at: datetime, ends_at: datetime) -> PatientAbsence:
    """A span (aware instants) in which a patient cannot come. Raises FieldError at `ends_at`."""
    _refuse_backwards(starts_at, ends_at)
    absence = PatientAbsence(patient_id=patient.id, starts_at=starts_at, ends_at=ends_at)
    db.add(absence)
    db.flush()
    return absence


def add_shift(
    db: Session,
    person: Person,
    site: Site | None,
    day: date,
    starts: str,
    ends: str,
    *,
    zone: str = "",
    fold: int | None = None,
) -> Shift:
    """One shift on a local day, from and to a wall time (`HH:MM`); no site means telehealth and needs a `zone`.

    A telehealth shift is kept on the roster of the first site its person works at. Raises FieldError at `zone`, or
    at `starts`/`ends` for a time that cannot be used; one that clocks show twice wants `fold` 0 (first) or 1 (second).
    """
    zone = site.zone if site is not None else known_zone(zone)
    first, last = wall_minutes((starts, ends), "ends")
    shift = _shift(
        person,
        site,
        roster_site_of(db, person, site),
        day,
        (first, last),
        zone,
        _resolved(day, first, zone, fold, "starts"),
        _resolved(day, last, zone, fold, "ends"),
    )
    db.add(shift)
    db.flush()
    return shift


def add_weekly_shifts(
    db: Session,
    person: Person,
    site: Site | None,
    weekdays: Iterable[int],
    days: tuple[date, date],
    *spans: WallSpan,
    zone: str = "",
) -> list[Shift]:
    """The same wall-clock shifts on each of `weekdays` (0 = Monday) from the first to the last of `days`.

    On clock-change days a skipped time moves past the gap and a doubled one means its first showing. Raises
    FieldError at `zone`, `ends` or `days`.
    """
    zone = site.zone if site is not None else known_zone(zone)
    if days[1] < days[0]:
        raise FieldError("days", "The last day has to be on or after the first.")
    roster_site_id = roster_site_of(db, person, site)
    wanted, minutes = frozenset(weekdays), [wall_minutes(span, "ends") for span in spans]
    shifts = []
    for offset in range((days[1] - days[0]).days + 1):
        day = days[0] + timedelta(days=offset)
        if day.weekday() not in wanted:
            continue
        for first, last in minutes:
            starts_at = resolve_wall_leniently(_wall(day, first), zone)
            ends_at = resolve_wall_leniently(_wall(day, last), zone)
            if ends_at > starts_at:
                shifts.append(_shift(person, site, roster_site_id, day, (first, last), zone, starts_at, ends_at))
    db.add_all(shifts)
    db.flush()
    return shifts


def add_absence(
    db: Session, person: Person, starts_at: datetime, ends_at: datetime, reason: str = "", *, now: datetime
) -> Absence:
    """A span (aware instants) in which a member of staff is away; their calendars show it from `now` on.

    Raises FieldError at `ends_at` or `reason`.
    """
    _refuse_backwards(starts_at, ends_at)
    reason = one_line(reason, "reason", 120, optional=True)
    absence = Absence(person_id=person.id, starts_at=starts_at, ends_at=ends_at, reason=reason)
    db.add(absence)
    db.flush()
    bump(db, [(FeedScope.THERAPIST, person.id)], now)
    return absence


def add_days_off(
    db: Session,
    person: Person,
    first_day: date,
    last_day: date,
    zone: str,
    reason: str = "",
    *,
    now: datetime,
) -> Absence:
    """Whole local days away, both included. Raises FieldError at `last_day`, `zone` or `reason`."""
    zone = known_zone(zone)
    if last_day < first_day:
        raise FieldError("last_day", "The last day has to be on or after the first.")
    return add_absence(db, person, day_span(first_day, zone)[0], day_span(last_day, zone)[1], reason, now=now)


def roster_site_of(db: Session, person: Person, site: Site | None) -> int:
    """The site whose roster keeps a shift: its own, for telehealth the first its person works at.

    Raises FieldError at `site` for somebody who works at none.
    """
    if site is not None:
        return site.id
    first = db.scalar(select(func.min(PersonSite.site_id)).where(PersonSite.person_id == person.id))
    if first is None:
        raise FieldError("site", f"{person.name} works at no site yet, so no roster can keep this shift.")
    return first


def _shift(
    person: Person,
    site: Site | None,
    roster_site_id: int,
    day: date,
    minutes: tuple[int, int],
    zone: str,
    starts_at: datetime,
    ends_at: datetime,
) -> Shift:
    return Shift(
        person_id=person.id,
        site_id=site.id if site is not None else None,
        roster_site_id=roster_site_id,
        day=day,
        starts_minute=minutes[0],
        ends_minute=minutes[1],
        zone=zone,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def _wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def _resolved(day: date, minute: int, zone: str, fold: int | None, field: str) -> datetime:
    try:
        return resolve_wall(_wall(day, minute), zone, fold)
    except (NonexistentWallTime, AmbiguousWallTime) as odd:
        raise FieldError(field, str(odd)) from odd


def _refuse_backwards(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise FieldError("ends_at", "The end has to be after the start.")
