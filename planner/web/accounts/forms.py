"""The forms about accounts: inviting, joining, what somebody may do, new passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wtforms import PasswordField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, ValidationError

from planner.domain.access import Role
from planner.services.accounts import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PASSWORD
from planner.services.audit_words import ACTIONS, OUTCOMES
from planner.store.queries.audit import ALL, LOOKS, NOBODY, PATIENTS
from planner.web.courses.forms import Day
from planner.web.fields import Line, PlannerForm, Ticks, id_of

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

    email = Line("Email address", [DataRequired("Enter their email address.")], longest=LONGEST_EMAIL)
    name = Line("Name", [DataRequired("Enter their name.")], longest=LONGEST_NAME)
    person = SelectField("Member of staff", choices=[], default="")

    def __init__(
        self, sites: list[tuple[int, str]], staff: list[tuple[int, str]], *arguments: Any, **named: Any
    ) -> None:
        super().__init__(sites, *arguments, **named)
        self.person.choices = [
            SelectChoice("", "Not on the roster"), *(SelectChoice(str(person_id), name) for person_id, name in staff)
        ]  # fmt: skip


class InvitePatientForm(PlannerForm):
    """Where a patient's invitation goes."""

    email = Line("Email address", [DataRequired("Enter the patient's email address.")], longest=LONGEST_EMAIL)
    name = Line("Name", [DataRequired("Enter the patient's name.")], longest=LONGEST_NAME)


class JoinForm(PlannerForm):
    """One's own name and password."""

    name = Line("Your name", [DataRequired("Enter your name.")], longest=LONGEST_NAME)
    password = PasswordField("Choose a password", [InputRequired("Enter a password."), Length(max=LONGEST_PASSWORD)])


class NewPasswordForm(PlannerForm):
    """A new password, by a link."""

    email = StringField("Email address")
    password = PasswordField("New password", [InputRequired("Enter a new password."), Length(max=LONGEST_PASSWORD)])


class FactorRuleForm(PlannerForm):
    """Whether all staff sign in with a code."""

    required = RadioField(
        "Codes from a phone",
        [InputRequired("Choose one.")],
        choices={"no": "Each may decide", "yes": "All staff sign in with a code"},
    )


class AuditForm(PlannerForm):
    """Which lines of the history are wanted. Days are the clinic's, both included."""

    action = SelectField("What", choices=[], default="")
    account = SelectField("Who", choices=[], default="")
    since = Day("From", [Optional()])
    until = Day("To", [Optional()])
    outcome = SelectField("Outcome", choices=[], default="")

    def __init__(self, staff: list[tuple[int, str]], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.action.choices = [
            SelectChoice("", "Everything but reads"),
            SelectChoice(LOOKS, "Reads"),
            SelectChoice(ALL, "Everything"),
            *(SelectChoice(*one) for one in _by_words(ACTIONS)),
        ]
        self.account.choices = [
            SelectChoice("", "Everybody"),
            SelectChoice(PATIENTS, "Patients"),
            SelectChoice(NOBODY, "No account"),
            *(SelectChoice(str(account_id), name) for account_id, name in staff),
        ]
        self.outcome.choices = [SelectChoice("", "Any"), *(SelectChoice(*one) for one in OUTCOMES.items())]

    def validate_until(self, field: Any) -> None:
        """The last day is not before the first."""
        if field.data and self.since.data and field.data < self.since.data:
            raise ValidationError("Enter a last day that is not before the first.")


def _by_words(words: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(words.items(), key=lambda one: one[1])
