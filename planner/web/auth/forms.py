"""The forms of signing in and of one's own account."""

from __future__ import annotations

from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from planner.services.accounts import LONGEST_EMAIL, LONGEST_PASSWORD
from planner.web.fields import PlannerForm

LONGEST_CODE = 40


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


class CodeForm(PlannerForm):
    """The code that an app on one's phone shows, in the midst of signing in."""

    code = StringField("Code from your phone", [InputRequired("Enter the code."), Length(max=LONGEST_CODE)])


class RecoveryForm(PlannerForm):
    """A code kept for the case that the phone is lost."""

    recovery_code = StringField("Recovery code", [InputRequired("Enter the code."), Length(max=LONGEST_CODE)])


class ProofForm(PlannerForm):
    """The present password, before codes are set up."""

    password = PasswordField("Present password", [InputRequired("Enter your present password.")])


class PasswordAgainForm(PlannerForm):
    """The present password, before something leaves."""

    password = PasswordField("Password", [InputRequired("Enter your password.")])


class CodeAgainForm(PasswordAgainForm):
    """The same where signing in takes a code."""

    code = StringField("Code from your phone", [InputRequired("Enter the code."), Length(max=LONGEST_CODE)])


class ConfirmForm(PlannerForm):
    """The first code of a new seed."""

    code = StringField("Code that the app shows", [InputRequired("Enter the code."), Length(max=LONGEST_CODE)])


class FactorForm(PlannerForm):
    """Password and code, and what to do with the second factor."""

    password = PasswordField("Present password", [InputRequired("Enter your present password.")])
    code = StringField("Code from your phone", [InputRequired("Enter the code."), Length(max=LONGEST_CODE)])
    act = RadioField(
        "What to do",
        [InputRequired("Choose what to do.")],
        choices={
            "codes": "Make new recovery codes",
            "move": "Move to another phone",
            "off": "Sign in without codes from now on",
        },
    )
