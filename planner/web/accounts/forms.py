"""The forms about accounts: inviting, joining, what somebody may do, new passwords."""

from __future__ import annotations

from typing import Any, Final

from wtforms import PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from planner.domain.access import Role
from planner.services.accounts import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PASSWORD
from planner.web.fields import Line, PlannerForm, id_of
from planner.web.patients.forms import Ticks

#: The roles of staff and what each is for.
ROLE_WORDS: Final = {
    Role.ADMIN: "Admin",
    Role.COORDINATOR: "Coordinator",
    Role.PRESCRIBER: "Prescriber",
    Role.NURSE: "Nurse",
    Role.THERAPIST: "Therapist",
    Role.PATIENT: "Patient",
}
_OFFERED: Final = {
    Role.ADMIN: "Admin: accounts, places, settings; sees no patients",
    Role.COORDINATOR: "Coordinator: patients, courses, rosters",
    Role.PRESCRIBER: "Prescriber: protocols, clearance, overrides",
    Role.NURSE: "Nurse: the day at the chairs",
    Role.THERAPIST: "Therapist: own patients and sessions",
}


def role_words(roles: Any) -> str:
    """Roles in one line."""
    return ", ".join(ROLE_WORDS[Role(role)] for role in roles)


class RightsForm(PlannerForm):
    """What somebody may do, and where."""

    role = Ticks("Roles", choices=[SelectChoice(role.value, words) for role, words in _OFFERED.items()])
    site = Ticks("Sites", coerce=id_of)

    def __init__(self, sites: list[tuple[int, str]], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.site.choices = [SelectChoice(site_id, name) for site_id, name in sites]


class InviteForm(RightsForm):
    """Who is invited, as what."""

    email = Line("Email address", [InputRequired("Enter their email address.")], longest=LONGEST_EMAIL)
    name = Line("Name", [InputRequired("Enter their name.")], longest=LONGEST_NAME)
    person = SelectField("Member of staff", choices=[])

    def __init__(
        self, sites: list[tuple[int, str]], staff: list[tuple[int, str]], *arguments: Any, **named: Any
    ) -> None:
        super().__init__(sites, *arguments, **named)
        self.person.choices = [
            SelectChoice("", "Not on the roster"), *(SelectChoice(str(person_id), name) for person_id, name in staff)
        ]  # fmt: skip


class InvitePatientForm(PlannerForm):
    """Where a patient's invitation goes."""

    email = Line("Email address", [InputRequired("Enter the patient's email address.")], longest=LONGEST_EMAIL)
    name = Line("Name", [InputRequired("Enter the patient's name.")], longest=LONGEST_NAME)


class JoinForm(PlannerForm):
    """One's own name and password."""

    name = Line("Your name", [InputRequired("Enter your name.")], longest=LONGEST_NAME)
    password = PasswordField("Choose a password", [InputRequired("Enter a password."), Length(max=LONGEST_PASSWORD)])


class NewPasswordForm(PlannerForm):
    """A new password, by a link."""

    email = StringField("Email address")
    password = PasswordField("New password", [InputRequired("Enter a new password."), Length(max=LONGEST_PASSWORD)])
