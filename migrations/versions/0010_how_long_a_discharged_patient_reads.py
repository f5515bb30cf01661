"""When each patient was discharged, as the history tells it, and for how long they may read afterwards."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from planner.store.base import UtcInstant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PATIENT = sa.table(
    "patient",
    sa.column("id", sa.Integer()),
    sa.column("active", sa.Boolean()),
    sa.column("discharged_at", UtcInstant()),
)
AUDIT = sa.table(
    "audit_entry",
    sa.column("at", UtcInstant()),
    sa.column("action", sa.String()),
    sa.column("object_type", sa.String()),
    sa.column("object_id", sa.Integer()),
)
DAYS = "portal_days_after_discharge between 0 and 365"
DISCHARGED = "discharged_at is null or not active"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # which cannot add a check to a table, but can to a new column
        op.execute(
            "ALTER TABLE clinic ADD COLUMN portal_days_after_discharge INTEGER DEFAULT '90' NOT NULL "
            f"CONSTRAINT ck_clinic_portal_days CHECK ({DAYS})"
        )
        op.execute(
            "ALTER TABLE patient ADD COLUMN discharged_at INTEGER "
            f"CONSTRAINT ck_patient_discharged CHECK ({DISCHARGED})"
        )
    else:
        op.add_column(
            "clinic", sa.Column("portal_days_after_discharge", sa.Integer(), server_default="90", nullable=False)
        )
        op.create_check_constraint(op.f("ck_clinic_portal_days"), "clinic", DAYS)
        op.add_column("patient", sa.Column("discharged_at", UtcInstant(), nullable=True))
        op.create_check_constraint(op.f("ck_patient_discharged"), "patient", DISCHARGED)
    told = sa.select(sa.func.max(AUDIT.c.at)).where(
        AUDIT.c.action == "patient.discharge", AUDIT.c.object_type == "patient", AUDIT.c.object_id == PATIENT.c.id
    )
    gone = sa.not_(PATIENT.c.active)
    op.execute(sa.update(PATIENT).where(gone).values(discharged_at=told.scalar_subquery()))
    op.execute(
        sa.update(PATIENT).where(gone, PATIENT.c.discharged_at.is_(None)).values(discharged_at=datetime.now(UTC))
    )


def downgrade() -> None:
    op.drop_column("patient", "discharged_at")
    op.drop_column("clinic", "portal_days_after_discharge")
