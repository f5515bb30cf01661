"""Times in the sentences of a decision."""

from planner.scheduling.wording import in_days, say
from tests.scheduling.plain import dose, on, view


def test_a_minute_is_told_in_the_sites_wall_time_on_a_24_hour_clock() -> None:
    look = view(dose(1, on(2, "09:00")))
    assert say(look, on(2, "15:05")) == "Wed 3 Feb 15:05"
    assert say(look, on(2, "09:00"), "Infusion") == "Infusion Wed 3 Feb 09:00"


def test_one_day_and_several() -> None:
    assert [in_days(count) for count in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
