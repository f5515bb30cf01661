"""What a clinic keeps of its places and people: holidays, travel, credentials, consent."""

import sqlalchemy as sa
from alembic import op

from planner.store.base import UtcInstant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_travel",
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("other_site_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes between 0 and 600", name=op.f("ck_site_travel_minutes")),
        sa.CheckConstraint("site_id < other_site_id", name=op.f("ck_site_travel_order")),
        sa.ForeignKeyConstraint(["other_site_id"], ["site.id"], name=op.f("fk_site_travel_other_site_id_site")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_travel_site_id_site")),
        sa.PrimaryKeyConstraint("site_id", "other_site_id", name=op.f("pk_site_travel")),
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_credential_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sa.UniqueConstraint("person_id", "name", name=op.f("uq_credential_person_id_name")),
    )
    op.add_column("chair", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("patient", sa.Column("messages_agreed_at", UtcInstant(), nullable=True))
    op.add_column("person", sa.Column("most_sessions_a_day", sa.Integer(), nullable=True))
    op.add_column("person", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("room", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("site", sa.Column("holiday_country", sa.String(length=2), server_default="", nullable=False))
    op.add_column("site", sa.Column("holiday_region", sa.String(length=10), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_table("credential")
    op.drop_table("site_travel")
    op.drop_column("chair", "version")
    op.drop_column("patient", "messages_agreed_at")
    op.drop_column("person", "most_sessions_a_day")
    op.drop_column("person", "version")
    op.drop_column("room", "version")
    op.drop_column("site", "holiday_country")
    op.drop_column("site", "holiday_region")
