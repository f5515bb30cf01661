"""Which time zone data decides, and what it calls itself."""

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from planner.domain.walltime import resolve_wall
from planner.domain.zonedata import UNNAMED, zone_data_version
from tests.support.zones import put_zone_files, zone_data

CHICAGO = "America/Chicago"
SUMMER = datetime(2027, 7, 1, 10, 0)
ASK = (
    "from datetime import datetime; from planner.domain.walltime import resolve_wall;"
    "from planner.domain.zonedata import zone_data_version;"
    "print(zone_data_version(), resolve_wall(datetime(2027, 7, 1, 10, 0), 'America/Chicago').hour)"
)


def test_the_pinned_package_decides_whatever_the_machine_has() -> None:
    assert zoneinfo.TZPATH == ()
    assert zone_data_version() == version("tzdata")


def test_a_folder_of_ones_own_decides_and_names_its_release(tmp_path: Path) -> None:
    put_zone_files(tmp_path, {CHICAGO: "CST6"}, "2027z")
    assert resolve_wall(SUMMER, CHICAGO) == datetime(2027, 7, 1, 15, 0, tzinfo=UTC)
    with zone_data(tmp_path):
        assert zone_data_version() == "2027z"
        assert resolve_wall(SUMMER, CHICAGO) == datetime(2027, 7, 1, 16, 0, tzinfo=UTC)
        assert resolve_wall(SUMMER, "Europe/Oslo") == datetime(2027, 7, 1, 8, 0, tzinfo=UTC)
    assert zone_data_version() == version("tzdata")
    assert resolve_wall(SUMMER, CHICAGO) == datetime(2027, 7, 1, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [("+VERSION", "2027b\n", "2027b"), ("tzdata.zi", "# version 2027c-and-much-more\n", "2027c-and-much-m"),
     ("tzdata.zi", "", UNNAMED), ("other", "2027d", UNNAMED)],
)  # fmt: skip
def test_a_release_is_read_where_zone_files_keep_it(tmp_path: Path, file: str, text: str, said: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    with zone_data(tmp_path):
        assert zone_data_version() == said


@pytest.mark.parametrize("own", [True, False])
def test_the_environment_may_name_a_folder(tmp_path: Path, own: bool) -> None:
    put_zone_files(tmp_path, {CHICAGO: "CST6"}, "2027z")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONTZPATH"}
    said = subprocess.run(
        [sys.executable, "-c", ASK], check=True, capture_output=True, text=True,
        env=environment | ({"PYTHONTZPATH": str(tmp_path)} if own else {}),
        cwd=Path(__file__).resolve().parents[2],
    ).stdout.split()  # fmt: skip
    assert said == (["2027z", "16"] if own else [version("tzdata"), "15"])
