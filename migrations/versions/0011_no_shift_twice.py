"""Nobody has two shifts at once on one roster. Nothing is mended: which of two is meant, the clinic knows."""

import sqlalchemy as sa
from alembic import op

from planner.store.guards import GuardMissing

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOST_TOLD = 5
TWICE = """SELECT a.person_id, s.name, a.day, b.day FROM shift a JOIN shift b ON b.person_id = a.person_id
  AND b.roster_site_id = a.roster_site_id AND b.id > a.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
  JOIN site s ON s.id = a.roster_site_id ORDER BY a.starts_at, a.id, b.id"""


class ShiftsOverlap(GuardMissing):
    """Somebody has two shifts at once on one roster; the database stays at the migration before."""


def upgrade() -> None:
    """Only look: the guard itself is put in place after every migration, with the others."""
    found = op.get_bind().execute(sa.text(TWICE)).all()
    if found:
        told = [
            f"person {person_id} at {site} on {first}" + ("" if first == second else f" and {second}")
            for person_id, site, first, second in found[:MOST_TOLD]
        ]
        more = f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
        raise ShiftsOverlap(
            f"Somebody has two shifts at once on one roster: {'; '.join(told)}{more}. "
            "Nothing was changed. Start the version before, publish those weeks without one of them, and migrate again."
        )


def downgrade() -> None:
    """Nothing was made."""
