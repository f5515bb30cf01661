"""The pages around a roster: absences, closed days, public holidays, somebody ill, and what has to be reassigned."""

from __future__ import annotations

import pytest

from tests.support.cast import Cast
from tests.support.planning_clinic import put_to_work
from tests.web.rosters.test_disrupting import SignIn

PAGES = ("absences", "closures", "holidays", "sick", "reassign", "closures/new", "absences/new")


@pytest.mark.parametrize("page", PAGES)
def test_a_coordinator_opens_every_page(db, cast: Cast, sign_in: SignIn, page: str) -> None:  # type: ignore[no-untyped-def]
    put_to_work(db, cast)
    db.commit()
    found = sign_in("coordinator").page(f"/rosters/{page}")
    assert cast.north.name in found.words
