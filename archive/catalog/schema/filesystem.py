"""Schema ``ops``: what walks over the file system found, now and through time, and how it differs from the catalog."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from archive.catalog.schema.base import key, metadata, name, now, time

MODES = ("full", "incremental")
DIFFERENCES = ("without_row", "without_file", "size_differs")


def _count(column: str, comment: str, *, nullable: bool = False) -> Column[int]:
    return Column(column, BigInteger, nullable=nullable, comment=comment)


def _scan() -> Column[object]:
    return Column(
        "run_id",
        UUID(as_uuid=True),
        ForeignKey("ops.scan_run.run_id", ondelete="CASCADE"),
        nullable=False,
        comment="The walk.",
    )


scan_run = Table(
    "scan_run",
    metadata,
    Column(
        "run_id",
        UUID(as_uuid=True),
        ForeignKey("ops.monitor_run.run_id", ondelete="CASCADE"),
        primary_key=True,
        comment="The run of the monitor that walked.",
    ),
    time("at", "Start of the walk, UTC.", nullable=False),
    name("mode", "full: every folder was listed; incremental: unchanged folders were taken over."),
    name(
        "reason", "Why it was full: first, due, asked, settings or links; empty: it was not.", server_default=text("''")
    ),
    name("declared", "SHA-256 of the areas as declared; others, or another version of ours, ask for a full walk."),
    _count("slot", "Which share of the unchanged folders was listed as well."),
    _count("threads", "Folders looked at at a time."),
    Column("walk_s", Double, nullable=False, comment="Duration of the walk, seconds."),
    Column("reconcile_s", Double, comment="Duration of the comparison with the catalog, seconds; null: none was made."),
    _count("n_folders", "Folders."),
    _count("n_listed", "Folders that were listed; the others had not changed."),
    _count("n_entries", "Entries of all folders: files, folders, links and special files, by name."),
    _count("n_stats", "Calls of the stat kind."),
    _count("n_vanished", "Entries that went away during the walk."),
    _count("n_denied", "Entries and folders that could not be looked at for want of permission."),
    _count("n_other", "Entries and folders that could not be looked at for another reason."),
    Column("complete", Boolean, nullable=False, comment="Whether everything was looked at; without, the sums are low."),
    Column(
        "errors", JSONB, nullable=False, server_default=text("'[]'"), comment="The first errors: kind, path, message."
    ),
    CheckConstraint(f"mode in ({', '.join(repr(mode) for mode in MODES)})", name="mode"),
    Index(None, "at"),
    schema="ops",
    comment="Walks over the watched areas.",
)

scan_device = Table(
    "scan_device",
    metadata,
    _scan(),
    name("mount", "Highest folder on the file system; its name for people, for ever."),
    _count("device", "Number of the device at that time."),
    _count("total_bytes", "Size of the file system, bytes."),
    _count("used_bytes", "Used by everybody, bytes."),
    _count("available_bytes", "Available to ordinary users, bytes."),
    _count("total_inodes", "Inodes; 0 where the file system has no fixed number."),
    _count("available_inodes", "Inodes available to ordinary users."),
    PrimaryKeyConstraint("run_id", "mount"),
    schema="ops",
    comment="File systems that hold the areas, each once however many areas it holds.",
)

scan_area = Table(
    "scan_area",
    metadata,
    _scan(),
    name("area", "Name of the area."),
    Column("root", Text, nullable=False, comment="Its folder."),
    name("mount", "The file system of its root; null: the root could not be looked at.", nullable=True),
    _count("n_folders", "Folders."),
    _count("n_entries", "Entries of all its folders, by name."),
    _count("n_files", "Regular files; one with several hard links counts once, where its first name is."),
    _count("n_bytes", "Their bytes."),
    _count("n_alloc_bytes", "Bytes allocated for them on disk."),
    _count("n_symlinks", "Symbolic links; none is followed."),
    _count("n_special", "Sockets, pipes and devices."),
    _count("n_unrecognised", "Names of regular files that the grammar of the area does not know."),
    _count("n_vanished", "Entries that went away during the walk."),
    _count("n_denied", "Entries and folders that could not be looked at for want of permission."),
    _count("n_other", "Entries and folders that could not be looked at for another reason."),
    Column("complete", Boolean, nullable=False, comment="Whether everything in it was looked at."),
    PrimaryKeyConstraint("run_id", "area"),
    schema="ops",
    comment="What lay in each area at each walk.",
)

scan_count = Table(
    "scan_count",
    metadata,
    _scan(),
    name("area", "Name of the area."),
    name("instrument", "Instrument by the names; empty: they do not tell."),
    name("level", "Level by the names; empty: they do not tell."),
    name("suffix", "Product by the names; empty: they do not tell."),
    name("extension", "Whole extension in lower case, for example fits.gz; empty: none."),
    _count("n_files", "Regular files, each once."),
    _count("n_bytes", "Their bytes."),
    _count("n_alloc_bytes", "Bytes allocated for them on disk."),
    time("oldest_mtime", "Oldest time of modification, UTC.", nullable=False),
    time("newest_mtime", "Newest time of modification, UTC.", nullable=False),
    PrimaryKeyConstraint("run_id", "area", "instrument", "level", "suffix", "extension"),
    schema="ops",
    comment="Files of each walk by what their names say.",
)

scan_element = Table(
    "scan_element",
    metadata,
    _scan(),
    name("instrument", "Short name of the instrument."),
    name("element", "Optical elements in use together, for example F115W/CLEAR."),
    _count("n_obs", "Observations with available files that used them; each counts once."),
    PrimaryKeyConstraint("run_id", "instrument", "element"),
    schema="ops",
    comment="Use of optical elements by the headers of cataloged files, at each walk.",
)

scan_unrecognised = Table(
    "scan_unrecognised",
    metadata,
    _scan(),
    name("area", "Name of the area."),
    name("path", "Folder below the area; bytes that are not UTF-8 are escaped."),
    _count("n", "Names in it that the grammar does not know."),
    Column("names", JSONB, nullable=False, comment="The first of them in order of the alphabet, escaped."),
    PrimaryKeyConstraint("run_id", "area", "path"),
    schema="ops",
    comment="Folders with names that are not recognised: the first of each walk.",
)

scan_folder = Table(
    "scan_folder",
    metadata,
    name("area", "Name of the area."),
    name("path", "Folder below the area; empty: its root."),
    _count("device", "Device of the folder."),
    _count("inode", "Inode of the folder."),
    _count("mtime_ns", "Its time of modification, ns since 1970."),
    _count("ctime_ns", "Its time of change, ns since 1970."),
    time("listed_at", "When it was listed last, UTC.", nullable=False),
    Column("reusable", Boolean, nullable=False, comment="Whether it may be taken over while its state is the same."),
    _count("n_folders", "Folders in it."),
    _count("n_symlinks", "Symbolic links in it."),
    _count("n_special", "Sockets, pipes and devices in it."),
    _count("n_files", "Regular files in it, by name."),
    _count("n_bytes", "Their bytes; not those of folders below."),
    _count("n_alloc_bytes", "Bytes allocated for them on disk."),
    _count("n_unrecognised", "Names that the grammar of the area does not know."),
    Column(
        "counts",
        JSONB,
        nullable=False,
        comment="Files with one name: instrument, level, suffix, extension, files, bytes, allocated, oldest, newest.",
    ),
    Column(
        "links",
        JSONB,
        nullable=False,
        comment="Files with several names: device, inode, name, the four parts, bytes, allocated, mtime.",
    ),
    Column("names", JSONB, nullable=False, comment="The first names that are not recognised, escaped."),
    PrimaryKeyConstraint("area", "path"),
    schema="ops",
    comment="What lies in each folder now, so that the next walk need not list what has not changed.",
)

scan_growth = Table(
    "scan_growth",
    metadata,
    name("area", "Name of the area."),
    name("path", "Folder below the area; empty: its root."),
    Column("day", Date, nullable=False, comment="UTC day of the walk."),
    _count("n_files", "Regular files in the folder from then on, by name."),
    _count("n_bytes", "Their bytes."),
    PrimaryKeyConstraint("area", "path", "day"),
    Index(None, "day"),
    schema="ops",
    comment="Size of each folder on the days on which it was found changed.",
)

scan_difference = Table(
    "scan_difference",
    metadata,
    key(),
    name("kind", "without_row: on disk only; without_file: in the catalog only; size_differs."),
    name("relpath", "Path below the archive home; bytes that are not UTF-8 are escaped."),
    _count("file_id", "The row of core.file, when there is one; it may be gone by now.", nullable=True),
    _count("disk_bytes", "Size on disk; null: it is not there.", nullable=True),
    _count("catalog_bytes", "Size in the catalog; null: it is not there.", nullable=True),
    name("file_state", "State of the row; null: there is none.", nullable=True),
    time("first_seen", "Since when every comparison has found it, UTC.", nullable=False),
    time("last_seen", "The newest comparison that found it, UTC.", nullable=False),
    time("closed_at", "When a comparison found it no more; null: it is open."),
    CheckConstraint(f"kind in ({', '.join(repr(kind) for kind in DIFFERENCES)})", name="kind"),
    Index("uq_scan_difference_open", "kind", "relpath", unique=True, postgresql_where=text("closed_at is null")),
    Index(None, "closed_at"),
    schema="ops",
    comment="Where the file system and the catalog disagree, each file by name, since when, and until when.",
)

query_time = Table(
    "query_time",
    metadata,
    key(),
    name("source", "What asked, for example site."),
    time("at", "When that work began, UTC.", nullable=False),
    name("name", "Name of the question; equal for equal questions with other parameters."),
    _count("n_calls", "How often it was asked in that work."),
    _count("n_rows", "Rows it returned together; null: unknown.", nullable=True),
    Column("total_s", Double, nullable=False, comment="Time all of them took, seconds."),
    Column("longest_s", Double, nullable=False, comment="Time the longest one took, seconds."),
    Column("statement", Text, nullable=False, comment="The SQL, shortened."),
    now("created_at", "When the row was written."),
    Index(None, "source", "at"),
    schema="ops",
    comment="How long questions to the catalog took, by piece of work; the slowest of each are kept.",
)
