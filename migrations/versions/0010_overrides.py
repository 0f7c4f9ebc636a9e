"""Further words of analysts: line shapes with extras, gains, baselines, materials; species that a line may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010_overrides"
down_revision = "0009_trends"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")

BEFORE = ("set", "refit", "add", "remove", "species", "anchors", "sensitivity", "reset")
AFTER = (*BEFORE[:-1], "gains", "baseline", "material", "reset")

#: New columns, in their order.
COLUMNS = (
    ("line_analysis", "candidates", JSONB(),
     "Known species within max(0.25 u, 3 errors) of the mass, the nearest first."),
    ("line_analysis", "shape", NAME, "Shape of the line: emg, or what an analyst chose."),
    ("line_analysis", "extras", JSONB(), "What the shape needs beyond its four parameters, by name."),
    ("spectrum_analysis", "gains", NAME, "Gains that were merged, parted by blanks, as an analyst chose; null: all."),
    ("composition_analysis", "material_origin", NAME, "automatic or override; null without a material."),
)  # fmt: skip

UNIQUE = "Whether no second reference is within reach; null "


def upgrade() -> None:
    for table, name, kind, comment in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True, comment=comment), schema="idex")
    _say(f"{UNIQUE}when none is near.", f"{UNIQUE}without a species.")
    _permit(AFTER)


def downgrade() -> None:
    # A word of a kind that the older schema does not know takes with it what was computed from it.
    op.execute("delete from core.event_analysis where override_id in (select id from core.fit_override"
               " where action in ('gains', 'baseline', 'material'))")  # fmt: skip
    op.execute("update core.fit_override set supersedes_id = null where supersedes_id in (select id from"
               " core.fit_override where action in ('gains', 'baseline', 'material'))")  # fmt: skip
    op.execute("delete from core.fit_override where action in ('gains', 'baseline', 'material')")
    _permit(BEFORE)
    _say(f"{UNIQUE}without a species.", f"{UNIQUE}when none is near.")
    for table, name, _, _ in COLUMNS[::-1]:
        op.drop_column(table, name, schema="idex")


def _permit(actions: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_fit_override_action"), "fit_override", schema="core")
    condition = f"action in ({', '.join(repr(action) for action in actions)})"
    op.create_check_constraint(op.f("ck_fit_override_action"), "fit_override", condition, schema="core")
    comment = f"What is done: {', '.join(actions)}."
    op.alter_column("fit_override", "action", existing_type=NAME, existing_nullable=False, comment=comment,
                    existing_comment=None, schema="core")  # fmt: skip


def _say(comment: str, before: str) -> None:
    op.alter_column("line_analysis", "species_unique", existing_type=sa.Boolean(), existing_nullable=True,
                    comment=comment, existing_comment=before, schema="idex")  # fmt: skip
