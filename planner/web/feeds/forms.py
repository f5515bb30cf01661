"""The form with which staff make a calendar link."""

from __future__ import annotations

from typing import Any

from wtforms import HiddenField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from planner.services.feed_looks import DETAILS, Subject
from planner.web.feeds.showing import APPS
from planner.web.fields import Line, PlannerForm

LONGEST_DEVICE = 60


class LinkForm(PlannerForm):
    """Whose appointments, how much each says, for which program on which device."""

    subject = SelectField("Whose appointments", [InputRequired("Choose whose appointments the calendar shows.")])
    detail = RadioField(
        "What each entry says",
        [InputRequired("Choose how much each entry says.")],
        choices=[SelectChoice(detail.value, words) for detail, words in DETAILS.items()],
        default=next(iter(DETAILS)).value,
    )
    app = RadioField(
        "Where it goes",
        [InputRequired("Choose where the calendar goes.")],
        choices=[SelectChoice(app, words[0]) for app, words in APPS.items()],
    )
    device = Line("Name of the device", longest=LONGEST_DEVICE)
    consent = HiddenField()

    def __init__(self, offered: list[Subject], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.subject.choices = [SelectChoice(subject.key, subject.words) for subject in offered]
