"""Rosters of a site by week: patterns, drafts and published versions; breaks and who is on call."""

import sqlalchemy as sa
from alembic import op

from planner.store.base import UtcInstant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BREAK = (
    "(break_starts_minute is null and break_ends_minute is null) or (break_starts_minute > starts_minute "
    "and break_ends_minute > break_starts_minute and break_ends_minute < ends_minute)"
)


def upgrade() -> None:
    op.create_table(
        "shift_pattern",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("is_remote", sa.Boolean(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_minute", sa.Integer(), nullable=False),
        sa.Column("ends_minute", sa.Integer(), nullable=False),
        sa.Column("break_starts_minute", sa.Integer(), nullable=True),
        sa.Column("break_ends_minute", sa.Integer(), nullable=True),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("every_weeks", sa.Integer(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(_BREAK, name=op.f("ck_shift_pattern_break")),
        sa.CheckConstraint("every_weeks between 1 and 8", name=op.f("ck_shift_pattern_every_weeks")),
        sa.CheckConstraint(
            "starts_minute >= 0 and ends_minute > starts_minute and ends_minute <= 2880",
            name=op.f("ck_shift_pattern_wall"),
        ),
        sa.CheckConstraint("until_day is null or until_day >= from_day", name=op.f("ck_shift_pattern_order")),
        sa.CheckConstraint("weekday between 0 and 6", name=op.f("ck_shift_pattern_weekday")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_shift_pattern_person_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_shift_pattern_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_pattern")),
    )
    op.create_index(op.f("ix_shift_pattern_person_id"), "shift_pattern", ["person_id"], unique=False)
    op.create_index(op.f("ix_shift_pattern_site_id"), "shift_pattern", ["site_id"], unique=False)
    op.create_table(
        "pattern_exception",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pattern_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_minute", sa.Integer(), nullable=True),
        sa.Column("ends_minute", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(starts_minute is null and ends_minute is null) or (starts_minute >= 0 "
            "and ends_minute > starts_minute and ends_minute <= 2880)",
            name=op.f("ck_pattern_exception_wall"),
        ),
        sa.ForeignKeyConstraint(
            ["pattern_id"], ["shift_pattern.id"], name=op.f("fk_pattern_exception_pattern_id_shift_pattern")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pattern_exception")),
        sa.UniqueConstraint("pattern_id", "day", name=op.f("uq_pattern_exception_pattern_id_day")),
    )
    op.create_table(
        "roster_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("monday", sa.Date(), nullable=False),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("base_digest", sa.String(length=64), nullable=False),
        sa.Column("updated_by_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcInstant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_roster_draft_site_id_site")),
        sa.ForeignKeyConstraint(["updated_by_id"], ["account.id"], name=op.f("fk_roster_draft_updated_by_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_draft")),
        sa.UniqueConstraint("site_id", "monday", name=op.f("uq_roster_draft_site_id_monday")),
    )
    op.create_table(
        "draft_shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("is_remote", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_minute", sa.Integer(), nullable=False),
        sa.Column("ends_minute", sa.Integer(), nullable=False),
        sa.Column("break_starts_minute", sa.Integer(), nullable=True),
        sa.Column("break_ends_minute", sa.Integer(), nullable=True),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("starts_fold", sa.Integer(), nullable=False),
        sa.Column("ends_fold", sa.Integer(), nullable=False),
        sa.CheckConstraint(_BREAK, name=op.f("ck_draft_shift_break")),
        sa.CheckConstraint("starts_fold in (0, 1) and ends_fold in (0, 1)", name=op.f("ck_draft_shift_fold")),
        sa.CheckConstraint(
            "starts_minute >= 0 and ends_minute > starts_minute and ends_minute <= 2880",
            name=op.f("ck_draft_shift_wall"),
        ),
        sa.ForeignKeyConstraint(["draft_id"], ["roster_draft.id"], name=op.f("fk_draft_shift_draft_id_roster_draft")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_draft_shift_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_shift")),
    )
    op.create_index(op.f("ix_draft_shift_draft_id"), "draft_shift", ["draft_id"], unique=False)
    op.create_table(
        "roster_publication",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("monday", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_withdrawal", sa.Boolean(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("change_set_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcInstant(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_roster_publication_account_id_account")),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name=op.f("fk_roster_publication_change_set_id_change_set")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_roster_publication_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_publication")),
        sa.UniqueConstraint("site_id", "monday", "number", name=op.f("uq_roster_publication_site_id_monday_number")),
    )
    op.add_column("shift", sa.Column("break_starts_minute", sa.Integer(), nullable=True))
    op.add_column("shift", sa.Column("break_ends_minute", sa.Integer(), nullable=True))
    op.add_column("shift", sa.Column("break_starts_at", UtcInstant(), nullable=True))
    op.add_column("shift", sa.Column("break_ends_at", UtcInstant(), nullable=True))
    op.add_column("shift", sa.Column("on_call", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("shift", sa.Column("roster_site_id", sa.Integer(), nullable=True))
    # A telehealth shift belongs to the roster of the first site its person works at.
    op.execute(
        "UPDATE shift SET roster_site_id = COALESCE(site_id, "
        "(SELECT MIN(p.site_id) FROM person_site p WHERE p.person_id = shift.person_id), (SELECT MIN(id) FROM site))"
    )
    with op.batch_alter_table("shift") as shift:
        shift.alter_column("roster_site_id", existing_type=sa.Integer(), nullable=False)
        shift.create_foreign_key(op.f("fk_shift_roster_site_id_site"), "site", ["roster_site_id"], ["id"])
        shift.create_check_constraint(op.f("ck_shift_break"), _BREAK)
    op.create_index("ix_shift_roster_site_id_day", "shift", ["roster_site_id", "day"], unique=False)


def downgrade() -> None:
    op.drop_table("roster_publication")
    op.drop_index(op.f("ix_draft_shift_draft_id"), table_name="draft_shift")
    op.drop_table("draft_shift")
    op.drop_table("roster_draft")
    op.drop_table("pattern_exception")
    op.drop_index(op.f("ix_shift_pattern_site_id"), table_name="shift_pattern")
    op.drop_index(op.f("ix_shift_pattern_person_id"), table_name="shift_pattern")
    op.drop_table("shift_pattern")
    op.drop_index("ix_shift_roster_site_id_day", table_name="shift")
    with op.batch_alter_table("shift") as shift:
        shift.drop_constraint(op.f("ck_shift_break"), type_="check")
        shift.drop_constraint(op.f("fk_shift_roster_site_id_site"), type_="foreignkey")
        for column in (
            "roster_site_id",
            "on_call",
            "break_ends_at",
            "break_starts_at",
            "break_ends_minute",
            "break_starts_minute",
        ):
            shift.drop_column(column)
