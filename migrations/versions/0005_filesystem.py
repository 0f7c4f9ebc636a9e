"""Walks over the file system: areas, devices, counts, folders, differences from the catalog; times of questions."""

# ruff: noqa: E501 - one column, one line

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005_filesystem"
down_revision = "0004_monitors"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)

TABLES = (
    "query_time",
    "scan_difference",
    "scan_growth",
    "scan_folder",
    "scan_unrecognised",
    "scan_count",
    "scan_area",
    "scan_device",
    "scan_run",
)


def upgrade() -> None:
    _scan_run()
    _scan_device()
    _scan_area()
    _scan_count()
    _scan_unrecognised()
    _scan_folder()
    _scan_growth()
    _scan_difference()
    _query_time()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table, schema="ops")


def _scan_run() -> None:
    op.create_table(
        "scan_run",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The run of the monitor that walked."),
        sa.Column("at", TIME, nullable=False, comment="Start of the walk, UTC."),
        sa.Column(
            "mode",
            NAME,
            nullable=False,
            comment="full: every folder was listed; incremental: unchanged folders were taken over.",
        ),
        sa.Column(
            "reason",
            NAME,
            server_default=sa.text("''"),
            nullable=False,
            comment="Why it was full: first, due, asked, settings or links; empty: it was not.",
        ),
        sa.Column(
            "declared",
            NAME,
            nullable=False,
            comment="SHA-256 of the areas as declared; others, or another version of ours, ask for a full walk.",
        ),
        sa.Column(
            "slot", sa.BigInteger(), nullable=False, comment="Which share of the unchanged folders was listed as well."
        ),
        sa.Column("threads", sa.BigInteger(), nullable=False, comment="Folders looked at at a time."),
        sa.Column("walk_s", sa.Double(), nullable=False, comment="Duration of the walk, seconds."),
        sa.Column(
            "reconcile_s",
            sa.Double(),
            nullable=True,
            comment="Duration of the comparison with the catalog, seconds; null: none was made.",
        ),
        sa.Column("n_folders", sa.BigInteger(), nullable=False, comment="Folders."),
        sa.Column(
            "n_listed", sa.BigInteger(), nullable=False, comment="Folders that were listed; the others had not changed."
        ),
        sa.Column(
            "n_entries",
            sa.BigInteger(),
            nullable=False,
            comment="Entries of all folders: files, folders, links and special files, by name.",
        ),
        sa.Column("n_stats", sa.BigInteger(), nullable=False, comment="Calls of the stat kind."),
        sa.Column("n_vanished", sa.BigInteger(), nullable=False, comment="Entries that went away during the walk."),
        sa.Column(
            "n_denied",
            sa.BigInteger(),
            nullable=False,
            comment="Entries and folders that could not be looked at for want of permission.",
        ),
        sa.Column(
            "n_other",
            sa.BigInteger(),
            nullable=False,
            comment="Entries and folders that could not be looked at for another reason.",
        ),
        sa.Column(
            "complete",
            sa.Boolean(),
            nullable=False,
            comment="Whether everything was looked at; without, the sums are low.",
        ),
        sa.Column(
            "errors",
            JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="The first errors: kind, path, message.",
        ),
        sa.CheckConstraint("mode in ('full', 'incremental')", name=op.f("ck_scan_run_mode")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.monitor_run.run_id"], name="fk_scan_run_run_id_monitor_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_scan_run"),
        schema="ops",
        comment="Walks over the watched areas.",
    )
    op.create_index("ix_scan_run_at", "scan_run", ["at"], unique=False, schema="ops")


def _scan_device() -> None:
    op.create_table(
        "scan_device",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The walk."),
        sa.Column(
            "mount", NAME, nullable=False, comment="Highest folder on the file system; its name for people, for ever."
        ),
        sa.Column("device", sa.BigInteger(), nullable=False, comment="Number of the device at that time."),
        sa.Column("total_bytes", sa.BigInteger(), nullable=False, comment="Size of the file system, bytes."),
        sa.Column("used_bytes", sa.BigInteger(), nullable=False, comment="Used by everybody, bytes."),
        sa.Column("available_bytes", sa.BigInteger(), nullable=False, comment="Available to ordinary users, bytes."),
        sa.Column(
            "total_inodes",
            sa.BigInteger(),
            nullable=False,
            comment="Inodes; 0 where the file system has no fixed number.",
        ),
        sa.Column("available_inodes", sa.BigInteger(), nullable=False, comment="Inodes available to ordinary users."),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.scan_run.run_id"], name="fk_scan_device_run_id_scan_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "mount", name="pk_scan_device"),
        schema="ops",
        comment="File systems that hold the areas, each once however many areas it holds.",
    )


def _scan_area() -> None:
    op.create_table(
        "scan_area",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The walk."),
        sa.Column("area", NAME, nullable=False, comment="Name of the area."),
        sa.Column("root", sa.Text(), nullable=False, comment="Its folder."),
        sa.Column(
            "mount", NAME, nullable=True, comment="The file system of its root; null: the root could not be looked at."
        ),
        sa.Column("n_folders", sa.BigInteger(), nullable=False, comment="Folders."),
        sa.Column("n_entries", sa.BigInteger(), nullable=False, comment="Entries of all its folders, by name."),
        sa.Column(
            "n_files",
            sa.BigInteger(),
            nullable=False,
            comment="Regular files; one with several hard links counts once, where its first name is.",
        ),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False, comment="Their bytes."),
        sa.Column("n_alloc_bytes", sa.BigInteger(), nullable=False, comment="Bytes allocated for them on disk."),
        sa.Column("n_symlinks", sa.BigInteger(), nullable=False, comment="Symbolic links; none is followed."),
        sa.Column("n_special", sa.BigInteger(), nullable=False, comment="Sockets, pipes and devices."),
        sa.Column(
            "n_unrecognised",
            sa.BigInteger(),
            nullable=False,
            comment="Names of regular files that the grammar of the area does not know.",
        ),
        sa.Column("n_vanished", sa.BigInteger(), nullable=False, comment="Entries that went away during the walk."),
        sa.Column(
            "n_denied",
            sa.BigInteger(),
            nullable=False,
            comment="Entries and folders that could not be looked at for want of permission.",
        ),
        sa.Column(
            "n_other",
            sa.BigInteger(),
            nullable=False,
            comment="Entries and folders that could not be looked at for another reason.",
        ),
        sa.Column("complete", sa.Boolean(), nullable=False, comment="Whether everything in it was looked at."),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.scan_run.run_id"], name="fk_scan_area_run_id_scan_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "area", name="pk_scan_area"),
        schema="ops",
        comment="What lay in each area at each walk.",
    )


def _scan_count() -> None:
    op.create_table(
        "scan_count",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The walk."),
        sa.Column("area", NAME, nullable=False, comment="Name of the area."),
        sa.Column("instrument", NAME, nullable=False, comment="Instrument by the names; empty: they do not tell."),
        sa.Column("level", NAME, nullable=False, comment="Level by the names; empty: they do not tell."),
        sa.Column("suffix", NAME, nullable=False, comment="Product by the names; empty: they do not tell."),
        sa.Column(
            "extension",
            NAME,
            nullable=False,
            comment="Whole extension in lower case, for example fits.gz; empty: none.",
        ),
        sa.Column("n_files", sa.BigInteger(), nullable=False, comment="Regular files, each once."),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False, comment="Their bytes."),
        sa.Column("n_alloc_bytes", sa.BigInteger(), nullable=False, comment="Bytes allocated for them on disk."),
        sa.Column("oldest_mtime", TIME, nullable=False, comment="Oldest time of modification, UTC."),
        sa.Column("newest_mtime", TIME, nullable=False, comment="Newest time of modification, UTC."),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.scan_run.run_id"], name="fk_scan_count_run_id_scan_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "area", "instrument", "level", "suffix", "extension", name="pk_scan_count"),
        schema="ops",
        comment="Files of each walk by what their names say.",
    )


def _scan_unrecognised() -> None:
    op.create_table(
        "scan_unrecognised",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The walk."),
        sa.Column("area", NAME, nullable=False, comment="Name of the area."),
        sa.Column("path", NAME, nullable=False, comment="Folder below the area; bytes that are not UTF-8 are escaped."),
        sa.Column("n", sa.BigInteger(), nullable=False, comment="Names in it that the grammar does not know."),
        sa.Column("names", JSONB(), nullable=False, comment="The first of them in order of the alphabet, escaped."),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.scan_run.run_id"], name="fk_scan_unrecognised_run_id_scan_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "area", "path", name="pk_scan_unrecognised"),
        schema="ops",
        comment="Folders with names that are not recognised: the first of each walk.",
    )


def _scan_folder() -> None:
    op.create_table(
        "scan_folder",
        sa.Column("area", NAME, nullable=False, comment="Name of the area."),
        sa.Column("path", NAME, nullable=False, comment="Folder below the area; empty: its root."),
        sa.Column("device", sa.BigInteger(), nullable=False, comment="Device of the folder."),
        sa.Column("inode", sa.BigInteger(), nullable=False, comment="Inode of the folder."),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False, comment="Its time of modification, ns since 1970."),
        sa.Column("ctime_ns", sa.BigInteger(), nullable=False, comment="Its time of change, ns since 1970."),
        sa.Column("listed_at", TIME, nullable=False, comment="When it was listed last, UTC."),
        sa.Column(
            "reusable",
            sa.Boolean(),
            nullable=False,
            comment="Whether it may be taken over while its state is the same.",
        ),
        sa.Column("n_folders", sa.BigInteger(), nullable=False, comment="Folders in it."),
        sa.Column("n_symlinks", sa.BigInteger(), nullable=False, comment="Symbolic links in it."),
        sa.Column("n_special", sa.BigInteger(), nullable=False, comment="Sockets, pipes and devices in it."),
        sa.Column("n_files", sa.BigInteger(), nullable=False, comment="Regular files in it, by name."),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False, comment="Their bytes; not those of folders below."),
        sa.Column("n_alloc_bytes", sa.BigInteger(), nullable=False, comment="Bytes allocated for them on disk."),
        sa.Column(
            "n_unrecognised",
            sa.BigInteger(),
            nullable=False,
            comment="Names that the grammar of the area does not know.",
        ),
        sa.Column(
            "counts",
            JSONB(),
            nullable=False,
            comment="Files with one name: instrument, level, suffix, extension, files, bytes, allocated, oldest, newest.",
        ),
        sa.Column(
            "links",
            JSONB(),
            nullable=False,
            comment="Files with several names: device, inode, name, the four parts, bytes, allocated, mtime.",
        ),
        sa.Column("names", JSONB(), nullable=False, comment="The first names that are not recognised, escaped."),
        sa.PrimaryKeyConstraint("area", "path", name="pk_scan_folder"),
        schema="ops",
        comment="What lies in each folder now, so that the next walk need not list what has not changed.",
    )


def _scan_growth() -> None:
    op.create_table(
        "scan_growth",
        sa.Column("area", NAME, nullable=False, comment="Name of the area."),
        sa.Column("path", NAME, nullable=False, comment="Folder below the area; empty: its root."),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day of the walk."),
        sa.Column(
            "n_files", sa.BigInteger(), nullable=False, comment="Regular files in the folder from then on, by name."
        ),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False, comment="Their bytes."),
        sa.PrimaryKeyConstraint("area", "path", "day", name="pk_scan_growth"),
        schema="ops",
        comment="Size of each folder on the days on which it was found changed.",
    )
    op.create_index("ix_scan_growth_day", "scan_growth", ["day"], unique=False, schema="ops")


def _scan_difference() -> None:
    op.create_table(
        "scan_difference",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column(
            "kind",
            NAME,
            nullable=False,
            comment="without_row: on disk only; without_file: in the catalog only; size_differs.",
        ),
        sa.Column(
            "relpath",
            NAME,
            nullable=False,
            comment="Path below the archive home; bytes that are not UTF-8 are escaped.",
        ),
        sa.Column(
            "file_id",
            sa.BigInteger(),
            nullable=True,
            comment="The row of core.file, when there is one; it may be gone by now.",
        ),
        sa.Column("disk_bytes", sa.BigInteger(), nullable=True, comment="Size on disk; null: it is not there."),
        sa.Column(
            "catalog_bytes", sa.BigInteger(), nullable=True, comment="Size in the catalog; null: it is not there."
        ),
        sa.Column("file_state", NAME, nullable=True, comment="State of the row; null: there is none."),
        sa.Column("first_seen", TIME, nullable=False, comment="Since when every comparison has found it, UTC."),
        sa.Column("last_seen", TIME, nullable=False, comment="The newest comparison that found it, UTC."),
        sa.Column("closed_at", TIME, nullable=True, comment="When a comparison found it no more; null: it is open."),
        sa.CheckConstraint(
            "kind in ('without_row', 'without_file', 'size_differs')", name=op.f("ck_scan_difference_kind")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_scan_difference"),
        schema="ops",
        comment="Where the file system and the catalog disagree, each file by name, since when, and until when.",
    )
    op.create_index("ix_scan_difference_closed_at", "scan_difference", ["closed_at"], unique=False, schema="ops")
    op.create_index(
        "uq_scan_difference_open",
        "scan_difference",
        ["kind", "relpath"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("closed_at is null"),
    )


def _query_time() -> None:
    op.create_table(
        "query_time",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("source", NAME, nullable=False, comment="What asked, for example site."),
        sa.Column("at", TIME, nullable=False, comment="When that work began, UTC."),
        sa.Column(
            "name",
            NAME,
            nullable=False,
            comment="Name of the question; equal for equal questions with other parameters.",
        ),
        sa.Column("n_calls", sa.BigInteger(), nullable=False, comment="How often it was asked in that work."),
        sa.Column("n_rows", sa.BigInteger(), nullable=True, comment="Rows it returned together; null: unknown."),
        sa.Column("total_s", sa.Double(), nullable=False, comment="Time all of them took, seconds."),
        sa.Column("longest_s", sa.Double(), nullable=False, comment="Time the longest one took, seconds."),
        sa.Column("statement", sa.Text(), nullable=False, comment="The SQL, shortened."),
        sa.Column(
            "created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When the row was written."
        ),
        sa.PrimaryKeyConstraint("id", name="pk_query_time"),
        schema="ops",
        comment="How long questions to the catalog took, by piece of work; the slowest of each are kept.",
    )
    op.create_index("ix_query_time_source_at", "query_time", ["source", "at"], unique=False, schema="ops")
