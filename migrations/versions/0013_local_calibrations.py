"""Calibrations that analysts write: beside the shipped ones, signed, taken back by a set of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013_local_calibrations"
down_revision = "0012_table_counts"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")

TABLE = "calibration_set"
SIGNED = (
    "case when source = 'local' then coalesce(author, '') <> '' and coalesce(reason, '') <> '' "
    "else author is null and reason is null and withdraws_id is null end"
)

BEFORE = "Version of the set; the highest one counts."
AFTER = "Version of the set, counted for each source; of one source the highest one counts."

COMMENT_BEFORE = "Versions of calibrations. Sets are appended, never edited."
COMMENT_AFTER = (
    "Versions of calibrations. Sets are appended, never edited; what is taken back is so by a set of its own."
)

#: New columns, in their order.
COLUMNS = (
    ("author", NAME, "Who wrote a local set; null for a shipped one."),
    ("reason", sa.Text(), "Why a local set was written; null for a shipped one."),
    ("basis", JSONB(), "What a local set rests on: selection, number and names of events."),
    ("shipped_version", sa.Integer(), "Highest shipped version when a local set was written."),
    ("withdraws_id", sa.BigInteger(),
     "The local set that this one takes back: it has no values and from then on that set counts no more."),
)  # fmt: skip


def upgrade() -> None:
    source = "shipped with the package, or local: written by an analyst; a local set comes before every shipped one."
    column = sa.Column("source", NAME, nullable=False, server_default=sa.text("'shipped'"), comment=source)
    op.add_column(TABLE, column, schema="core")
    for name, kind, comment in COLUMNS:
        op.add_column(TABLE, sa.Column(name, kind, nullable=True, comment=comment), schema="core")
    _count("instrument_id", "name", "source", "version", instead_of=("instrument_id", "name", "version"))
    op.create_unique_constraint(op.f("uq_calibration_set_withdraws_id"), TABLE, ["withdraws_id"], schema="core")
    op.create_foreign_key(
        op.f("fk_calibration_set_withdraws_id_calibration_set"), TABLE, TABLE, ["withdraws_id"], ["id"],
        source_schema="core", referent_schema="core",
    )  # fmt: skip
    sources = "source in ('shipped', 'local')"
    op.create_check_constraint(op.f("ck_calibration_set_source"), TABLE, sources, schema="core")
    op.create_check_constraint(op.f("ck_calibration_set_signed"), TABLE, SIGNED, schema="core")
    _say(AFTER, BEFORE)
    op.create_table_comment(TABLE, COMMENT_AFTER, existing_comment=COMMENT_BEFORE, schema="core")


def downgrade() -> None:
    # The older schema would take the number of a local set for that of a shipped one. What was computed with a local
    # set stays; its hash says that it was another input.
    op.execute("delete from core.calibration where calibration_set_id in"
               " (select id from core.calibration_set where source = 'local')")  # fmt: skip
    op.execute("delete from core.calibration_set where source = 'local'")
    for name in ("ck_calibration_set_signed", "ck_calibration_set_source"):
        op.drop_constraint(op.f(name), TABLE, schema="core")
    op.drop_constraint(op.f("fk_calibration_set_withdraws_id_calibration_set"), TABLE, schema="core")
    op.drop_constraint(op.f("uq_calibration_set_withdraws_id"), TABLE, schema="core")
    _count("instrument_id", "name", "version", instead_of=("instrument_id", "name", "source", "version"))
    for name, _, _ in COLUMNS[::-1]:
        op.drop_column(TABLE, name, schema="core")
    op.drop_column(TABLE, "source", schema="core")
    _say(BEFORE, AFTER)
    op.create_table_comment(TABLE, COMMENT_BEFORE, existing_comment=COMMENT_AFTER, schema="core")


def _count(*columns: str, instead_of: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"uq_{TABLE}_{'_'.join(instead_of)}"), TABLE, schema="core")
    op.create_unique_constraint(op.f(f"uq_{TABLE}_{'_'.join(columns)}"), TABLE, list(columns), schema="core")


def _say(comment: str, before: str) -> None:
    op.alter_column(TABLE, "version", existing_type=sa.Integer(), existing_nullable=False, comment=comment,
                    existing_comment=before, schema="core")  # fmt: skip
