"""Runs say of each table they wrote how many rows were inserted, updated and deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_table_counts"
down_revision = "0011_tags"
branch_labels = None
depends_on = None

TABLE = "monitor_run_table"


def upgrade() -> None:
    _add("n_insert", "Rows inserted.")
    # What was known before is the sum: inserted is what most of it was.
    op.execute("update ops.monitor_run_table set n_insert = n_rows")
    op.alter_column(TABLE, "n_insert", server_default=None, schema="ops")
    op.drop_column(TABLE, "n_rows", schema="ops")
    _add("n_update", "Rows updated.")
    _add("n_delete", "Rows deleted.")
    together = sa.Column(
        "n_rows",
        sa.BigInteger(),
        sa.Computed("n_insert + n_update + n_delete", persisted=True),
        comment="Rows inserted, updated and deleted, together.",
    )
    op.add_column(TABLE, together, schema="ops")


def downgrade() -> None:
    op.drop_column(TABLE, "n_rows", schema="ops")
    _add("n_rows", "Rows inserted or changed.")
    op.execute("update ops.monitor_run_table set n_rows = n_insert + n_update + n_delete")
    op.alter_column(TABLE, "n_rows", server_default=None, schema="ops")
    for name in ("n_delete", "n_update", "n_insert"):
        op.drop_column(TABLE, name, schema="ops")


def _add(name: str, comment: str) -> None:
    # A new column, not a new name for the old one: the server names NOT NULL constraints by their column.
    column = sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"), comment=comment)
    op.add_column(TABLE, column, schema="ops")
