"""Changes to protocols before they are signed, and files that are brought in."""

import sqlalchemy as sa
from alembic import op

from planner.store.base import UtcInstant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protocol_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("protocol_id", sa.Integer(), nullable=False),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcInstant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["protocol_id"], ["protocol.id"], name=op.f("fk_protocol_draft_protocol_id_protocol")),
        sa.ForeignKeyConstraint(
            ["updated_by_id"], ["account.id"], name=op.f("fk_protocol_draft_updated_by_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protocol_draft")),
        sa.UniqueConstraint("protocol_id", name=op.f("uq_protocol_draft_protocol_id")),
    )
    op.create_table(
        "import_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "checking",
                "checked",
                "writing",
                "done",
                "failed",
                "stopped",
                name="import_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("problem_count", sa.Integer(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcInstant(), nullable=False),
        sa.Column("seen_at", UtcInstant(), nullable=False),
        sa.Column("finished_at", UtcInstant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_import_run_account_id_account")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_import_run_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_index(op.f("ix_import_run_account_id"), "import_run", ["account_id"], unique=False)
    op.add_column("protocol_version", sa.Column("note", sa.String(length=300), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_index(op.f("ix_import_run_account_id"), table_name="import_run")
    op.drop_table("import_run")
    op.drop_table("protocol_draft")
    op.drop_column("protocol_version", "note")
