"""The last change to a protocol's draft can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("protocol_draft", sa.Column("previous", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("protocol_draft", "previous")
