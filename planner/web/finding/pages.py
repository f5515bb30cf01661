"""What the page of a search shows: groups of links, the best first, and what somebody may see at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from flask import url_for
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, Scope, may, scopes
from planner.domain.folding import Wanted
from planner.store.queries import finding as find
from planner.store.queries.finding import Best, FoundCourse, Named, Recent
from planner.web.navigation import STAFF_LINKS, page_exists
from planner.web.settings.views import SETTINGS

#: The title of the group of patients.
PATIENTS = "Patients"


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that fits: where it is, its words, and what stands beside them."""

    url: str | None
    words: str
    detail: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one kind. `count` is how many fit, of which the best are shown."""

    title: str
    hits: tuple[Hit, ...]
    count: int


@dataclass(frozen=True, slots=True)
class FoundPage:
    """What was looked for and found. `scope` says in a sentence what the person may see."""

    typed: str
    groups: tuple[Group, ...]
    scope: str

    @property
    def patients(self) -> int:
        """How many patients it shows."""
        return next((len(group.hits) for group in self.groups if group.title == PATIENTS), 0)


def found_page(db: Session, principal: Principal, typed: str, site_names: Sequence[str]) -> FoundPage:
    """Everything that fits and that `principal` may see. At most five queries."""
    groups = tuple(group for group in _groups(db, principal, Wanted.of(typed)) if group.hits) if typed else ()
    return FoundPage(typed, groups, scope_words(principal, site_names))


def the_one_patient(db: Session, principal: Principal, typed: str) -> int | None:
    """The patient whose very code was typed, if it is one."""
    wanted = Wanted.of(typed)
    exact = [row for row in find.patients_like(db, principal, wanted).rows if wanted.rank(row.code, row.name) == 0]
    return exact[0].id if len(exact) == 1 else None


def _groups(db: Session, principal: Principal, wanted: Wanted) -> Iterator[Group]:
    patients = find.patients_like(db, principal, wanted)
    yield _group(PATIENTS, patients, _patient)
    if patients.rows:
        courses = find.courses_of(db, principal, [row.id for row in patients.rows])
        yield _whole("Their courses", (_course(row) for row in courses))
    staff, sites, protocols = (
        like(db, principal, wanted) for like in (find.staff_like, find.sites_like, find.protocols_like)
    )
    yield _group("Staff", staff, lambda row: Hit(_opens(f"/admin/staff/{row.id}"), row.name))
    yield _group("Sites", sites, lambda row: Hit(_opens(f"/admin/sites/{row.id}"), row.name, row.code))
    yield _group("Protocols", protocols, lambda row: Hit(_opens(f"/admin/protocols/{row.id}"), row.name))
    yield _whole("Pages", _pages(principal, wanted))


def _group(title: str, best: Best[Named], hit: Callable[[Named], Hit]) -> Group:
    return Group(title, tuple(hit(row) for row in best.rows), best.count)


def _whole(title: str, hits: Iterable[Hit]) -> Group:
    shown = tuple(hits)
    return Group(title, shown, len(shown))


def _patient(row: Named) -> Hit:
    detail = row.name if row.active else f"{row.name}, discharged"
    return Hit(url_for("patients.patient", patient_id=row.id), row.code, detail)


def _course(row: FoundCourse) -> Hit:
    url = url_for("courses.course", course_id=row.id)
    return Hit(url, row.patient_code, row.protocol_name, row.status.value)


def _opens(url: str) -> str | None:
    return url if page_exists(url) else None


def _pages(principal: Principal, wanted: Wanted) -> Iterator[Hit]:
    """Pages of the navigation and the settings by a word of their title or of what they are for."""
    known = [(url, title, "", needs) for url, title, needs in STAFF_LINKS]
    known += [(one.url, one.title, one.words, one.needs) for one in SETTINGS]
    for url, title, words, needs in known:
        fits = wanted.rank("", f"{title} {words}") is not None
        if fits and may(principal, needs) and page_exists(url):
            yield Hit(url, title, words)


def scope_words(principal: Principal, site_names: Sequence[str]) -> str:
    """What this person's search looks through, in a sentence."""
    held = scopes(principal, Permission.PATIENTS_READ)
    if Scope.SITE in held and site_names:
        patients = f"patients and courses of {_listed(site_names)}, "
    elif Scope.ASSIGNED in held:
        patients = "the patients you work with and their courses, "
    else:
        patients = "no patients (your role sees none), "
    return f"You can find {patients}staff, sites, protocols and pages."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def recent_hits(rows: Iterable[Recent]) -> tuple[Hit, ...]:
    """What was opened lately, as links."""
    return tuple(_recent(row) for row in rows)


def _recent(row: Recent) -> Hit:
    if row.kind == "patient":
        return Hit(url_for("patients.patient", patient_id=row.id), row.code, row.name)
    if row.kind == "course":
        return Hit(url_for("courses.course", course_id=row.id), f"Course of {row.code}", row.name)
    return Hit(_opens(f"/admin/staff/{row.id}"), row.name, "Staff")
