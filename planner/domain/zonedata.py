"""Which time zone data is in force, and what it calls itself.

The pinned package decides, not the machine: two machines then tell one wall time the same instant. Without this, Python
would read the system's own zone files first. `PYTHONTZPATH` names a folder of other zone files, as Python has it.
"""

from __future__ import annotations

import os
import zoneinfo
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

LONGEST: Final = 16
"""As many characters as an appointment keeps."""

UNNAMED: Final = "unnamed"
#: Where compiled zone files say which release they are; the first word that is one.
_SAID_IN: Final = ("tzdata.zi", "+VERSION")


def use_pinned_data() -> None:
    """Read zones from the pinned package alone, unless `PYTHONTZPATH` says where else."""
    if not os.environ.get("PYTHONTZPATH"):
        zoneinfo.reset_tzpath(to=())


def zone_data_version() -> str:
    """The release of the data that instants are derived with, such as 2026.6."""
    return _version_in(zoneinfo.TZPATH)


@cache
def _version_in(folders: tuple[str, ...]) -> str:
    there = [Path(folder) for folder in folders if Path(folder).is_dir()]
    for folder in there:
        for name in _SAID_IN:
            if (said := _first_line(folder / name)) != "":
                return said.split()[-1][:LONGEST]
    return UNNAMED if there else version("tzdata")


def _first_line(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline().strip()
    except (OSError, UnicodeDecodeError):
        return ""
