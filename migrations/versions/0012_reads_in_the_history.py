"""Reads of records stand in the history too: it is looked through by what was done in a span of time."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_entry_action_at", "audit_entry", ["action", "at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_audit_entry_action_at", table_name="audit_entry")
