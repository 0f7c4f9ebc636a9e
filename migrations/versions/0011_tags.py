"""Tags of files and events; use of optical elements at each walk over the file system."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0011_tags"
down_revision = "0010_overrides"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")


def upgrade() -> None:
    _kinds()
    _tag()
    _elements()


def downgrade() -> None:
    op.drop_table("scan_element", schema="ops")
    for table in ("tag", "tag_kind_instrument", "tag_kind"):
        op.drop_table(table, schema="core")


def _key(comment: str) -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment=comment)


def _created(comment: str) -> sa.Column[object]:
    time = sa.DateTime(timezone=True)
    return sa.Column("created_at", time, server_default=sa.text("now()"), nullable=False, comment=comment)


def _column(name: str, kind: sa.types.TypeEngine[object], comment: str) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def _kinds() -> None:
    op.create_table(
        "tag_kind",
        _key("Surrogate key; never reused, gaps are normal."),
        _column("name", NAME, "Lower-case name, for example needs_discussion."),
        _column("title", sa.Text(), "What it says, for people."),
        _created("When it was defined."),
        sa.CheckConstraint("name ~ '^[a-z][a-z0-9_]*$'", name=op.f("ck_tag_kind_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_kind")),
        sa.UniqueConstraint("name", name=op.f("uq_tag_kind_name")),
        schema="core",
        comment="What files and events can be tagged with; a new kind is a row.",
    )
    op.create_table(
        "tag_kind_instrument",
        _column("tag_kind_id", sa.BigInteger(), "The kind."),
        _column("instrument_id", sa.BigInteger(), "An instrument it applies to."),
        sa.ForeignKeyConstraint(
            ["tag_kind_id"], ["core.tag_kind.id"], name=op.f("fk_tag_kind_instrument_tag_kind_id_tag_kind")
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"], ["core.instrument.id"], name=op.f("fk_tag_kind_instrument_instrument_id_instrument")
        ),
        sa.PrimaryKeyConstraint("tag_kind_id", "instrument_id", name=op.f("pk_tag_kind_instrument")),
        schema="core",
        comment="Instruments a kind of tag applies to; a kind without any applies to all.",
    )


def _tag() -> None:
    op.create_table(
        "tag",
        _key("Surrogate key; the order in which people spoke."),
        _column("tag_kind_id", sa.BigInteger(), "What is said."),
        _column("action", NAME, "add, or remove: taken back."),
        _column("instrument_id", sa.BigInteger(), "Instrument of the file or event."),
        _column("subject_kind", NAME, "file or event."),
        _column("subject", NAME, "SHA-256 of the file, or identity of the event."),
        _column("author", NAME, "Who says so."),
        _column("reason", sa.Text(), "Why."),
        _created("When it was said."),
        sa.CheckConstraint("action in ('add', 'remove')", name=op.f("ck_tag_action")),
        sa.CheckConstraint("subject_kind in ('file', 'event')", name=op.f("ck_tag_subject_kind")),
        sa.CheckConstraint("author <> '' and reason <> '' and subject <> ''", name=op.f("ck_tag_signed")),
        sa.ForeignKeyConstraint(["tag_kind_id"], ["core.tag_kind.id"], name=op.f("fk_tag_tag_kind_id_tag_kind")),
        sa.ForeignKeyConstraint(
            ["instrument_id"], ["core.instrument.id"], name=op.f("fk_tag_instrument_id_instrument")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        schema="core",
        comment="Tags of files and events: rows are appended, never edited; taking a tag back is a row of its own.",
    )
    op.create_index(op.f("ix_tag_tag_kind_id"), "tag", ["tag_kind_id"], schema="core")
    subject = ["subject_kind", "subject", "instrument_id", "tag_kind_id", sa.text("id desc")]
    op.create_index("ix_tag_subject", "tag", subject, schema="core")


def _elements() -> None:
    op.create_table(
        "scan_element",
        _column("run_id", UUID(as_uuid=True), "The walk."),
        _column("instrument", NAME, "Short name of the instrument."),
        _column("element", NAME, "Optical elements in use together, for example F115W/CLEAR."),
        _column("n_obs", sa.BigInteger(), "Observations with available files that used them; each counts once."),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.scan_run.run_id"], name=op.f("fk_scan_element_run_id_scan_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "instrument", "element", name=op.f("pk_scan_element")),
        schema="ops",
        comment="Use of optical elements by the headers of cataloged files, at each walk.",
    )
