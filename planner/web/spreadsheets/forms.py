"""The forms of files coming in."""

from __future__ import annotations

from typing import Any

from wtforms import FileField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice

from planner.services.spreadsheets.calendar_file import Choosers
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

    @property
    def for_all(self) -> tuple[Any, ...]:
        """Fields about everything in the file."""
        return ()


class CalendarForm(UploadForm):
    """A file of appointments, which may be a calendar: what its events do not say, said for all of them."""

    site = SelectField("Site", default=FIND_OUT)
    kind = SelectField("Kind, where an event does not say", default=FIND_OUT)
    therapist = SelectField("Therapist", default=FIND_OUT)
    room = SelectField("Room, where an event names none", default=FIND_OUT)

    def offer(self, found: Choosers) -> None:
        """The choices of the person's own sites."""
        nothing = SelectChoice(FIND_OUT, "Not said")
        self.site.choices = [nothing, *(SelectChoice(code, name) for code, name in found.sites)]
        self.kind.choices = [nothing, *(SelectChoice(word, word.capitalize()) for word in found.kinds)]
        self.therapist.choices = [nothing, *(SelectChoice(name, name) for name in found.therapists)]
        self.room.choices = [nothing, *(SelectChoice(name, words) for name, words in found.rooms)]

    @property
    def for_all(self) -> tuple[Any, ...]:
        """The fields that are about all events of a calendar."""
        return (self.site, self.kind, self.therapist, self.room)


class AgainForm(PlannerForm):
    """How to read the same file once more."""

    order = RadioField(
        "Order of day and month",
        choices=[SelectChoice(order.value, words[0].upper() + words[1:]) for order, words in ORDER_WORDS.items()],
        validate_choice=False,
    )
    encoding = UploadForm.encoding
