"""The forms of the first run."""

from __future__ import annotations

from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from planner.domain.access import Role
from planner.services.accounts import LONGEST_EMAIL, LONGEST_NAME, LONGEST_PASSWORD
from planner.web.fields import Line, PlannerForm, Ticks
from planner.web.zones import ZoneField

EMPTY, MADE_UP = "empty", "made-up"
STARTS = {
    EMPTY: "An empty clinic, to be filled with your own sites and people",
    MADE_UP: "A made-up clinic, to try the planner on; you can remove it later",
}
WORK = {
    Role.PRESCRIBER.value: "I prescribe",
    Role.NURSE.value: "I am a nurse at the chairs",
    Role.THERAPIST.value: "I hold therapy sessions",
}


class SetupForm(PlannerForm):
    """The clinic and whoever runs its planner."""

    clinic_name = Line("Name of the clinic", [InputRequired("Enter the clinic's name.")])
    neutral_name = Line("Name in calendars", [InputRequired("Enter the name that calendars may show.")], longest=60)
    zone = ZoneField("Time zone", "Choose the clinic's time zone.")
    name = Line("Your name", [InputRequired("Enter your name.")], longest=LONGEST_NAME)
    email = StringField("Your email address", [InputRequired("Enter your email address."), Length(max=LONGEST_EMAIL)])
    password = PasswordField("Password", [InputRequired("Enter a password."), Length(max=LONGEST_PASSWORD)])
    work = Ticks("What else do you do there?", choices=WORK)
    start = RadioField("Begin with", choices=STARTS, default=EMPTY)


class SignInsForm(PlannerForm):
    """One password for all made-up sign-ins."""

    new_password = PasswordField(
        "Password for the made-up sign-ins", [InputRequired("Enter a password."), Length(max=LONGEST_PASSWORD)]
    )
