"""Time zones as people choose them: by part of the world, then by city.

A browser's own list needs no script: typing a city's first letters goes to it.
"""

from __future__ import annotations

import os
import zoneinfo
from functools import cache
from pathlib import Path
from typing import Any

from wtforms import SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, ValidationError

from planner.domain.walltime import UnknownZone, zone_named
from planner.web.fields import check_text

#: The parts of the world whose names are cities; the others are names of old, or of clocks and no place.
PARTS = (
    "America", "Europe", "Australia", "Pacific", "Asia", "Africa", "Atlantic", "Indian", "Antarctica", "Arctic",
)  # fmt: skip
LONGEST_ZONE = 64
LOCALTIME = Path("/etc/localtime")


class ZoneField(SelectField):
    """A zone from the list; one that is kept already, or was sent by hand, stands beside it."""

    def __init__(self, label: str, missing: str, **options: Any) -> None:
        super().__init__(label, [InputRequired(missing)], choices=_choices_with, validate_choice=False, **options)

    def pre_validate(self, form: Any) -> None:
        if not self.data:
            return
        check_text(self.data, LONGEST_ZONE)
        try:
            zone_named(self.data)
        except UnknownZone as unknown:
            raise ValidationError(str(unknown)) from unknown


def _choices_with(form: Any, field: Any) -> tuple[SelectChoice, ...]:
    listed = zone_choices()
    if not field.data or any(choice.value == field.data for choice in listed):
        return listed
    return (*listed, SelectChoice(field.data, field.data, optgroup="As it is now"))


def server_zone() -> str:
    """The zone of the machine, where it is one that people choose: mostly the clinic's own. Empty where it is not."""
    named = os.environ.get("TZ", "").removeprefix(":") or str(LOCALTIME.resolve()).partition("/zoneinfo/")[2]
    return named if any(named and choice.value == named for choice in zone_choices()) else ""


@cache
def zone_choices() -> tuple[SelectChoice, ...]:
    """Every zone of a place, “Chicago” under “America”, and none chosen yet."""
    names = sorted(name for name in zoneinfo.available_timezones() if name.split("/")[0] in PARTS)
    return (
        SelectChoice("", "Choose a time zone"),
        *(SelectChoice(name, city_of(name), optgroup=part) for part in PARTS for name in names if _is_in(name, part)),
    )


def city_of(zone: str) -> str:
    """“Indiana: Knox” for America/Indiana/Knox."""
    return ": ".join(zone.split("/")[1:]).replace("_", " ")


def _is_in(name: str, part: str) -> bool:
    return name.startswith(part + "/")
