"""The forms of signing in and of one's own account."""

from __future__ import annotations

from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from planner.services.accounts import LONGEST_EMAIL, LONGEST_PASSWORD
from planner.web.fields import PlannerForm


class SignInForm(PlannerForm):
    """Address and password. What is wrong with either is never said apart."""

    email = StringField("Email address", [InputRequired("Enter your email address."), Length(max=LONGEST_EMAIL)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=LONGEST_PASSWORD)])


class LookForm(PlannerForm):
    """How pages look."""

    theme = RadioField("Colours", choices={"": "As the device has it", "light": "Light", "dark": "Dark"}, default="")
    density = RadioField("Lines", choices={"compact": "Compact", "roomy": "Roomy"}, default="compact")


class PasswordForm(PlannerForm):
    """A new password, with the present one."""

    password = PasswordField("Present password", [InputRequired("Enter your present password.")])
    new_password = PasswordField("New password", [InputRequired("Enter a new password.")])
