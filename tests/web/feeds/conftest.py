"""The patient with a course, on the pages' own database."""

import pytest
from sqlalchemy.orm import Session

from tests.support.cast import Cast
from tests.web.my.stage import Stage, make_stage


@pytest.fixture
def stage(db: Session, cast: Cast) -> Stage:
    """Alder with a whole course; committed before the app is asked anything."""
    made = make_stage(db, cast)
    db.commit()
    return made
