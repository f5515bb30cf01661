"""The filters of a list: read from the address as numbers and words of ours, kept under a name, told as links.

No name of a patient stands in them, because addresses are kept by browsers and logs; a name is looked for in the box
that every page has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice

from planner.domain.access import Principal, Role
from planner.store.queries import clinic, people
from planner.store.queries.finding import filters_of
from planner.web.courses.forms import STATUS_FILTER
from planner.web.fields import PlannerForm, number_in

COURSES: Final = "courses"
PATIENTS: Final = "patients"
ADDRESSES: Final = {COURSES: "courses.courses", PATIENTS: "patients.patients"}
WITH_COURSE: Final = {"": "All", "open": "In a course", "none": "Without a course"}
IN_CARE: Final = {"": "In care", "discharged": "Discharged"}
#: What stands in the box “Show” without a choice.
USUAL_STATUS: Final = "open"
ID_DIGITS: Final = 9


class ListForm(PlannerForm):
    """What every list can be narrowed down by; sent by GET."""

    site = SelectField("Site", choices=[], validate_choice=False)
    therapist = SelectField("Therapist", choices=[], validate_choice=False)
    attention = BooleanField("Needs attention")


class CourseListForm(ListForm):
    """Which courses to list."""

    show = SelectField("Show", choices=STATUS_FILTER, default=USUAL_STATUS, validate_choice=False)


class PatientListForm(ListForm):
    """Which patients to list."""

    show = SelectField("Who", choices=IN_CARE, validate_choice=False)
    course = SelectField("Course", choices=WITH_COURSE, validate_choice=False)


FORMS: Final[Mapping[str, type[ListForm]]] = {COURSES: CourseListForm, PATIENTS: PatientListForm}


@dataclass(frozen=True, slots=True)
class KeptLink:
    """A filter that somebody keeps: its name, where it leads, and whether it is the one in force."""

    id: int
    name: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Filtering:
    """A list's filter as it stands: the form, what is chosen in it, and the filters kept."""

    page: str
    form: Any
    chosen: Mapping[str, str]
    kept: tuple[KeptLink, ...]

    @property
    def clear_url(self) -> str:
        """The whole list."""
        return url_of(self.page, {})

    @property
    def is_kept(self) -> bool:
        """Whether just this filter is kept already."""
        return any(link.current for link in self.kept)

    def id_of(self, name: str) -> int | None:
        """The chosen site or therapist."""
        return int(self.chosen[name]) if name in self.chosen else None


def filtering(db: Session, principal: Principal, page: str, asked: MultiDict[str, str]) -> Filtering:
    """The filter of a list as the address asks for it; what makes no sense is left out. Three queries."""
    form: Any = FORMS[page](asked)
    sites = clinic.sites(db, principal.site_ids)
    therapists = people.staff(db, Role.THERAPIST, principal.site_ids)
    form.site.choices = [SelectChoice("", "All sites"), *(SelectChoice(str(one.id), one.name) for one in sites)]
    form.therapist.choices = [SelectChoice("", "All"), *(SelectChoice(str(one.id), one.name) for one in therapists)]
    chosen = chosen_in(page, asked)
    for name in ("site", "therapist"):
        form[name].data = chosen.get(name, "")
    form.attention.data = "attention" in chosen
    form.show.data = chosen.get("show", USUAL_STATUS if page == COURSES else "")
    if page == PATIENTS:
        form.course.data = chosen.get("course", "")
    kept = tuple(
        KeptLink(one.id, one.name, url_of(page, one.choices), dict(one.choices) == chosen)
        for one in filters_of(db, principal, page)
    )
    return Filtering(page, form, chosen, kept)


def chosen_in(page: str, asked: MultiDict[str, str]) -> dict[str, str]:
    """What is asked for beyond the whole list, as words of ours and numbers; anything else is left out."""
    chosen = {}
    for name in ("site", "therapist"):
        number = number_in(asked.get(name, ""), ID_DIGITS)
        if number:
            chosen[name] = str(number)
    if asked.get("attention"):
        chosen["attention"] = "1"
    shown = STATUS_FILTER.keys() - {USUAL_STATUS} if page == COURSES else IN_CARE.keys() - {""}
    if asked.get("show") in shown:
        chosen["show"] = asked["show"]
    if page == PATIENTS and asked.get("course") in WITH_COURSE.keys() - {""}:
        chosen["course"] = asked["course"]
    return chosen


def url_of(page: str, chosen: Mapping[str, str]) -> str:
    """The list with these choices."""
    choices: dict[str, Any] = {name: chosen[name] for name in sorted(chosen)}
    return url_for(ADDRESSES[page], **choices)
