"""The forms of files coming in."""

from __future__ import annotations

from wtforms import FileField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice

from planner.services.spreadsheets.checking import ORDER_WORDS
from planner.services.spreadsheets.reading import ENCODINGS
from planner.web.fields import PlannerForm

FIND_OUT = ""


class UploadForm(PlannerForm):
    """A file, and how it is written where that cannot be found out."""

    file = FileField("File")
    encoding = SelectField(
        "Encoding",
        choices=[
            SelectChoice(FIND_OUT, "Find out"),
            *(SelectChoice(name, words) for name, words in ENCODINGS.items()),
        ],
        default=FIND_OUT,
    )


class AgainForm(PlannerForm):
    """How to read the same file once more."""

    order = RadioField(
        "Order of day and month",
        choices=[SelectChoice(order.value, words.capitalize()) for order, words in ORDER_WORDS.items()],
        validate_choice=False,
    )
    encoding = UploadForm.encoding
