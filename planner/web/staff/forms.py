"""Forms about members of staff and their credentials."""

from __future__ import annotations

from wtforms import SelectField
from wtforms.validators import InputRequired, Optional

from planner.domain.access import Role
from planner.web.courses.forms import Day
from planner.web.fields import Line, PlannerForm, Ticks
from planner.web.places.forms import Whole

ROLE_WORDS = {
    Role.THERAPIST.value: "Therapist",
    Role.NURSE.value: "Nurse",
    Role.PRESCRIBER.value: "Prescriber",
}
ANY = ""
SHOWN = {"here": "Working here", "left": "Have left"}


class PersonForm(PlannerForm):
    """Who somebody is on the roster."""

    name = Line("Name", [InputRequired("Enter the person's name.")])
    initials = Line("Initials", longest=6)
    roles = Ticks("What they do", choices=ROLE_WORDS)
    sites = Ticks("Where they work", choices=[])
    lanes = Whole("Patients a nurse watches at once", [Optional()], default=1)
    turnover = Whole("Time between their sessions", [Optional()], default=0)
    most = Whole("Sessions a day at most", [Optional()])


class CredentialForm(PlannerForm):
    """A licence or certificate."""

    name = Line("Licence or certificate", [InputRequired("Enter what it is.")], longest=80)
    expires_on = Day("Holds until", [Optional()])


class FilterForm(PlannerForm):
    """Whom to list; sent by GET."""

    wanted = Line("Name", longest=60)
    site = SelectField("Site", choices=[], validate_choice=False, default=ANY)
    role = SelectField("Role", choices={ANY: "Any", **ROLE_WORDS}, validate_choice=False, default=ANY)
    show = SelectField("Who", choices=SHOWN, validate_choice=False, default="here")
