"""Time zones as people choose them: by part of the world, then by city."""

from __future__ import annotations

import zoneinfo
from functools import cache

from wtforms.fields.choices import SelectChoice

#: The parts of the world whose names are cities; the others are names of old, or of clocks and no place.
PARTS = (
    "America", "Europe", "Australia", "Pacific", "Asia", "Africa", "Atlantic", "Indian", "Antarctica", "Arctic",
)  # fmt: skip


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
