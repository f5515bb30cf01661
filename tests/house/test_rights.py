"""Rights are taken away in few places only, and all of them end the calendar links that hung on them."""

import re

from tests.house.sources import ROOT, python_files

#: A chair, room or site out of use takes nobody's right away.
TAKES_AWAY = re.compile(
    r"delete\((AccountRole|AccountSite|Account|Patient|Person)\)|(?<!place)(?<!site)\.active = (?!True)"
)
PLACES = {
    "planner/services/accounts.py",
    "planner/services/rights.py",
    "planner/services/leaving.py",
    "planner/services/discharging.py",
}


def test_whoever_takes_a_right_away_ends_the_links_that_hung_on_it() -> None:
    takers = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in python_files()
        if path.is_relative_to(ROOT / "planner") and TAKES_AWAY.search(path.read_text(encoding="utf-8"))
    }
    assert set(takers) == PLACES
    assert all("retire_lost(" in text for text in takers.values())
