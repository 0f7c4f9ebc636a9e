"""Runs say over which time the data lie that they were given; runs that failed are found by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_run_data"
down_revision = "0006_fits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, comment in (
        ("data_start", "When the data begin of the new files the run was given, UTC; null: it was given none."),
        ("data_end", "When those data end, UTC."),
    ):
        column = sa.Column(name, sa.DateTime(timezone=True), nullable=True, comment=comment)
        op.add_column("monitor_run", column, schema="ops")
    op.create_index(
        "ix_monitor_run_bad",
        "monitor_run",
        ["monitor_id", sa.text("started desc")],
        schema="ops",
        postgresql_where=sa.text("state in ('failure', 'killed')"),
    )


def downgrade() -> None:
    op.drop_index("ix_monitor_run_bad", table_name="monitor_run", schema="ops")
    for name in ("data_end", "data_start"):
        op.drop_column("monitor_run", name, schema="ops")
