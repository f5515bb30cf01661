"""Fetches of calendars that came too soon or missed are counted in a table of their own."""

import sqlalchemy as sa
from alembic import op

from planner.store.base import UtcInstant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar_try",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "sooner",
                "missed",
                name="calendar_try_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_try")),
    )
    op.create_index("ix_calendar_try_kind_who_at", "calendar_try", ["kind", "who", "at"], unique=False)
    op.create_index("ix_calendar_try_at", "calendar_try", ["at"], unique=False)
    # What was counted among the sign-ins counts for ten minutes at most: it is not carried over.
    op.execute(
        "DELETE FROM sign_in_attempt WHERE email_hash = 'calendar not found' OR address = 'calendar fetched again'"
    )


def downgrade() -> None:
    op.drop_index("ix_calendar_try_at", table_name="calendar_try")
    op.drop_index("ix_calendar_try_kind_who_at", table_name="calendar_try")
    op.drop_table("calendar_try")
