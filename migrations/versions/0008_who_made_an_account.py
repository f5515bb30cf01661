"""Who made each account, as far as invitations, the set-up page and the history still tell."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

#: An account bears the very instant in which its invitation, or the set-up link, was used.
BY_INVITATION = """
    INSERT INTO account_origin (account_id, made_by_id)
    SELECT account.id, min(invitation.created_by_id) FROM account
    JOIN invitation ON invitation.email_key = account.email_key AND invitation.used_at = account.created_at
    WHERE invitation.created_by_id IS NOT NULL
    GROUP BY account.id
"""
BY_SETTING_UP = """
    INSERT INTO account_origin (account_id, made_by_id)
    SELECT account.id, NULL FROM account
    WHERE account.created_at IN (SELECT used_at FROM setup_ticket WHERE used_at IS NOT NULL)
    AND account.id NOT IN (SELECT account_id FROM account_origin)
    AND account.id = (SELECT min(id) FROM account)
"""
BY_SOMEBODY = """
    INSERT INTO account_origin (account_id, made_by_id)
    SELECT audit_entry.object_id, min(audit_entry.account_id) FROM audit_entry
    JOIN account ON account.id = audit_entry.object_id
    WHERE audit_entry.object_type = 'account' AND audit_entry.action = 'account.created'
    AND audit_entry.account_id IS NOT NULL
    AND audit_entry.object_id NOT IN (SELECT account_id FROM account_origin)
    GROUP BY audit_entry.object_id
"""


def upgrade() -> None:
    op.create_table(
        "account_origin",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_origin_account_id_account")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_account_origin_made_by_id_account")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_origin")),
    )
    for known in (BY_INVITATION, BY_SETTING_UP, BY_SOMEBODY):
        op.execute(known)


def downgrade() -> None:
    op.drop_table("account_origin")
