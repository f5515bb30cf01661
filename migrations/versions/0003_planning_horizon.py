"""How many months ahead a clinic keeps its rosters."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clinic", sa.Column("plan_ahead_months", sa.Integer(), server_default="36", nullable=False))


def downgrade() -> None:
    op.drop_column("clinic", "plan_ahead_months")
