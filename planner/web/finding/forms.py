"""The forms of finding."""

from __future__ import annotations

from wtforms.validators import InputRequired

from planner.services.finding import LONGEST_NAME
from planner.web.fields import Line, PlannerForm

LONGEST_SEARCH = 60


class FindForm(PlannerForm):
    """What to look for. Sent by POST, because a name must not stand in an address."""

    words = Line("Code or name", longest=LONGEST_SEARCH)


class SaveForm(PlannerForm):
    """The name under which a filter is kept."""

    name = Line("Name of the filter", [InputRequired("Enter a name for the filter.")], longest=LONGEST_NAME)
